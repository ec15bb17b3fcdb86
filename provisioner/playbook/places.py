"""Where the playbooks lie: beside this package, in a checkout and where a wheel is installed."""

from __future__ import annotations

from pathlib import Path

from ..errors import MissingToolError

FOLDER = Path(__file__).resolve().parents[2] / "playbooks"


def playbook_file(name: str) -> Path:
    """Return the file of a playbook.

    Raises:
        MissingToolError: If the installation has lost it.
    """
    path = FOLDER / f"{name}.yml"
    if not path.is_file():
        raise MissingToolError(
            f"The playbook {name} is not there.", hint="Install Practicum again, or use a checkout."
        )
    return path
