"""Sample what students have reserved, and make the account of a term.

A sample costs no request of its own where the cohort has been read anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from .. import cohort as cohorts
from .. import usage
from ..errors import InputError, Interrupted, PracticumError
from ..manifest import ObjectKey
from ..settings import Settings
from .reading import Reading, read

if TYPE_CHECKING:
    from ..usage import Sample, Store, Usage


@dataclass(frozen=True, kw_only=True)
class Sampled:
    """What one sample found."""

    cohort: str
    time: datetime
    students: int | None
    """Students whose use is known; None where it was not kept, for the last one is less
    than a minute old."""


def store_of(settings: Settings, cohort: str) -> Store:
    """Return where the samples of a cohort are kept."""
    return usage.Store(settings.home / "usage" / f"{cohort}.sqlite")


def sample(settings: Settings, name: str) -> Sampled:
    """Read a cohort and keep what its students have reserved.

    Raises:
        InputError: If the cohort's files are wrong, or the samples cannot be kept.
        ClusterError: If the cluster cannot be read.
    """
    return keep(settings, read(settings, name), datetime.now(UTC))


def sample_on_the_way(settings: Settings, reading: Reading, say: Callable[[str], None]) -> None:
    """Keep a sample of what was read for something else; that must not fail for it."""
    try:
        keep(settings, reading, datetime.now(UTC))
    except Interrupted:
        raise
    except PracticumError as error:
        say(f"No sample of the use was kept: {error.message}")


def keep(settings: Settings, reading: Reading, now: datetime) -> Sampled:
    """Keep a sample of what was read at a moment.

    Raises:
        InputError: If the samples cannot be kept.
    """
    count = store_of(settings, reading.cohort.name).record(now, _samples(reading))
    return Sampled(cohort=reading.cohort.name, time=now, students=count)


def rename(settings: Settings, name: str, old: str, new: str) -> str:
    """Let a student's samples follow a corrected id; returns why they do not, empty if they do."""
    try:
        store_of(settings, name).rename(old, new)
    except InputError as error:
        return f"The samples of their use stay under {old}: {error.message}"
    return ""


def report(settings: Settings, name: str, *, prices: Path | None, now: datetime) -> Usage:
    """Make the account of a cohort from its samples; the cluster is not asked.

    Args:
        settings: Folders.
        name: The cohort.
        prices: A file with what things cost; nothing is said of cost without one.
        now: When the account is made.

    Raises:
        InputError: If the cohort's files, the prices or the samples cannot be read.
    """
    cohort = cohorts.load(settings.stacks, name)
    rows, taken = store_of(settings, name).read()
    subject = usage.Subject(
        cohort=name,
        course=cohort.course,
        roster=frozenset(cohorts.students_by_id(cohort, needed=False)),
        time=now,
    )
    known = usage.load_prices(prices) if prices else usage.NO_PRICES
    return usage.account(rows, taken, subject, known)


def quota_of(reading: Reading, namespace: str) -> dict[str, tuple[str, str]]:
    """Return used and hard by quota key, as the cluster counts them; empty where it has not."""
    quota = reading.found.owned.get(ObjectKey("ResourceQuota", namespace, "practicum")) or {}
    found = quota.get("status") or {}
    used = found.get("used") or {}
    return {key: (used.get(key, "0"), most) for key, most in (found.get("hard") or {}).items()}


def _samples(reading: Reading) -> Iterator[Sample]:
    for record in reading.records.values():
        quota = {} if record.dropped else quota_of(reading, record.namespace)
        if quota:
            try:
                yield usage.sample_of(record.id, quota)
            except ValueError:
                raise InputError(f"{record.namespace}: its quota is no quantity.") from None
