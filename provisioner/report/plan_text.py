"""The lines of a plan: what differs, student by student, with what it is and is to be.

Students who change alike are told together: an upgrade that changes the same field of a
thousand is a few lines.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from ..plan import Part
from . import returning, values

if TYPE_CHECKING:  # a command pays for no other's modules
    from ..lifecycle.overview import Overview

SIGNS = {"create": "+", "change": "~", "same": "=", "remove": "-", "foreign": "!"}

FEW = 5
"""Lines of one kind that are shown before the rest is summed up."""

ALIKE = 3
"""Students with the same changes that are told together."""


def lines(reading: Overview, *, full: bool = False) -> Iterator[str]:
    """Yield the lines of a plan: what differs, then the totals."""
    found = reading.plan
    if found.guard.action != "same":
        yield from _part("what all students share", found.guard, full=full)
    yield from _parts(reading, "+", found.having("create"), full=full)
    alike, others = _by_changes(found.having("change"))
    for parts in alike:
        yield from _together(reading, parts, full=full)
    yield from _parts(reading, "~", others, full=full)
    yield from _parts(reading, "-", found.having("remove"), full=full)
    yield from _parts(reading, "!", found.having("foreign"), full=full)
    for part in found.shared("create", "change", "remove", "foreign"):
        yield from _part(f"group {reading.title_of(part.name)}", part, full=full)
    yield f"{found.cohort}: {_counted(found.students)}"
    if found.groups:
        yield f"groups of {found.cohort}: {_counted(found.groups)}"
    yield from _reasons(reading)


def _parts(reading: Overview, sign: str, parts: Sequence[Part], *, full: bool) -> Iterator[str]:
    """Yield the lines of students with one action; the rest of many is counted."""
    shown = parts if full or len(parts) <= 2 * FEW else parts[:FEW]
    for part in shown:
        yield from _part(reading.id_of(part.name), part, full=full)
    if len(shown) < len(parts):
        yield f"  {sign} … and {len(parts) - len(shown)} more like these"


def _by_changes(parts: Iterable[Part]) -> tuple[list[list[Part]], list[Part]]:
    """Return those who change alike, the most first, and then all others."""
    sorts: dict[tuple[str, ...], list[Part]] = defaultdict(list)
    for part in parts:
        sorts[tuple(values.alike(part))].append(part)
    alike = [some for some in sorts.values() if len(some) >= ALIKE]
    others = [part for some in sorts.values() if len(some) < ALIKE for part in some]
    return sorted(alike, key=len, reverse=True), others


def _together(reading: Overview, parts: Sequence[Part], *, full: bool) -> Iterator[str]:
    shown = parts if full else parts[:FEW]
    more = f" and {len(parts) - len(shown)} more" if len(shown) < len(parts) else ""
    ids = ", ".join(reading.id_of(part.name) for part in shown)
    yield f"  ~ {len(parts)} students: {ids}{more}"
    yield from _changes(values.alike(parts[0]), full=full)


def _part(who: str, part: Part, *, full: bool) -> Iterator[str]:
    its = part.record or part.group
    where = f" ({its.namespace})" if its else ""
    yield f"  {SIGNS[part.action]} {who}{where}"
    yield from _changes(values.changes(part), full=full)


def _changes(changes: Iterable[str], *, full: bool) -> Iterator[str]:
    told = list(changes)
    shown = told if full else told[:FEW]
    yield from (f"      {change}" for change in shown)
    if len(shown) < len(told):
        yield f"      … and {len(told) - len(shown)} more"


def _counted(parts: Iterable[Part]) -> str:
    counts = Counter(part.action for part in parts)
    return (
        f"{counts['create']} to create, {counts['change']} to change,"
        f" {counts['remove']} to remove, {counts['same']} as they should be"
        + (f", {counts['foreign']} in other hands" if counts["foreign"] else "")
    )


def _reasons(reading: Overview) -> Iterator[str]:
    """Say what nobody did by hand: an upgrade, or a choice of this run."""
    name, outdated = reading.cohort.name, reading.plan.outdated
    if outdated:
        yield (
            f"{outdated} of these were made by another version of Practicum, which renders"
            f" environments otherwise. In steps: practicum up {name} --at-most 10"
        )
    if reading.left:
        yield f"{reading.left} more differ, and are left for a later run"
    yield from reading.notes
    yield from returning.notes(reading)
