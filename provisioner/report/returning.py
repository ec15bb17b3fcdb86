"""Who comes back: what was decided before they left holds again, unless somebody undoes it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..cohort import Record
    from ..lifecycle.overview import Overview


def notes(reading: Overview) -> Iterator[str]:
    """Yield a line for each thing that holds again, with the command that undoes it."""
    for id, record in reading.known.items():
        concerned = reading.only is None or record.name in reading.only
        if record.dropped and id in reading.students and concerned:
            yield from _of_an_earlier_stay(reading.cohort.name, record)


def _of_an_earlier_stay(name: str, record: Record) -> Iterator[str]:
    kept = {
        "is suspended": ("resume", record.suspended),
        f"has a last day of their own, {record.until}": ("extend --reset", record.until),
        "has a quota of their own": ("resize --reset", record.quota),
    }
    for what, (back, holds) in kept.items():
        if holds:
            verb, _, option = back.partition(" ")
            line = f"practicum {verb} {name} {record.id} {option}".rstrip()
            yield f"{record.id} {what}, as before they left. To undo it: {line}"
