"""What can be said of a cohort once all of its files hold."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from ..errors import InputError, Problem
from . import enrolment, keys, placement, records, roster, sections
from .access import ClusterAccess
from .loading import load
from .schema import Cohort
from .students import Student, load_students


def summary(stacks: Path, name: str) -> dict[str, Any]:
    """Read every file of a cohort and count what is in them.

    Raises:
        InputError: If one of the files has mistakes; it lists those of all of them.
    """
    cohort = load(stacks, name)
    students = _all(cohort)
    read = roster.load(cohort.roster_file)
    unkeyed = [student.id for student in students if student.key is None]
    return {
        "cohort": cohort.name,
        "course": cohort.course,
        "term": {"starts": str(cohort.term.starts), "ends": str(cohort.term.ends)},
        "backend": cohort.backend,
        "cluster": _where(cohort),
        "students": len(students),
        "keyed": len(students) - len(unkeyed),
        "unkeyed": unkeyed,
        "sections": Counter(student.section for student in students if student.section),
        "groups": Counter(student.group for student in students if student.group),
        "hosts": _on_hosts(cohort, students),
        "ignored_columns": list(read.ignored),
        "notes": [
            *read.notes,
            *_keys_of_nobody(cohort, students),
            *_sections_of_nobody(cohort, students),
            *_forks_of_nobody(cohort, students),
        ],
    }


def _where(cohort: Cohort) -> str:
    if cohort.kind:
        engines = ", ".join(engine.name for engine in cohort.kind.engines)
        return f"a kind cluster each, on {engines}"
    cluster = cohort.cluster
    return f"context {cluster.context}" if isinstance(cluster, ClusterAccess) else str(cluster)


def _all(cohort: Cohort) -> tuple[Student, ...]:
    """Return the students, after the mistakes of every file were collected."""
    problems: list[Problem] = []
    students: tuple[Student, ...] = ()
    hint = None
    try:
        students = load_students(cohort)
    except InputError as error:
        problems += error.problems or [Problem(str(cohort.roster_file), error.message)]
        hint = error.hint
    try:
        records.load(cohort.records_file)
        _on_hosts(cohort, students)
    except InputError as error:
        problems += error.problems or [Problem(str(cohort.folder), error.message)]
        hint = error.hint
    if problems:
        count = "1 mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
        raise InputError(f"The files of {cohort.name} have {count}.", problems=problems, hint=hint)
    return students


def _on_hosts(cohort: Cohort, students: tuple[Student, ...]) -> Counter[str]:
    """Count who is, or would be, on which lab host.

    Raises:
        InputError: If somebody has no host, or what was decided cannot be read.
    """
    if not cohort.hosts:
        return Counter()
    known = records.load(cohort.records_file)
    decided = enrolment.assign(known, [student.id for student in students], cohort.name, 1)
    people = placement.people(students, decided)
    seats = placement.assign(placement.load(cohort.hosts_file), cohort, people)
    empty = Counter({host.name: 0 for host in cohort.hosts})
    empty.update(seat.host for seat in seats.values() if not seat.dropped)
    return empty


def _forks_of_nobody(cohort: Cohort, students: tuple[Student, ...]) -> list[str]:
    dotfiles = cohort.accounts.dotfiles
    ids = {student.id for student in students}
    strange = [id for id in (dotfiles.forks if dotfiles else ()) if id not in ids]
    return [f"accounts.dotfiles.forks names {id}, who is nobody in the roster" for id in strange]


def _sections_of_nobody(cohort: Cohort, students: tuple[Student, ...]) -> list[str]:
    """Name the sections of the cohort file that the roster does not have."""
    there = frozenset[str]().union(*(sections.within(student.section) for student in students))
    return [
        f"nobody is in the section {section.name}, so its assistants see nobody by it"
        for section in cohort.sections
        if section.name not in there
    ]


def _keys_of_nobody(cohort: Cohort, students: tuple[Student, ...]) -> list[str]:
    """Name the key files that belong to nobody: most often an id with a slip in it."""
    if not cohort.keys_folder.is_dir():
        return []
    used = {keys.find(cohort.keys_folder, s.id) for s in students}
    strays = sorted(path for path in cohort.keys_folder.iterdir() if path not in used)
    return [
        f"{path} is nobody's key"
        for path in strays
        if path.name != "README" and not path.name.startswith(".")
    ]
