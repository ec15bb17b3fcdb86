"""What one run of a playbook is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LONGEST = 2 * 3600
"""Seconds that a run may take."""

IDLE = 20 * 60
"""Seconds in which Ansible may tell nothing: one task, such as a download, can take long."""


@dataclass(frozen=True, kw_only=True)
class Play:
    """One run of one playbook."""

    playbook: Path
    hosts: Mapping[str, Mapping[str, Any]]
    """The inventory: every host's variables, by its name. Secrets never stand here."""

    home: Path
    """Practicum's home: the private folder is made below it."""

    cohort: str
    check: bool = False
    """Whether it is only asked what would change."""

    longest: float = LONGEST
    idle: float = IDLE
    keep_open: tuple[int, ...] = ()
    """File descriptors that the worker holds too: the cohort's lock lives while it does."""

    @property
    def private(self) -> Path:
        """The folder of the run, which is gone at its end."""
        return self.home / "playbook" / self.cohort

    @property
    def mark(self) -> str:
        """What all that the run starts here bears, so that it can be told by it."""
        return f"{self.home.resolve()}:{self.cohort}"
