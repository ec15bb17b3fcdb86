"""Whether the disk that holds the homes keeps a quota a user, and which ones it keeps."""

from __future__ import annotations

import csv
import os
import subprocess
from pathlib import Path

from ansible.module_utils.lab_student import explain, run

OPTIONS = frozenset({"quota", "usrquota", "usrjquota", "uquota"})
"""What a file system is mounted with that keeps quotas of users; ``noquota`` is none of them."""

TOOL = Path("/usr/sbin/repquota")


class NoQuotaError(Exception):
    """No quota is kept, and this is why."""


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


def hard_limits(mount: str) -> dict[int, int]:
    """Read the hard limit of every user in KiB.

    Raises:
        NoQuotaError: If it cannot be asked for them, as where quotas are switched off.
    """
    try:
        table = run("repquota", "--user", "--no-names", "--output=csv", mount)
        rows = list(csv.DictReader(table.splitlines()))
        return {int(row["User"].lstrip("#")): int(row["BlockHardLimit"]) for row in rows}
    except (OSError, subprocess.SubprocessError) as error:
        raise NoQuotaError(explain(error)) from None
    except (KeyError, TypeError, ValueError):
        raise NoQuotaError("repquota says something else than quotas") from None


def why_none(homes: str) -> str:
    """Say why no student has a quota of the disk; nothing where they can have one."""
    mount = mount_with_quotas(homes)
    if mount is None:
        return f"the file system of {homes} is not mounted with quotas of users (usrquota)"
    if not TOOL.exists():
        return f"the package quota is not there; hosts up brings it, for {mount} keeps quotas"
    try:
        hard_limits(mount)
    except NoQuotaError as error:
        return f"{mount} is mounted with quotas, and has none: {error}"
    return ""
