"""Add samples up to hours, and hours to days; nothing here does I/O.

A row holds what was used in its known hours: core-hours, byte-hours and so on. Rolling
hours up to a day changes no sum, no peak and no count.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from .sample import MEASURES, Sample

HOUR = 3600
DAY = 24 * HOUR

HOURLY_DAYS = 14
"""Whole days in UTC that are kept by the hour; older ones are kept by the day."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One student's use in one hour, or in the known hours of one day."""

    start: int
    """Seconds since 1970 in UTC, where the span begins."""

    span: int
    """Seconds: an hour or a day."""

    student: str
    samples: int
    hours: int
    """Known hours in it."""

    amounts: Mapping[str, float]
    """Unit-hours by measure: core-hours, byte-hours."""

    peaks: Mapping[str, float]
    """The highest sample by measure."""

    fullest: float = 0.0
    fullest_of: str = ""


@dataclass(frozen=True, kw_only=True)
class Taken:
    """How many samples of the cohort were taken in one hour or day."""

    start: int
    span: int
    samples: int
    hours: int
    first: int
    last: int
    """The first and the last one, in seconds since 1970."""


def with_sample(row: Row | None, sample: Sample, start: int) -> Row:
    """Return an hour's row with one more sample in it: its use is the mean of all."""
    if row is None:
        return Row(
            start=start, span=HOUR, student=sample.student, samples=1, hours=1,
            amounts=dict(sample.amounts), peaks=dict(sample.amounts),
            fullest=sample.fullest, fullest_of=sample.fullest_of,
        )  # fmt: skip
    count = row.samples
    fuller = sample.fullest > row.fullest
    return replace(
        row,
        samples=count + 1,
        amounts={m: (row.amounts[m] * count + sample.amounts[m]) / (count + 1) for m in MEASURES},
        peaks={m: max(row.peaks[m], sample.amounts[m]) for m in MEASURES},
        fullest=sample.fullest if fuller else row.fullest,
        fullest_of=sample.fullest_of if fuller else row.fullest_of,
    )


def together(rows: Iterable[Row], *, start: int, span: int) -> Row:
    """Add the rows of one student up.

    Raises:
        ValueError: If there are none.
    """
    rows = list(rows)
    fullest = max(rows, key=lambda row: row.fullest)
    return Row(
        start=start,
        span=span,
        student=fullest.student,
        samples=sum(row.samples for row in rows),
        hours=sum(row.hours for row in rows),
        amounts={m: sum(row.amounts[m] for row in rows) for m in MEASURES},
        peaks={m: max(row.peaks[m] for row in rows) for m in MEASURES},
        fullest=fullest.fullest,
        fullest_of=fullest.fullest_of,
    )


def met(row: Row, other: Row | None) -> Row:
    """Return a row with another of the same student and span in it, each by its samples."""
    if other is None:
        return row
    share = row.samples / (row.samples + other.samples)
    both = together([row, other], start=row.start, span=row.span)
    mean = {m: row.amounts[m] * share + other.amounts[m] * (1 - share) for m in MEASURES}
    return replace(both, hours=max(row.hours, other.hours), amounts=mean)


def daily(rows: Iterable[Row]) -> list[Row]:
    """Add rows up by student and day in UTC."""
    groups: dict[tuple[int, str], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.start - row.start % DAY, row.student].append(row)
    return [together(group, start=day, span=DAY) for (day, _), group in groups.items()]


def daily_taken(taken: Iterable[Taken]) -> list[Taken]:
    """Add up by day how many samples were taken."""
    groups: dict[int, list[Taken]] = defaultdict(list)
    for one in taken:
        groups[one.start - one.start % DAY].append(one)
    return [
        Taken(
            start=day,
            span=DAY,
            samples=sum(one.samples for one in group),
            hours=sum(one.hours for one in group),
            first=min(one.first for one in group),
            last=max(one.last for one in group),
        )
        for day, group in groups.items()
    ]


def oldest_hour(now: int) -> int:
    """Return the start of the first day that is kept by the hour."""
    return now - now % DAY - HOURLY_DAYS * DAY
