"""Whether the disk that holds the homes keeps a quota a user."""

from __future__ import annotations

import os
from pathlib import Path

OPTIONS = frozenset({"quota", "usrquota", "usrjquota", "uquota"})
"""What a file system is mounted with that keeps quotas of users; ``noquota`` is none of them."""


def mount_with_quotas(homes: str, mounts: str | None = None) -> str | None:
    """Find where the homes' file system is mounted, if it keeps quotas of users.

    Args:
        homes: The folder of the homes.
        mounts: What is mounted, as the kernel tells it; None asks it.
    """
    text = Path("/proc/self/mounts").read_text() if mounts is None else mounts
    where, options = "", ""
    for line in text.splitlines():
        _, mount, _, found = line.split()[:4]
        if os.path.commonpath([mount, homes]) == mount and len(mount) >= len(where):
            where, options = mount, found
    keeps = OPTIONS & {option.partition("=")[0] for option in options.split(",")}
    return where if keeps else None
