"""The way of every command that changes something for some students in mid-term.

Read, work out what the files are to say, show the plan of those students, ask, write the
files, and bring up these students alone. The files come first: whatever is cut off after
that is finished by the same command again, or by the next `up`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from ..cohort import Record, Student
from ..errors import InputError
from ..settings import Settings
from . import backend, choice, lock
from .access import audit
from .access.audit import AuditLog, Event
from .interrupt import ending_in_order, finished
from .leaving import KEEP_ALL, Leaving, refuse_mass_drop
from .named import refuse_not_in_roster
from .overview import Overview
from .progress import Progress
from .reading import narrowed
from .up_result import UpResult


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """What a command would do, before anybody has agreed."""

    event: Event
    """What the audit file is told of each student for whom it came true."""

    ids: tuple[str, ...]
    """Whom it concerns, by the ids that they have afterwards."""

    students: Mapping[str, Student]
    """The roster as it is to be, by id."""

    known: Mapping[str, Record]
    """The records as they are to be, by id."""

    write: Callable[[], None] = lambda: None
    """Writes what else is to change on disk, before the records and the cluster."""

    finish: Callable[[Overview, list[str]], Finished] = lambda *_: Finished()
    """Does what comes after the cluster, for those who are ready."""

    notes: tuple[str, ...] = ()
    """What a person should know before they agree."""

    was: str = ""
    """The id that was corrected."""

    leaving: Leaving = KEEP_ALL
    """What is done for those who leave."""


@dataclass(frozen=True, kw_only=True)
class Finished:
    """What was done after the cluster."""

    notes: tuple[str, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)
    """Why, by id."""


@dataclass(frozen=True, kw_only=True)
class Changed:
    """What a command did."""

    result: UpResult
    notes: tuple[str, ...] = ()
    """What a person should know now."""


Propose = Callable[[Overview], Proposal]
Confirm = Callable[[Overview, tuple[str, ...]], bool]


def carry_out(
    settings: Settings,
    name: str,
    propose: Propose,
    *,
    confirm: Confirm,
    progress: Progress,
) -> Changed | None:
    """Do what a command proposes for some students.

    Args:
        settings: Folders and state backend.
        name: The cohort.
        propose: Works out what is to be done; changes nothing.
        confirm: Shown the plan and the notes; False stops before anything is changed.
        progress: Told what happens.

    Returns:
        What was done; None when it was not confirmed.

    Raises:
        InputError: If the files are wrong, or what is asked for cannot be.
        ClusterError: If the cluster cannot be used.
        LockedError: If another run holds the cohort.
        Interrupted: If a signal came; what was in flight has finished.
    """
    with lock.held(settings.home, name, progress.say) as held:
        reading = backend.read(settings, name)
        ours = backend.of(reading.cohort)
        proposal = propose(reading)
        wanted = _wanted(reading, proposal)
        refuse_mass_drop(wanted, proposal.leaving.allow)
        ours.refuse_without_key(wanted, proposal.leaving)
        if not confirm(wanted, proposal.notes):
            return None
        with audit.opened(settings, name, reading.whoami) as log, ending_in_order(progress.say):
            finished(proposal.write)
            done = ours.bring_up(settings, wanted, held, progress, proposal.leaving)
            ready = [id for id in proposal.ids if id not in done.failed]
            after = proposal.finish(wanted, ready)
            _tell(log, wanted, proposal, [id for id in ready if id not in after.failed])
        failed = {**done.failed, **after.failed}
        return Changed(result=replace(done, failed=failed), notes=after.notes + _later(reading))


def known_in(reading: Overview, ids: tuple[str, ...]) -> dict[str, Record]:
    """Return the records of students who are in the roster.

    Raises:
        InputError: If nobody is named, or one is not in the roster.
    """
    if not ids:
        raise InputError("Nobody is named.", hint="Name students by the id that the roster has.")
    refuse_not_in_roster(reading, ids)
    return {id: reading.records[id] for id in ids}


def _wanted(reading: Overview, proposal: Proposal) -> Overview:
    wanted = backend.of(reading.cohort).again(reading, proposal.students, proposal.known)
    if wanted.is_up:
        return choice.of_students(wanted, proposal.ids)
    names = {wanted.records[id].name for id in proposal.ids}
    return replace(narrowed(wanted, names), plan=wanted.plan.of(()))


def _later(reading: Overview) -> tuple[str, ...]:
    name = reading.cohort.name
    if not reading.is_up:
        return (
            f"{name} is not up; the files say it now, and this makes it so: practicum up {name}",
        )
    if reading.cohort.hosts:
        return (f"Accounts on lab hosts follow with: practicum hosts up {name}",)
    return ()


def _tell(log: AuditLog, reading: Overview, proposal: Proposal, ids: list[str]) -> None:
    for id in ids:
        log.note(proposal.event, id, ends=reading.records[id].until, was=proposal.was)
