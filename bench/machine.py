"""What a run was made on: without this, no figure means anything."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import psutil

from provisioner import toolchain

from .results import Session

ROOT = Path(__file__).parents[1]


def describe(tools: Mapping[str, toolchain.Tool]) -> dict[str, str]:
    """Return machine and versions, in words."""
    return {
        "machine": f"{os.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB,"
        f" {platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
    } | {name: tool.version for name, tool in sorted(tools.items())}


def session() -> Session:
    """Return when this is, of which commit, and how busy the machine is before we begin."""
    return Session(
        date=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        commit=_commit(),
        load=" ".join(f"{load:.1f}" for load in os.getloadavg()),
    )


def _commit() -> str:
    commit = _git("rev-parse", "--short", "HEAD")
    # The report itself changes with every run.
    changed = _git("status", "--porcelain", "--", ".", ":!bench/last.*")
    return f"{commit}{' and changes' if changed else ''}" if commit else "unknown"


def _git(*arguments: str) -> str:
    try:
        result = subprocess.run(
            ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""
