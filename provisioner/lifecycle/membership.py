"""Who takes the course: one joins, some leave."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from .. import private_file
from ..cohort import Cohort, Recipient, Student, keys, roster_edit
from ..cohort.roster_edit import RosterEdit
from ..errors import InputError, Problem
from ..settings import Settings
from .access import on_disk
from .change import Changed, Confirm, Finished, Proposal, carry_out
from .leaving import KEEP_ALL, Leaving
from .overview import Overview
from .progress import Progress


@dataclass(frozen=True, kw_only=True)
class Newcomer:
    """Somebody who joins, as a person types it."""

    id: str
    name: str
    section: str = ""
    group: str = ""
    email: str = ""
    key: Path | None = None
    """The file with the public key."""

    def cells(self) -> dict[str, str]:
        """Return what goes into the roster, by column."""
        more = {"section": self.section, "group": self.group, "email": self.email}
        return {"id": self.id, "name": self.name} | {k: v for k, v in more.items() if v}


def add(
    settings: Settings, name: str, newcomer: Newcomer, *, confirm: Confirm, progress: Progress
) -> Changed | None:
    """Put a student into the roster, and bring up this one alone.

    Done again after it was cut off, it goes on where it stopped.

    Args:
        settings: Folders and state backend.
        name: The cohort.
        newcomer: Who joins.
        confirm: Shown the plan.
        progress: Told what happens.

    Raises:
        InputError: If the roster would have mistakes, or the key is none, or somebody else's.
        ClusterError: If the cluster cannot be used.
    """

    def propose(reading: Overview) -> Proposal:
        key = _key(reading, newcomer)
        listed, edit = _listed(reading, newcomer)
        student = replace(listed, key=key or listed.key)

        def write() -> None:
            if key and newcomer.key:
                put_key(reading.cohort, newcomer.id, key)
            if edit:
                edit.write()

        return Proposal(
            event="added",
            ids=(newcomer.id,),
            students={**reading.students, newcomer.id: student},
            known=reading.kept,
            write=write,
            finish=lambda _, ready: _what_is_next(name, student, ready),
        )

    return carry_out(settings, name, propose, confirm=confirm, progress=progress)


def drop(
    settings: Settings,
    name: str,
    ids: Iterable[str],
    *,
    confirm: Confirm,
    progress: Progress,
    leaving: Leaving = KEEP_ALL,
) -> Changed | None:
    """Take students out of the roster, and remove these alone; their keys stay on file.

    Args:
        settings: Folders and state backend.
        name: The cohort.
        ids: Who leaves.
        confirm: Shown the plan.
        progress: Told what happens.
        leaving: What is done for them before their namespaces go, and how many they are.

    Raises:
        InputError: If one of them never was in the course, or nobody would be left.
        ClusterError: If the cluster cannot be used.
    """
    gone = tuple(dict.fromkeys(ids))

    def propose(reading: Overview) -> Proposal:
        here = [id for id in gone if id in reading.students]
        _refuse_strangers(reading, gone)
        edit = roster_edit.drop(reading.cohort.roster_file, here) if here else None
        return Proposal(
            event="dropped",
            ids=gone,
            students={id: one for id, one in reading.students.items() if id not in gone},
            known=reading.kept,
            write=edit.write if edit else lambda: None,
            finish=lambda then, ready: _clear_files(settings, then, ready),
            leaving=leaving,
        )

    return carry_out(settings, name, propose, confirm=confirm, progress=progress)


def _listed(reading: Overview, newcomer: Newcomer) -> tuple[Student, RosterEdit | None]:
    """Return a newcomer as the roster has them, and the edit that makes it so."""
    listed = reading.students.get(newcomer.id)
    if listed and _is_in(listed, newcomer):
        return listed, None
    edit = roster_edit.add(reading.cohort.roster_file, newcomer.cells())
    return next(one for one in edit.students if one.id == newcomer.id), edit


def _is_in(there: Student, newcomer: Newcomer) -> bool:
    """Say whether exactly this student is in the roster: an earlier run was cut off."""
    said = newcomer.cells()
    facts = {"id", "name", "section", "email"} & said.keys()
    return all(getattr(there, what) == said[what] for what in facts)


def _key(reading: Overview, newcomer: Newcomer) -> Recipient | None:
    """Return the key that was given, or the one that lies there from an earlier stay.

    Raises:
        InputError: If it is no key, another one lies there, or it is somebody else's.
    """
    there = keys.find(reading.cohort.keys_folder, newcomer.id)
    given = read_key("--key", newcomer.key) if newcomer.key else None
    present = read_key(str(there), there) if there else None
    if given and present and given.text != present.text:
        problem = Problem(str(there), "another key lies there", "ask which is right; delete one")
        raise InputError("There is a key of this student already.", problems=[problem])
    key = given or present
    for other in reading.students.values():
        if key and other.key and other.key.text == key.text and other.id != newcomer.id:
            problem = Problem("--key", f"this is the key of {other.id} too", "ask for their own")
            raise InputError("The key cannot be taken.", problems=[problem])
    return key


def read_key(where: str, path: Path) -> Recipient:
    """Read a key, and name what holds it where it is none.

    Raises:
        InputError: If it is none.
    """
    try:
        return keys.read(path)
    except InputError as mistake:
        problem = Problem(where, mistake.message)
        raise InputError("The key cannot be taken.", problems=[problem]) from None


def put_key(cohort: Cohort, id: str, key: Recipient) -> None:
    """Write a student's key to where it is looked for.

    Raises:
        InputError: If it cannot be written.
    """
    cohort.keys_folder.mkdir(parents=True, exist_ok=True)
    private_file.write(cohort.keys_folder / keys.file_name(id), f"{key.text}\n".encode())


def _what_is_next(name: str, student: Student, ready: Collection[str]) -> Finished:
    """Say how a newcomer gets access; nothing of who has no environment yet."""
    if student.id not in ready:
        return Finished()
    if student.key:
        return Finished(notes=(f"Give them access with: practicum handout {name} {student.id}",))
    place = f"keys/{keys.file_name(student.id)}"
    return Finished(notes=(f"{student.id} has no key yet: it goes to {place}.",))


def see(name: str) -> str:
    """Return the hint with which a person finds out who takes the course."""
    return f"See who is: practicum status {name}"


def _refuse_strangers(reading: Overview, ids: Iterable[str]) -> None:
    problems = [Problem(id, "was never in this course") for id in ids if id not in reading.records]
    if problems:
        hint = see(reading.cohort.name)
        raise InputError("Nobody was dropped.", problems=problems, hint=hint)


def _clear_files(settings: Settings, reading: Overview, ids: Iterable[str]) -> Finished:
    """Remove the kubeconfigs of those who are gone: they open nothing any more."""
    folder = on_disk.folder_of(settings, reading.cohort.name)
    for id in ids:
        on_disk.remove(folder, reading.records[id])
    return Finished()
