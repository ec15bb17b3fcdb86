"""Which students a run is for; it leaves all others as they are, also where they differ."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ..errors import ClusterError
from .named import refuse_unknown
from .overview import Overview, Some
from .reading import narrowed


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which students a run is for: all of them, unless it is said otherwise."""

    ids: tuple[str, ...] = ()
    """These alone, and nothing of what all students share."""

    at_most: int | None = None
    """Of those whose environment is there and differs, this many."""


EVERYBODY = Choice()


def chosen(reading: Some, choice: Choice) -> Some:
    """Return what concerns those whom a run is for.

    Raises:
        InputError: If one of them is unknown.
        ClusterError: If some are named, and what all students share is not there.
    """
    if choice.ids:
        reading = of_students(reading, choice.ids)
    return reading if choice.at_most is None else _in_steps(reading, choice.at_most)


def of_students(reading: Some, ids: Iterable[str]) -> Some:
    """Return what concerns some students alone, by id.

    Raises:
        InputError: If one of them is unknown.
        ClusterError: If what all students share is not there: they could have nothing.
    """
    ids = tuple(ids)
    refuse_unknown(reading, ids)
    refuse_without_shared(reading)
    return narrowed(reading, {reading.records[id].name for id in ids})


def refuse_without_shared(reading: Overview) -> None:
    """Stop a run for some students before there is what all of them share.

    Raises:
        ClusterError: If that is so.
    """
    if not reading.is_up:
        raise ClusterError(
            f"{reading.cohort.name} is not up: what all students share is not there yet.",
            hint=f"Bring everybody up first: practicum up {reading.cohort.name}",
        )


def _in_steps(reading: Some, at_most: int) -> Some:
    """Leave some of those who differ for later, first those whom only an upgrade changes."""
    differing = reading.plan.having("change")
    waves = {part.name: part.record.wave for part in differing if part.record}
    # What somebody changed by hand does not wait; then whole waves, for each costs a start.
    differing.sort(key=lambda part: (part.outdated, waves.get(part.name, 0)))
    later = {part.name for part in differing[at_most:]}
    if not later:
        return reading
    first = {part.name for part in reading.plan.students} - later
    narrow = narrowed(reading, first, left=len(later))
    return replace(narrow, plan=replace(narrow.plan, guard=reading.plan.guard))
