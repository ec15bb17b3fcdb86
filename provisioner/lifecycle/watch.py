"""Stay with a cohort and tell each difference as it comes, and when it is right again."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from .. import cluster
from .. import cohort as cohorts
from ..errors import PracticumError
from ..plan import Part
from ..settings import Settings
from . import backend
from .overview import Overview

Event = Literal["differs", "right", "unreadable", "readable"]

Difference = tuple[str, str]
"""A student's id, empty for what all share; and what differs."""

WITHOUT_FIELDS = {
    "create": "the environment is missing",
    "remove": "the environment is there, and the student is not in the roster",
}


@dataclass(frozen=True, kw_only=True)
class Drift:
    """One line of a watch."""

    time: datetime
    event: Event
    student: str = ""
    """The student's id; empty for what all students share, and for the cohort."""

    what: str = ""
    since: datetime | None = None
    """When that was first seen which is right again."""


def watch(
    settings: Settings,
    name: str,
    *,
    tell: Callable[[Drift], None],
    seconds: float | None = None,
) -> bool:
    """Tell what differs now, and then every change of it. Changes nothing.

    Args:
        settings: Folders and state backend.
        name: The cohort.
        tell: Given each difference, once when it comes and once when it is right again.
        seconds: How long; until a signal comes when None.

    Returns:
        Whether something differs at the end.

    Raises:
        InputError: If the cohort's files are wrong, at the start or at the end.
        ClusterError: If the cluster cannot be read then, or may not be watched.
    """
    until = None if seconds is None else time.monotonic() + seconds
    cohort = cohorts.load(settings.stacks, name)
    follower = backend.of(cohort).follow(settings, cohort)
    reading = backend.read(settings, name)
    follower.begin(reading)
    known = _tell(reading, {}, tell)
    failure: PracticumError | None = None
    while True:
        follower.wait(_pause(until, failure))
        before, seen = failure, _look(settings, name)
        failure = seen if isinstance(seen, PracticumError) else None
        for event in _sight(before, failure):
            tell(event)
        if not isinstance(seen, PracticumError):
            known = _tell(seen, known, tell)
        if until is not None and time.monotonic() >= until:
            break
    if failure:
        raise failure
    return bool(known)


def _look(settings: Settings, name: str) -> Overview | PracticumError:
    try:
        return backend.read(settings, name)
    except PracticumError as error:
        return error


def _pause(until: float | None, failure: PracticumError | None) -> float | None:
    """Return how long to wait for a change; what could not be read is tried again."""
    left = math.inf if until is None else max(0.0, until - time.monotonic())
    if failure:
        left = min(left, cluster.AGAIN)
    return None if left == math.inf else left


def _sight(before: PracticumError | None, now: PracticumError | None) -> Iterator[Drift]:
    """Say when the cohort can no longer be read, and when it can be again."""
    moment = datetime.now(UTC)
    if now and not before:
        yield Drift(time=moment, event="unreadable", what=now.message)
    if before and not now:
        yield Drift(time=moment, event="readable")


def _tell(
    reading: Overview, known: Mapping[Difference, datetime], tell: Callable[[Drift], None]
) -> dict[Difference, datetime]:
    events, now = compare(known, differences(reading), datetime.now(UTC))
    for event in events:
        tell(event)
    return now


def differences(reading: Overview) -> Iterator[Difference]:
    """Yield what is not as wanted, student by student; what all share comes first."""
    for what in _changes(reading.plan.guard):
        yield "", what
    for part in reading.plan.students:
        for what in _changes(part):
            yield reading.id_of(part.name), what
    for part in reading.plan.groups:
        for what in _changes(part):
            yield f"group {reading.title_of(part.name)}", what


def _changes(part: Part) -> tuple[str, ...]:
    if part.action == "same":
        return ()
    return part.changes or (WITHOUT_FIELDS.get(part.action, part.action),)


def compare(
    known: Mapping[Difference, datetime], found: Iterable[Difference], now: datetime
) -> tuple[list[Drift], dict[Difference, datetime]]:
    """Say what has come and what has gone between two looks.

    Args:
        known: What differed at the last look, with the time when it was first seen.
        found: What differs now.
        now: The time of this look.

    Returns:
        What is to be told, and what is known from here on.
    """
    still = {difference: known.get(difference, now) for difference in found}
    events = [
        Drift(time=now, event="right", student=id, what=what, since=since)
        for (id, what), since in known.items()
        if (id, what) not in still
    ]
    events += [
        Drift(time=now, event="differs", student=id, what=what)
        for id, what in still
        if (id, what) not in known
    ]
    return events, still
