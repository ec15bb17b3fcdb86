"""What is mounted where something is to go: it is no part of it, and is emptied with it."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from ansible.module_utils.lab_student import StudentProblemError

RUNTIME = "/run/user/"
"""Folders that systemd takes away with the session, and what is mounted in them too."""


@dataclass(frozen=True)
class Mount:
    """A file system where it is mounted."""

    at: str
    owner: int | None = None
    """Who mounted it, where users may: with FUSE."""


def mounted(mounts: str | None = None) -> list[Mount]:
    """List what is mounted.

    Args:
        mounts: What is mounted, as the kernel tells it; None asks it.
    """
    text = Path("/proc/self/mountinfo").read_text() if mounts is None else mounts
    return [_mount(line) for line in text.splitlines()]


def _mount(line: str) -> Mount:
    """Read one line, of which the part after the lone dash is about the file system itself."""
    about, _, system = line.partition(" - ")
    kind, _, options = system.split()[:3]
    owner = re.search(r"\buser_id=(\d+)", options) if kind.startswith("fuse") else None
    return Mount(_plain(about.split()[4]), int(owner[1]) if owner else None)


def mounts_in(folder: str, mounts: str | None = None) -> list[str]:
    """List what is mounted at a folder, or anywhere below it; its path is the real one."""
    return [
        mount.at
        for mount in mounted(mounts)
        if mount.at == folder or mount.at.startswith(f"{folder}/")
    ]


def mounted_by(uid: int, mounts: str | None = None) -> list[str]:
    """List what a user mounted, wherever that is."""
    return [
        mount.at
        for mount in mounted(mounts)
        if mount.owner == uid and not mount.at.startswith(RUNTIME)
    ]


def refuse_mounts(folder: Path, uid: int | None = None) -> None:
    """Stop where something is mounted in a folder that is to be archived or removed.

    Args:
        folder: What is to go.
        uid: Whose it is; what they mounted themselves is looked for everywhere.

    Raises:
        StudentProblemError: If that is so.
    """
    if uid is not None and (theirs := mounted_by(uid)):
        # The program behind it has ended with all others of theirs, so nobody else can unmount it.
        raise StudentProblemError(
            f"{theirs[0]} is a FUSE file system of the account's, which no archive holds; {folder}"
            f" was kept. Take it away on the host with: umount --lazy {shlex.quote(theirs[0])}"
            " and run this again"
        )
    if found := mounts_in(str(folder.resolve())):
        raise StudentProblemError(
            f"{found[0]} is a file system of its own, which no archive holds; {folder} was kept."
            " Unmount it, then run this again"
        )


def _plain(path: str) -> str:
    """Return a path as it is: the kernel writes a space as its number."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), path)
