"""Which cluster a cohort runs on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Target:
    """The cluster of a cohort, by file and context."""

    kubeconfig: Path
    context: str


def rehearsal(home: Path) -> Target:
    """Return the one that lies in a home."""
    return Target(kubeconfig=(home / "rehearsal" / "kubeconfig").resolve(), context="rehearsal")


def own(kubeconfig: Path, context: str) -> Target:
    """Return one that a cohort file names."""
    return Target(kubeconfig=kubeconfig.expanduser().resolve(), context=context)
