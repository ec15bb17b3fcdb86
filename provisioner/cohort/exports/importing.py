"""Bringing an export into a cohort's roster: first the difference, then the writing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .. import difference, roster
from ..difference import RosterDiff
from ..loading import load
from ..students import Student
from . import importers
from .formats import Source
from .imported import Asked, Imported


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A roster that could be written, and how it differs from the one that is there."""

    cohort: str
    path: Path
    before: int
    """How many students the present roster has."""

    students: tuple[Student, ...]
    diff: RosterDiff
    skipped: tuple[tuple[int, str], ...] = ()
    notes: tuple[str, ...] = ()
    rows: int = 0
    """How many rows the export has: a header, the students, and those skipped."""

    def check(self, allow_drop: int | None) -> None:
        """Refuse a roster that lost many students.

        Raises:
            InputError: If more go than a course loses in a day, and nobody said so.
        """
        difference.check_shrink(self.before, len(self.diff.leaves), allow_drop)

    def write(self) -> None:
        """Put the roster in place of the present one.

        Raises:
            InputError: If it cannot be written; the old file is as it was.
        """
        roster.write_roster(self.path, self.students)

    def as_json(self) -> dict[str, Any]:
        """Return the difference by ids alone: names belong in no log."""
        return {
            "cohort": self.cohort,
            "roster": str(self.path),
            "joins": [student.id for student in self.diff.joins],
            "leaves": [student.id for student in self.diff.leaves],
            "renames": [after.id for _, after in self.diff.renames],
            "section_moves": [after.id for _, after in self.diff.section_moves],
            "email_changes": [after.id for _, after in self.diff.email_changes],
            "group_moves": [after.id for _, after in self.diff.group_moves],
            "likely_new_ids": [
                {"leaves": old.id, "joins": new.id, "same": what}
                for old, new, what in self.diff.likely_new_ids
            ],
            "same": len(self.diff.same),
            "rows": self.rows,
            "skipped": [{"line": line, "why": why} for line, why in self.skipped],
            "notes": list(self.notes),
        }


def propose(
    stacks: Path, name: str, file: Path, source: Source, asked: Asked | None = None
) -> Proposal:
    """Read an export and compare it with the roster that a cohort has.

    Those who are in both stay in the order that they have, and new ones follow, so
    that the file's own history shows no more than what has changed. What the export has
    no column for stays as it is: a gradebook does not say that nobody has a group.

    Raises:
        InputError: If the cohort, its roster or the export has mistakes.
    """
    cohort = load(stacks, name)
    path = cohort.roster_file
    present = roster.load(path).students if path.exists() else ()
    imported = importers.read(file, source, asked)
    students = tuple(_completed(imported, present))
    order = {student.id: place for place, student in enumerate(present)}
    return Proposal(
        cohort=name,
        path=path,
        before=len(present),
        students=tuple(sorted(students, key=lambda one: order.get(one.id, len(order)))),
        diff=difference.diff(present, students),
        skipped=imported.skipped,
        notes=imported.notes,
        rows=imported.rows,
    )


def _completed(imported: Imported, present: Iterable[Student]) -> Iterator[Student]:
    """Yield the students, with what the roster alone says of those who are in both."""
    before = {student.id: student for student in present}
    silent = {"section", "email", "group"} - imported.columns
    for student in imported.students:
        known = before.get(student.id, student)
        yield replace(student, **{what: getattr(known, what) for what in silent})
