"""Where the playbooks lie: in the checkout, or in the prefix that a wheel was installed to."""

from __future__ import annotations

import sysconfig
from pathlib import Path

from ..errors import MissingToolError

CHECKOUT = Path(__file__).resolve().parents[2] / "playbooks"
INSTALLED = Path(sysconfig.get_path("data")) / "share" / "practicum" / "playbooks"


def playbook_file(name: str) -> Path:
    """Return the file of a playbook.

    Raises:
        MissingToolError: If the installation has lost it.
    """
    for folder in (CHECKOUT, INSTALLED):
        path = folder / f"{name}.yml"
        if path.is_file():
            return path
    raise MissingToolError(
        f"The playbook {name} is not there.", hint="Install Practicum again, or use a checkout."
    )
