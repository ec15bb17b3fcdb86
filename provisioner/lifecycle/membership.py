"""Who takes the course: one joins, some leave, an id or a name is corrected."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from .. import names, private_file
from ..cohort import Cohort, Recipient, Student, keys, roster_edit
from ..cohort import records as record_file
from ..errors import InputError, Problem
from ..settings import Settings
from . import bundle, on_disk
from .change import Changed, Confirm, Finished, Proposal, carry_out
from .progress import Progress
from .reading import Reading, records_path


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

    def propose(reading: Reading) -> Proposal:
        path = reading.cohort.roster_file
        there = reading.students.get(newcomer.id)
        key = _key(reading, newcomer)
        edit = None
        if there is None or not _is_in(there, newcomer):
            edit = roster_edit.add(path, newcomer.cells())
            there = next(one for one in edit.students if one.id == newcomer.id)

        def write() -> None:
            if key and newcomer.key:
                _put_key(reading.cohort, newcomer.id, key)
            if edit:
                edit.write()

        student = replace(there, key=key or there.key)
        return Proposal(
            event="added",
            ids=(newcomer.id,),
            students={**reading.students, newcomer.id: student},
            known=reading.kept,
            write=write,
            finish=lambda *_: Finished(notes=_access_hint(name, student)),
        )

    return carry_out(settings, name, propose, confirm=confirm, progress=progress)


def drop(
    settings: Settings,
    name: str,
    ids: Iterable[str],
    *,
    confirm: Confirm,
    progress: Progress,
    allow_drop: int | None = None,
) -> Changed | None:
    """Take students out of the roster, and remove these alone; their keys stay on file.

    What happens to a leaver's work is decided where all leavers are removed (`up`).

    Args:
        settings: Folders and state backend.
        name: The cohort.
        ids: Who leaves.
        confirm: Shown the plan.
        progress: Told what happens.
        allow_drop: How many they are, where that is more than usual.

    Raises:
        InputError: If one of them never was in the course, or nobody would be left.
        ClusterError: If the cluster cannot be used.
    """
    leaving = tuple(dict.fromkeys(ids))

    def propose(reading: Reading) -> Proposal:
        here = [id for id in leaving if id in reading.students]
        _refuse_strangers(reading, leaving)
        edit = roster_edit.drop(reading.cohort.roster_file, here) if here else None
        left = {id: one for id, one in reading.students.items() if id not in leaving}
        return Proposal(
            event="dropped",
            ids=leaving,
            students=left,
            known=reading.kept,
            write=edit.write if edit else lambda: None,
            finish=lambda then, ready: _clear_files(settings, then, ready),
        )

    return carry_out(
        settings, name, propose, confirm=confirm, progress=progress, allow_drop=allow_drop
    )


def rename(  # noqa: PLR0913  (what is corrected, and the usual)
    settings: Settings,
    name: str,
    old: str,
    new: str,
    *,
    called: str | None = None,
    confirm: Confirm,
    progress: Progress,
) -> Changed | None:
    """Correct a student's id, name or both; environment and credential stay what they are.

    First the record says what the id becomes, which counts for nothing until the roster
    has the new one; then key and roster follow. So whatever runs after a run that was cut
    off finds the student under the one id or the other, and never takes them for somebody
    who has left.

    Args:
        settings: Folders and state backend.
        name: The cohort.
        old: The id that is wrong.
        new: The id that is right; the same where only the name is corrected.
        called: The name that is right; it stays when None.
        confirm: Shown the plan.
        progress: Told what happens.

    Raises:
        InputError: If the one is not in the roster, or the other is.
        ClusterError: If the cluster cannot be used.
    """
    if old == new and called is None:
        raise InputError("Nothing would change.", hint="Say another id, or --name NAME.")

    def propose(reading: Reading) -> Proposal:
        now = new if _was_corrected(reading, old, new) else old
        if now not in reading.students:
            raise InputError(f"{old} is not in the roster of {name}.", hint=_see(name))
        _refuse_taken(reading, now, new)
        key = _one_key(reading, now, new)
        edit = roster_edit.correct(reading.cohort.roster_file, now, new, called)
        keyed = {id: one.key for id, one in reading.students.items()} | {new: key}
        students = {one.id: replace(one, key=keyed[one.id]) for one in edit.students}
        moving = replace(reading.records[now], becomes=new if new != now else "")
        known = {**reading.kept, now: moving}

        def write() -> None:
            record_file.save(records_path(reading.cohort), known)
            if key and new != old:
                _put_key(reading.cohort, new, key)
            edit.write()

        return Proposal(
            event="renamed",
            ids=(new,),
            students=students,
            known=known,
            write=write,
            finish=lambda then, _: _move_files(settings, then, old, new),
            was=old if old != new else "",
        )

    return carry_out(settings, name, propose, confirm=confirm, progress=progress)


def _is_in(there: Student, newcomer: Newcomer) -> bool:
    """Say whether exactly this student is in the roster: an earlier run was cut off."""
    said = newcomer.cells()
    facts = {"id", "name", "section", "email"} & said.keys()
    return all(getattr(there, what) == said[what] for what in facts)


def _key(reading: Reading, newcomer: Newcomer) -> Recipient | None:
    """Return the key that was given, or the one that lies there from an earlier stay.

    Raises:
        InputError: If it is no key, another one lies there, or it is somebody else's.
    """
    there = keys.find(reading.cohort.keys_folder, newcomer.id)
    given = _read_key("--key", newcomer.key) if newcomer.key else None
    present = _read_key(str(there), there) if there else None
    if given and present and given.text != present.text:
        problem = Problem(str(there), "another key lies there", "ask which is right; delete one")
        raise InputError("There is a key of this student already.", problems=[problem])
    key = given or present
    for other in reading.students.values():
        if key and other.key and other.key.text == key.text and other.id != newcomer.id:
            problem = Problem("--key", f"this is the key of {other.id} too", "ask for their own")
            raise InputError("The key cannot be taken.", problems=[problem])
    return key


def _read_key(where: str, path: Path) -> Recipient:
    try:
        return keys.read(path)
    except InputError as mistake:
        problem = Problem(where, mistake.message)
        raise InputError("The key cannot be taken.", problems=[problem]) from None


def _put_key(cohort: Cohort, id: str, key: Recipient) -> None:
    cohort.keys_folder.mkdir(parents=True, exist_ok=True)
    private_file.write(cohort.keys_folder / keys.file_name(id), f"{key.text}\n".encode())


def _access_hint(name: str, student: Student) -> tuple[str, ...]:
    if student.key:
        return (f"Give them access with: practicum handout {name} {student.id}",)
    return (f"{student.id} has no key yet: it goes to keys/{keys.file_name(student.id)}.",)


def _see(name: str) -> str:
    return f"See who is: practicum status {name}"


def _refuse_strangers(reading: Reading, ids: Iterable[str]) -> None:
    problems = [Problem(id, "was never in this course") for id in ids if id not in reading.records]
    if problems:
        hint = _see(reading.cohort.name)
        raise InputError("Nobody was dropped.", problems=problems, hint=hint)


def _clear_files(settings: Settings, reading: Reading, ids: Iterable[str]) -> Finished:
    """Remove the kubeconfigs of those who are gone: they open nothing any more."""
    folder = on_disk.folder_of(settings, reading.cohort.name)
    for id in ids:
        on_disk.remove(folder, reading.records[id])
    return Finished()


def _was_corrected(reading: Reading, old: str, new: str) -> bool:
    """Say whether an earlier run has brought a correction as far as the roster."""
    if old == new or old in reading.students or new not in reading.students:
        return False
    record = reading.records[new]
    return record.name == names.student(old) or _becomes(reading, old) == new


def _becomes(reading: Reading, old: str) -> str:
    return reading.known[old].becomes if old in reading.known else ""


def _refuse_taken(reading: Reading, old: str, new: str) -> None:
    if new == old or (new not in reading.students and new not in reading.kept):
        return
    present = new in reading.students
    what = "is in the roster too" if present else "was somebody in this course before"
    problem = Problem(new, what, "two people cannot become one; drop one of them")
    raise InputError(f"{old} cannot become {new}.", problems=[problem])


def _one_key(reading: Reading, now: str, new: str) -> Recipient | None:
    """Return the key of a student who may have handed one in under each id.

    Raises:
        InputError: If there are two and they differ, or one is none.
    """
    key = reading.students[now].key
    path = keys.find(reading.cohort.keys_folder, new)
    other = _read_key(str(path), path) if path else key
    if key and other and key.text != other.text:
        problem = Problem(str(path), "another key lies there", "ask which is right; delete one")
        raise InputError(f"{now} and {new} have different keys.", problems=[problem])
    return key or other


def _move_files(settings: Settings, reading: Reading, old: str, new: str) -> Finished:
    """Let key, kubeconfig and the platform's name for the student follow the id."""
    if old == new:
        return Finished()
    cohort = reading.cohort
    if keys.find(cohort.keys_folder, new) and (stale := keys.find(cohort.keys_folder, old)):
        stale.unlink(missing_ok=True)
    record = reading.records[new]
    on_disk.move(on_disk.folder_of(settings, cohort.name), replace(record, id=old), record)
    bundle.rename(settings, cohort.name, old, new)
    return Finished()
