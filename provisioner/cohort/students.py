"""Who takes the course, each with the key that was handed in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..errors import InputError, Problem
from . import keys
from .keys import Recipient

if TYPE_CHECKING:
    from .schema import Cohort


@dataclass(frozen=True, kw_only=True)
class Student:
    """One person who takes the course, as the roster has them."""

    id: str
    """Exactly as typed; it is never guessed at."""

    name: str
    """For people; it is personal data, so no log and no label holds it."""

    section: str = ""
    email: str = ""
    group: str = ""
    """Those who work together; a group has an environment of its own where the cohort says."""

    key: Recipient | None = None
    """What the kubeconfig is encrypted to; None for an *unkeyed* student."""


def load_students(cohort: Cohort, *, needed: bool = True) -> tuple[Student, ...]:
    """Read a cohort's roster and keys, in the roster's order.

    Args:
        cohort: The cohort.
        needed: Whether there must be somebody. What ends a course, or tells of it, goes by
            the records and the cluster, and is not held up by a roster that is gone.

    Raises:
        InputError: If the roster or a key has mistakes; it lists them all.
    """
    from . import oidc, roster  # which need Student

    if not needed and not cohort.roster_file.exists():
        return ()
    problems: list[Problem] = []
    people = roster.read(cohort.roster_file, problems).students
    if needed and not people and not problems:
        problems.append(_nobody(cohort))
    keyed = tuple(_with_key(cohort, student, problems) for student in people)
    problems += _shared_keys(cohort, keyed)
    if cohort.oidc:
        taken = _other_users(cohort)
        problems += oidc.login_problems(cohort.oidc, keyed, cohort.roster_file, taken)
    if problems:
        count = "1 mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
        raise InputError(f"The students of {cohort.name} have {count}.", problems=problems)
    return keyed


def students_by_id(cohort: Cohort, *, needed: bool = True) -> dict[str, Student]:
    """Return the same by the roster's id.

    Raises:
        InputError: As ``load_students`` does.
    """
    return {student.id: student for student in load_students(cohort, needed=needed)}


def _nobody(cohort: Cohort) -> Problem:
    """Refuse a roster of nobody: far more often an export gone wrong than a course without students."""
    where = f"{cohort.roster_file}:1:1"
    return Problem(where, "there is no student below the header", "import some")


def _with_key(cohort: Cohort, student: Student, problems: list[Problem]) -> Student:
    path = keys.find(cohort.keys_folder, student.id)
    if path is None:
        return student
    try:
        return replace(student, key=keys.read(path))
    except InputError as mistake:
        problems.append(Problem(f"{path}:1:1", str(mistake)))
        return student


def _other_users(cohort: Cohort) -> dict[str, str]:
    """Return who is no student to the cluster, so that no student becomes one of them."""
    operators = dict.fromkeys(cohort.operators, "an operator")
    return operators | {one.user: "an assistant" for one in cohort.assistants if one.user}


def _shared_keys(cohort: Cohort, students: Iterable[Student]) -> list[Problem]:
    """Refuse a classmate's key: the owner could open somebody else's kubeconfig."""
    first: dict[str, str] = {}
    problems = []
    for student in students:
        if student.key is None:
            continue
        other = first.setdefault(student.key.text, student.id)
        if other != student.id:
            where = f"{cohort.keys_folder / keys.file_name(student.id)}:1:1"
            problems.append(Problem(where, f"this is the key of {other} too", "ask for their own"))
    return problems
