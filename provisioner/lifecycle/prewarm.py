"""Have everything ready when class begins: wait, then make what is missing, and no more."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ..errors import ClusterError, InputError
from ..settings import Settings
from . import backend
from .choice import EVERYBODY, Choice, chosen
from .overview import Overview
from .progress import Progress
from .reading import narrowed
from .up import Wishes, up
from .up_result import UpResult

LONGEST = timedelta(days=1)
"""How far ahead it waits; for what is later there is cron."""

STEP = 60.0
"""Seconds after which one looks at the clock again: a machine may have slept."""


@dataclass(frozen=True, kw_only=True)
class Prewarmed:
    """What was made ahead of class."""

    missing: tuple[str, ...]
    """Whose environment was missing, by id."""

    result: UpResult | None
    """None where nothing was missing."""

    in_time: bool
    """Whether it was ready when class began."""

    unseen: Mapping[str, str] = field(default_factory=dict)
    """Why nothing could be made for students, or even be seen of them, by id."""


@dataclass(frozen=True, kw_only=True)
class Ahead:
    """What is missing now, and when to begin with it."""

    reading: Overview
    """With the plan of what is missing, alone."""

    missing: tuple[str, ...]
    """Whose environment is missing, by id."""

    begins: datetime | None
    """None where nothing is missing."""

    unseen: Mapping[str, str]
    """Of whom nothing can be made, or even be seen, with the reason, by id."""


def missing(reading: Overview) -> list[str]:
    """Return the students whose environment is not there, or not there whole, by id."""
    return [
        reading.id_of(part.name)
        for part in reading.plan.students
        if part.action == "create" or (part.action == "change" and reading.is_half(part.name))
    ]


def unseen(reading: Overview) -> dict[str, str]:
    """Return of which students nothing can be made, for an engine is silent or a place taken."""
    return {
        reading.id_of(part.name): "; ".join(part.changes)
        for part in reading.plan.having("foreign")
        if part.record and not part.record.dropped
    }


def prewarm(
    settings: Settings,
    name: str,
    at: datetime,
    *,
    confirm: Callable[[Overview], bool],
    progress: Progress,
    sleep: Callable[[float], None] = time.sleep,
) -> Prewarmed:
    """Wait until it is time, then bring up those whose environment is missing.

    Args:
        settings: Folders and state backend.
        name: The cohort.
        at: When class begins.
        confirm: Shown the plan of those students, when it is time.
        progress: Told what happens.
        sleep: Waits.

    Raises:
        InputError: If the files are wrong, or class begins in more than a day.
        ClusterError: If what all students share is missing, and cannot be made without
            changing something else; this is told before the wait.
        PracticumError: As ``up`` raises it.
    """
    _wait(settings, name, at, progress, sleep)
    reading = backend.read(settings, name)
    who = tuple(missing(reading))
    if not who:
        return Prewarmed(missing=(), result=None, in_time=True, unseen=unseen(reading))
    choice = _choice(reading, who)
    if choice == EVERYBODY:
        confirm = _making_only(confirm)
    done = up(settings, name, confirm=confirm, progress=progress, wishes=Wishes(choice=choice))
    in_time = _now() <= at
    return Prewarmed(missing=who, result=done, in_time=in_time, unseen=unseen(reading))


def look(settings: Settings, name: str, at: datetime) -> Ahead:
    """Say what would be made, and when that would begin. Waits for nothing, changes nothing.

    Raises:
        InputError: If the files are wrong, or class begins in more than a day.
        ClusterError: If those students could have nothing then.
    """
    if at - _now() > LONGEST:
        raise InputError(
            f"Class begins at {at:%Y-%m-%d %H:%M}, which is more than a day ahead.",
            hint="Have cron start this an hour or so before class.",
        )
    reading = backend.read(settings, name)
    who = tuple(missing(reading))
    seconds = backend.of(reading.cohort).seconds_for(len(who))
    return Ahead(
        reading=chosen(reading, _choice(reading, who)) if who else narrowed(reading, ()),
        missing=who,
        begins=at - timedelta(seconds=seconds) if who else None,
        unseen=unseen(reading),
    )


def _wait(
    settings: Settings, name: str, at: datetime, progress: Progress, sleep: Callable[[float], None]
) -> None:
    """Wait until what is missing now would just be ready in time.

    Raises:
        InputError: As ``look`` does.
        ClusterError: As ``look`` does.
    """
    found = look(settings, name, at)
    if found.begins and found.begins > _now():
        progress.say(f"{len(found.missing)} to be made; that begins at {found.begins:%H:%M:%S}.")
    while found.begins and (left := (found.begins - _now()).total_seconds()) > 0:
        sleep(min(left, STEP))


def _choice(reading: Overview, who: tuple[str, ...]) -> Choice:
    """Return whom the run is for: these alone, where what all students share is there.

    Where it is not, it is made by a run for everybody, which must have nothing else to do.
    """
    first = reading.plan.guard.action == "create" and not _does_more(reading)
    return EVERYBODY if first else Choice(ids=who)


def _does_more(reading: Overview) -> bool:
    """Say whether a run for everybody would do more than make what is missing."""
    plan = reading.plan
    others = [*plan.having("change", "remove"), *plan.shared("change", "remove")]
    return bool(others or reading.cohort.hosts)


def _making_only(confirm: Callable[[Overview], bool]) -> Callable[[Overview], bool]:
    """Ask further only where the plan, read once more under the lock, makes and does no more."""

    def agree(reading: Overview) -> bool:
        if _does_more(reading):
            raise ClusterError(
                f"{reading.cohort.name} differs from what it was just now; nothing was changed.",
                hint=f"Look at: practicum plan {reading.cohort.name}",
            )
        return confirm(reading)

    return agree


def _now() -> datetime:
    return datetime.now().astimezone()
