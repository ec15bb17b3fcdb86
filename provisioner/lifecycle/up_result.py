"""What an `up` did, counted by what is there now and not by what was tried."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..plan import Part, Plan
from .overview import Overview

if TYPE_CHECKING:
    from .archives.kept import Archive
    from .hosts.report import HostsResult


@dataclass(frozen=True, kw_only=True)
class UpResult:
    """What a run did: how many students, and why some are not ready."""

    cohort: str
    created: int = 0
    changed: int = 0
    same: int = 0
    removed: int = 0
    failed: Mapping[str, str] = field(default_factory=dict)
    """Why, by the student's id."""

    groups: Counter[str] = field(default_factory=Counter)
    """How many groups were created, changed and removed, and how many were right."""

    failed_groups: Mapping[str, str] = field(default_factory=dict)
    """Why, by what the roster calls the group."""

    seconds: float = 0.0
    left: int = 0
    """Students who differ and were left for a later run, as was asked for."""

    processes: int = 0
    """Worker processes that were started; none when nothing differed."""

    archives: tuple[Archive, ...] = ()
    """What was kept of those who left."""

    hosts: HostsResult | None = None
    """How the lab hosts fared, where the cohort has any and nobody was named."""

    @property
    def is_whole(self) -> bool:
        """Whether everybody, every group and every host is as it should be."""
        hosts = self.hosts.exit_code if self.hosts else 0
        return not (self.failed or self.failed_groups or hosts)


def summary(
    reading: Overview, after: Plan, why: Mapping[str, str], began: float, processes: int = 0
) -> UpResult:
    """Count what was done by what is there now, not by what was tried."""
    done, left = _done(reading.plan.students, after.students, why)
    groups, left_groups = _done(reading.plan.groups, after.groups, why)
    return UpResult(
        cohort=reading.cohort.name,
        created=done["create"],
        changed=done["change"],
        same=done["same"],
        removed=done["remove"],
        failed={reading.id_of(name): reason for name, reason in left.items()},
        groups=groups,
        failed_groups={reading.title_of(name): reason for name, reason in left_groups.items()},
        left=reading.left,
        seconds=round(time.monotonic() - began, 1),
        processes=processes,
    )


def _done(
    parts: Iterable[Part], after: Iterable[Part], why: Mapping[str, str]
) -> tuple[Counter[str], dict[str, str]]:
    """Return how many are ready by what was to be done, and why others are not, by name."""
    now = {part.name: part for part in after}
    done: Counter[str] = Counter()
    failed = {}
    for part in parts:
        left = now.get(part.name)
        ready = left is None if part.action == "remove" else left and left.action == "same"
        if ready:
            done[part.action] += 1
        else:
            failed[part.name] = why.get(part.name) or _still(left)
    return done, failed


def _still(part: Part | None) -> str:
    if part is None or part.action == "create":
        return "nothing was made"
    return "; ".join(part.changes) or "it is still there"
