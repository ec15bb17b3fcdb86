"""Correct a student's id or name, and let everything follow that hangs on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from .. import names
from ..cohort import Recipient, Record, keys, roster_edit
from ..cohort import records as record_file
from ..errors import InputError, Problem
from ..settings import Settings
from . import usage
from .access import bundle, on_disk
from .change import Changed, Confirm, Finished, Proposal, carry_out
from .membership import put_key, read_key, see
from .overview import Overview
from .progress import Progress


@dataclass(frozen=True, kw_only=True)
class Correction:
    """What was wrong about one student."""

    old: str
    """The id that is wrong."""

    new: str
    """The id that is right; the same where only the name is corrected."""

    name: str | None = None
    """The name that is right; it stays when None."""

    @property
    def moves(self) -> bool:
        """Whether the id changes."""
        return self.old != self.new


def rename(
    settings: Settings,
    name: str,
    correction: Correction,
    *,
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
        correction: What is right.
        confirm: Shown the plan.
        progress: Told what happens.

    Raises:
        InputError: If the one is not in the roster, or the other is.
        ClusterError: If the cluster cannot be used.
    """
    if not correction.moves and correction.name is None:
        raise InputError("Nothing would change.", hint="Say another id, or --name NAME.")
    propose = partial(_propose, settings, correction)
    return carry_out(settings, name, propose, confirm=confirm, progress=progress)


def _propose(settings: Settings, correction: Correction, reading: Overview) -> Proposal:
    cohort, old, new = reading.cohort, correction.old, correction.new
    present = new if _was_corrected(reading, old, new) else old
    if present not in reading.students:
        raise InputError(f"{old} is not in the roster of {cohort.name}.", hint=see(cohort.name))
    _refuse_taken(reading, present, new)
    key = _one_key(reading, present, new)
    edit = roster_edit.correct(cohort.roster_file, present, new, correction.name)
    keyed = {id: one.key for id, one in reading.students.items()} | {new: key}
    known = _becoming(reading, present, new)

    def write() -> None:
        record_file.save(cohort.records_file, known)
        if key and correction.moves:
            put_key(cohort, new, key)
        edit.write()

    return Proposal(
        event="renamed",
        ids=(new,),
        students={one.id: replace(one, key=keyed[one.id]) for one in edit.students},
        known=known,
        write=write,
        finish=lambda then, _: _move_files(settings, then, old, new),
        was=old if correction.moves else "",
    )


def _becoming(reading: Overview, present: str, new: str) -> dict[str, Record]:
    """Return the records, with what the id is to become, lest the student be lost on the way."""
    known = dict(reading.kept)
    if present in known and present != new:
        known[present] = replace(known[present], becomes=new)
    return known


def _was_corrected(reading: Overview, old: str, new: str) -> bool:
    """Say whether an earlier run has brought a correction as far as the roster."""
    if old == new or old in reading.students or new not in reading.students:
        return False
    record = reading.records[new]
    return record.name == names.student(old) or _becomes(reading, old) == new


def _becomes(reading: Overview, old: str) -> str:
    return reading.known[old].becomes if old in reading.known else ""


def _refuse_taken(reading: Overview, old: str, new: str) -> None:
    if new == old or (new not in reading.students and new not in reading.kept):
        return
    if new in reading.students:
        what, fix = "is in the roster too", "two people cannot become one; drop one of them"
    else:
        what = "was somebody's in this course, and their name in the cluster stays theirs"
        fix = f"if it is the same person: drop {old}, add {new}, and restore the archive"
    problem = Problem(new, what, fix)
    raise InputError(f"{old} cannot become {new}.", problems=[problem])


def _one_key(reading: Overview, present: str, new: str) -> Recipient | None:
    """Return the key of a student who may have handed one in under each id.

    Raises:
        InputError: If there are two and they differ, or one is none.
    """
    key = reading.students[present].key
    path = keys.find(reading.cohort.keys_folder, new)
    other = read_key(str(path), path) if path else key
    if key and other and key.text != other.text:
        problem = Problem(str(path), "another key lies there", "ask which is right; delete one")
        raise InputError(f"{present} and {new} have different keys.", problems=[problem])
    return key or other


def _move_files(settings: Settings, reading: Overview, old: str, new: str) -> Finished:
    """Let key, kubeconfig, samples and the platform's name for the student follow the id."""
    if old == new:
        return Finished()
    cohort = reading.cohort
    if keys.find(cohort.keys_folder, new) and (stale := keys.find(cohort.keys_folder, old)):
        stale.unlink(missing_ok=True)
    record = reading.records[new]
    on_disk.move(on_disk.folder_of(settings, cohort.name), replace(record, id=old), record)
    bundle.rename(settings, cohort.name, old, new)
    trouble = usage.rename(settings, cohort.name, old, new)
    return Finished(notes=(trouble,) if trouble else ())
