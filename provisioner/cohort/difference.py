"""What an import would change in the roster, and when it is too much to be meant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..errors import InputError, Problem
from . import person
from .students import Student

FEW = 3
"""Leavers that a course has in a day; more than these and than a tenth is a question."""

SHARE = 10


@dataclass(frozen=True, kw_only=True)
class RosterDiff:
    """Everybody of two rosters, by what becomes of them."""

    joins: tuple[Student, ...] = ()
    leaves: tuple[Student, ...] = ()

    renames: tuple[tuple[Student, Student], ...] = ()
    """Before and after, where the name differs; the id, and so the environment, stays."""

    section_moves: tuple[tuple[Student, Student], ...] = ()
    """Before and after, where the section differs."""

    email_changes: tuple[tuple[Student, Student], ...] = ()
    """Before and after, where the email differs."""

    group_moves: tuple[tuple[Student, Student], ...] = ()
    """Before and after, where the group differs."""

    likely_new_ids: tuple[tuple[Student, Student, str], ...] = ()
    """Who leaves and who joins and may be one person, with what the two share. Both
    stand among the leaves and the joins: as it is, the work would go."""

    same: tuple[Student, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether writing it would change nothing."""
        changes = (self.renames, self.section_moves, self.email_changes, self.group_moves)
        return not (self.joins or self.leaves or any(changes))


def diff(present: Iterable[Student], imported: Iterable[Student]) -> RosterDiff:
    """Compare two rosters by id.

    Raises:
        InputError: If somebody leaves and joins under an id that a person would take
            for the same: a lost zero is an export gone wrong, not two people.
    """
    before = {student.id: student for student in present}
    after = {student.id: student for student in imported}
    joins = tuple(student for id, student in after.items() if id not in before)
    leaves = tuple(student for id, student in before.items() if id not in after)
    _refuse_changed_ids(joins, leaves)
    both = [(before[id], student) for id, student in after.items() if id in before]
    return RosterDiff(
        joins=joins,
        leaves=leaves,
        renames=tuple(pair for pair in both if pair[0].name != pair[1].name),
        section_moves=tuple(pair for pair in both if pair[0].section != pair[1].section),
        email_changes=tuple(pair for pair in both if pair[0].email != pair[1].email),
        group_moves=tuple(pair for pair in both if pair[0].group != pair[1].group),
        likely_new_ids=tuple(_likely_new_ids(joins, leaves)),
        same=tuple(new for old, new in both if _facts(old) == _facts(new)),
    )


def check_shrink(before: int, dropped: int, allow: int | None, what: str = "students") -> None:
    """Refuse to drop many students, or groups, at once unless their exact number was said.

    >>> check_shrink(30, 3, None)
    >>> check_shrink(30, 4, 4)

    Args:
        before: How many students there are.
        dropped: How many of them would go.
        allow: What the person said with ``--allow-drop``.
        what: What they are.

    Raises:
        InputError: If more than max(3, 10 %) would go and ``allow`` is another number.
    """
    if dropped <= max(FEW, before / SHARE) or allow == dropped:
        return
    said = "" if allow is None else f" --allow-drop says {allow}."
    raise InputError(
        f"{dropped} of {before} {what} would be dropped, with all their work.{said}",
        hint=f"If this is meant, say: --allow-drop {dropped}",
    )


def _facts(student: Student) -> tuple[str, str, str, str]:
    return student.name, student.section, student.email, student.group


def _likely_new_ids(
    joins: Sequence[Student], leaves: Sequence[Student]
) -> Iterator[tuple[Student, Student, str]]:
    """Yield who may be one person: an email that both have, or else a name that no other has."""
    found: set[str] = set()
    for what in ("email", "name"):
        left, came = _only_ones(leaves, what), _only_ones(joins, what)
        for shared in sorted(left.keys() & came.keys()):
            old, new = left[shared], came[shared]
            if not {old.id, new.id} & found:
                found |= {old.id, new.id}
                yield old, new, what


def _only_ones(students: Iterable[Student], what: str) -> dict[str, Student]:
    """Return the students by what each alone has."""
    several = [(getattr(one, what).casefold(), one) for one in students]
    count = Counter(said for said, _ in several)
    return {said: one for said, one in several if said and count[said] == 1}


def _refuse_changed_ids(joins: Iterable[Student], leaves: Iterable[Student]) -> None:
    gone = {person.likeness(student.id): student.id for student in leaves}
    problems = [
        Problem(student.id, f"this was {gone[person.likeness(student.id)]} before")
        for student in joins
        if person.likeness(student.id) in gone
    ]
    if problems:
        raise InputError(
            "Ids have changed in case or in leading zeros since the last import.",
            problems=problems,
            hint="Export again with the id column as text.",
        )
