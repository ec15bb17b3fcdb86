"""Take down what is past its end: warned first, and days later archived and taken down.

For a timer. A cohort is over when nobody has access any more: the grace after its term is
past, and so is the latest end of their own that one of its students has. Days are days in
UTC: access ends with the last second of the last one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

from .. import cohort as cohorts
from .. import private_file
from ..cohort import Cohort, Record, placement
from ..cohort import records as record_file
from ..errors import InputError, Interrupted, PracticumError
from ..settings import Settings
from . import backend
from . import target as targets
from .access import terms
from .down import down
from .overview import Overview
from .progress import Progress
from .receipt import Receipt

Verdict = Literal[
    "running", "gone", "warn", "waiting", "due", "protected", "unreadable", "down", "failed"
]
"""``warn`` is done by this run, ``due`` is to be taken down, ``down`` is done."""

WRONG: tuple[Verdict, ...] = ("protected", "unreadable", "failed")


@dataclass(frozen=True, kw_only=True)
class Notice:
    """The note that a cohort was warned of; void when what it says no longer holds."""

    warned: date
    over: date
    """The last day with access, as it was then."""

    cluster: str
    """UID of the cluster's kube-system namespace."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One cohort, and what is to be done with it."""

    cohort: str
    verdict: Verdict
    over: date | None = None
    """The last day on which somebody has access."""

    held_by: tuple[str, ...] = ()
    """Students, by id, whose own end is later than the term's."""

    warned: date | None = None
    due: date | None = None
    """From when on it is taken down."""

    students: int = 0
    cluster: str = ""
    why: str = ""
    receipt: Receipt | None = field(default=None, repr=False)


def last_day(cohort: Cohort, records: Iterable[Record]) -> tuple[date, tuple[str, ...]]:
    """Return the last day with access, and the students whose own end sets it later, by id."""
    days = {r.id: terms.last_day(cohort, r) for r in records if not r.dropped}
    usual = terms.last_day(cohort)
    last = max([usual, *days.values()])
    return last, tuple(sorted(id for id, day in days.items() if day == last > usual))


def decide(case: Case, *, protect: bool, warning: Notice | None, today: date, after: int) -> Case:
    """Say what is to be done with a cohort that is still on its cluster.

    Args:
        case: The cohort, with its last day and its cluster.
        protect: Whether its file says that it must stay.
        warning: The note of an earlier run, if there is one.
        today: The day in UTC.
        after: Days between the warning and the end.
    """
    assert case.over is not None
    if today <= case.over:
        return replace(case, verdict="running")
    if protect:
        return replace(case, verdict="protected", why="protect is true in its cohort file")
    if warning is None or (warning.over, warning.cluster) != (case.over, case.cluster):
        return replace(case, verdict="warn", warned=today, due=today + timedelta(days=after))
    due = warning.warned + timedelta(days=after)
    verdict: Verdict = "due" if today >= due else "waiting"
    return replace(case, verdict=verdict, warned=warning.warned, due=due)


def survey(settings: Settings, *, today: date, after: int) -> list[Case]:
    """Look at every cohort; changes nothing. Clusters are asked only of what is past its end.

    Args:
        settings: Folders.
        today: The day in UTC.
        after: Days between the warning and the end.

    Raises:
        InputError: If there is no folder of cohorts.
    """
    if not settings.stacks.is_dir():
        raise InputError(f"There is no folder {settings.stacks}.", hint="Say which: --stacks DIR")
    found = sorted(path.parent.name for path in settings.stacks.glob(f"*/{cohorts.FILE}"))
    return [_look(settings, name, today, after) for name in found]


def _look(settings: Settings, name: str, today: date, after: int) -> Case:
    case = Case(cohort=name, verdict="running")
    try:
        cohort = cohorts.load(settings.stacks, name)
        known, recorded = record_file.load_all(cohort.records_file)
        over, held_by = last_day(cohort, known.values())
        case = replace(case, over=over, held_by=held_by)
        if today <= over:
            return case
        if _is_gone(settings, cohort, known.values(), recorded):
            return replace(case, verdict="gone")
        reading = backend.read(settings, name, needs_students=False)
    except PracticumError as error:
        first = f" {error.problems[0]}" if error.problems else ""
        return replace(case, verdict="unreadable", why=error.message + first)
    return _case(reading, _warning(settings, name), today, after)


def _is_gone(settings: Settings, cohort: Cohort, known: Iterable[Record], recorded: str) -> bool:
    """Say whether a cohort is down, by the files alone: nobody keeps an old cluster for this."""
    if _on_hosts(cohort):
        return False
    records = list(known)
    # Where all were dropped one by one, the cluster still has what they shared; `down` forgets it.
    if records and not recorded and all(record.dropped for record in records):
        return True
    # A rehearsal that is not up holds nothing.
    rehearsed = isinstance(cohort.cluster, str)
    return rehearsed and not targets.of(cohort, settings.home).kubeconfig.exists()


def _on_hosts(cohort: Cohort) -> bool:
    """Say whether somebody has an account on a lab host, which `down` takes away too."""
    return bool(cohort.hosts) and any(
        not seat.dropped for seat in placement.load(cohort.hosts_file).values()
    )


def _case(reading: Overview, warning: Notice | None, today: date, after: int) -> Case:
    # The labels on the cluster know ends that another operator gave.
    over, held_by = last_day(reading.cohort, reading.records.values())
    whole = backend.all_of(reading)
    case = Case(
        cohort=reading.cohort.name,
        verdict="gone",
        over=over,
        held_by=held_by,
        students=len(whole.names),
        cluster=whole.where,
    )
    if not whole.anything and not _on_hosts(reading.cohort):
        return case
    protect = reading.cohort.protect
    return decide(case, protect=protect, warning=warning, today=today, after=after)


def warn(settings: Settings, cases: Iterable[Case]) -> None:
    """Write down who was warned, and forget warnings that no longer hold.

    Raises:
        InputError: If the folder cannot be written to.
    """
    for case in cases:
        path = _path(settings, case.cohort)
        if case.verdict == "warn" and case.over:
            private_file.make_folder(path.parent)
            note = {"warned": str(case.warned), "over": str(case.over), "cluster": case.cluster}
            private_file.write(path, json.dumps(note).encode())
        elif case.verdict in ("running", "gone"):
            with suppress(FileNotFoundError):
                path.unlink()


def reap(
    settings: Settings, cases: Iterable[Case], *, today: date, after: int, progress: Progress
) -> list[Case]:
    """Archive and take down those that are due; one that fails holds no other up.

    Each is looked at once more before: somebody may have answered the warning just now.

    Args:
        settings: Folders and state backend.
        cases: As `survey` returned them.
        today: The day in UTC.
        after: Days between the warning and the end.
        progress: Told what happens.

    Returns:
        All cases, with what became of those that were due.

    Raises:
        Interrupted: If a signal came; what was in flight has finished.
    """
    result = []
    for case in cases:
        now = _look(settings, case.cohort, today, after) if case.verdict == "due" else case
        result.append(_take_down(settings, now, progress) if now.verdict == "due" else now)
    return result


def _take_down(settings: Settings, case: Case, progress: Progress) -> Case:
    progress.say(f"{case.cohort}: warned on {case.warned}, and taken down now.")
    try:
        receipt = down(settings, case.cohort, progress=progress)
    except Interrupted:
        raise
    except PracticumError as error:
        return replace(case, verdict="failed", why=error.message)
    if not receipt.proved:
        left = len(receipt.remaining) + len(receipt.unlisted)
        return replace(case, verdict="failed", why=f"{left} thing(s) are left", receipt=receipt)
    _path(settings, case.cohort).unlink(missing_ok=True)
    return replace(case, verdict="down", receipt=receipt)


def _path(settings: Settings, cohort: str) -> Path:
    return settings.home / "reap" / f"{cohort}.json"


def _warning(settings: Settings, cohort: str) -> Notice | None:
    """Read the note of an earlier run; a damaged one is none, so that there is a new warning."""
    try:
        plain = json.loads(_path(settings, cohort).read_bytes())
        return Notice(
            warned=date.fromisoformat(plain["warned"]),
            over=date.fromisoformat(plain["over"]),
            cluster=str(plain["cluster"]),
        )
    except (OSError, ValueError, TypeError, KeyError):
        return None
