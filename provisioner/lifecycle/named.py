"""Students whom somebody names by their id: an id that fits nobody is refused at once."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import InputError, Problem
from .overview import Overview


def refuse_not_in_roster(reading: Overview, ids: Iterable[str]) -> None:
    """Stop where somebody is named who does not take the course now.

    Raises:
        InputError: If that is so.
    """
    _refuse(reading, [id for id in ids if id not in reading.students], "is not in the roster")


def refuse_unknown(reading: Overview, ids: Iterable[str]) -> None:
    """Stop where somebody is named who never took the course; who has left it may be named.

    Raises:
        InputError: If that is so.
    """
    never = [id for id in ids if id not in reading.records]
    _refuse(reading, never, "is not in the roster, and never was")


def _refuse(reading: Overview, ids: list[str], why: str) -> None:
    if ids:
        raise InputError(
            f"{len(ids)} student(s) are not in the roster of {reading.cohort.name}:",
            problems=[Problem(id, why) for id in ids],
            hint=f"See who is: practicum status {reading.cohort.name}",
        )
