"""What is mounted in a folder that is to go: it is no part of it, and is emptied with it."""

from __future__ import annotations

import re
from pathlib import Path

from ansible.module_utils.lab_student import StudentProblemError


def mounts_in(folder: str, mounts: str | None = None) -> list[str]:
    """List what is mounted at a folder, or anywhere below it.

    Args:
        folder: Its real path.
        mounts: What is mounted, as the kernel tells it; None asks it.
    """
    text = Path("/proc/self/mountinfo").read_text() if mounts is None else mounts
    found = [_plain(line.split()[4]) for line in text.splitlines()]
    return [mount for mount in found if mount == folder or mount.startswith(f"{folder}/")]


def refuse_mounts(folder: Path) -> None:
    """Stop where something is mounted in a folder that is to be archived or removed.

    Raises:
        StudentProblemError: If that is so.
    """
    if found := mounts_in(str(folder.resolve())):
        raise StudentProblemError(
            f"{found[0]} is a file system of its own, which no archive holds; {folder} was kept."
            " Unmount it, then run this again"
        )


def _plain(path: str) -> str:
    """Return a path as it is: the kernel writes a space as its number."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), path)
