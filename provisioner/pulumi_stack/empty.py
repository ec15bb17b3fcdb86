"""Make an empty stack in a state of files, without a process of Pulumi's.

``pulumi stack init`` writes this very file first. It costs a start of the engine and one
more derivation of the key, half a CPU second; the ``up`` that follows derives it anyway.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from .. import private_file
from ..errors import InputError


def write(url: str, project: str, stack: str) -> bool:
    """Write a stack that has nothing in it.

    Args:
        url: The state backend.
        project: The Pulumi project.
        stack: The stack's name.

    Returns:
        Whether the stack is there now. Not where the state is elsewhere, or so new that
        Pulumi has not yet said which layout it has.
    """
    folder = Path(url.removeprefix("file://")) / ".pulumi"
    if not url.startswith("file://") or not (folder / "meta.yaml").exists():
        return False
    path = folder / "stacks" / project / f"{stack}.json"
    if any(path.parent.glob(f"{stack}.json*")):
        return True
    checkpoint = {"stack": f"organization/{project}/{stack}"}
    with suppress(InputError):  # Pulumi then says what is wrong
        private_file.make_folder(path.parent)
        private_file.write(path, json.dumps({"version": 3, "checkpoint": checkpoint}).encode())
    return path.exists()
