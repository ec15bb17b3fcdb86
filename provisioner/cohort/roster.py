"""The roster, ``roster.csv``: who takes the course.

One header and one line a student; the columns, in any order:

* ``id``       needed; decides the name in the cluster, and is never guessed at
* ``name``     needed; for people
* ``section``  may be left out
* ``email``    may be left out
* ``group``    may be left out

Other columns are read past, and named by ``practicum validate``.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import private_file
from ..errors import InputError, Problem
from . import csv_file, person, text_file
from .csv_file import Row
from .students import Student
from .text_file import Text

COLUMNS = ("id", "name", "section", "email", "group")
NEEDED = ("id", "name")


@dataclass(frozen=True, kw_only=True)
class Roster:
    """What a roster file says."""

    students: tuple[Student, ...]

    ignored: tuple[str, ...] = ()
    """Columns that were read past."""

    notes: tuple[str, ...] = ()
    """What had to be assumed."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A student, and where in a file they stand."""

    student: Student
    line: int
    columns: Mapping[str, int]


def read(path: Path, problems: list[Problem]) -> Roster:
    """Read our own roster; mistakes are added to the list that is given, in order.

    Raises:
        InputError: If the file as such cannot be read.
    """
    found: list[Problem] = []
    roster = _read(path, found)
    problems += sorted(found, key=place)
    return roster


def _read(path: Path, problems: list[Problem]) -> Roster:
    if not path.is_file():
        raise InputError(
            f"There is no roster at {path}.",
            hint=f"Import one with: practicum roster import {path.parent.name} FILE --from canvas",
        )
    return of_text(text_file.read(path), problems)


def of_text(text: Text, problems: list[Problem]) -> Roster:
    """Read the lines of a roster; mistakes are added to the list that is given."""
    rows = csv_file.rows(text, ",", problems)
    if not rows:
        return Roster(students=())
    header, *body = rows
    where = _columns(text, header, problems)
    if not where:
        return Roster(students=())
    full = [row for row in body if not row.is_blank and _is_even(text, header, row, problems)]
    entries = [_entry(row, where) for row in full]
    problems += [problem for entry in entries for problem in mistakes(text, entry)]
    problems += twice(text, entries)
    return Roster(
        students=tuple(entry.student for entry in entries),
        ignored=tuple(cell for cell in header.cells if cell.strip() and known(cell) not in COLUMNS),
        notes=text.notes,
    )


def load(path: Path) -> Roster:
    """Read our own roster, whole or not at all.

    Raises:
        InputError: If it has mistakes; it lists them all.
    """
    problems: list[Problem] = []
    roster = read(path, problems)
    refuse(path, problems)
    return roster


def write_roster(path: Path, students: Iterable[Student]) -> None:
    """Write our roster whole or not at all, in the order that is given.

    Cells stay exactly as they are, also where a spreadsheet would take one for a
    formula: an id that was changed on the way is somebody else's id.

    Raises:
        InputError: If it cannot be written; the old file is as it was.
    """
    import csv  # who only reads has a stricter reader

    students = list(students)
    # A course without groups has no column for them.
    columns = COLUMNS if any(one.group for one in students) else COLUMNS[:-1]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([getattr(one, column) for column in columns] for one in students)
    private_file.write(path, out.getvalue().encode())


def refuse(path: Path, problems: Sequence[Problem]) -> None:
    """Stop if there is a mistake.

    Raises:
        InputError: If there is one, with all of them in the order of the file.
    """
    if problems:
        count = "1 mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
        raise InputError(f"{path} has {count}.", problems=sorted(problems, key=place))


def known(header: str) -> str:
    """Return a header as it is compared: in lower case, without space around."""
    return person.tidy(header).casefold()


def mistakes(text: Text, entry: Entry) -> list[Problem]:
    """Return what is wrong with one student's cells."""
    student = entry.student
    found = {
        "id": person.id_mistake(student.id),
        "name": person.name_mistake(student.name)
        or (None if student.name else ("the name is empty", "fill it in")),
        "section": person.name_mistake(student.section),
        "group": person.name_mistake(student.group),
        "email": person.email_mistake(student.email),
    }
    return [
        Problem(text.at(entry.line, entry.columns.get(what, 1)), *mistake)
        for what, mistake in found.items()
        if mistake
    ]


def twice(text: Text, entries: Sequence[Entry]) -> list[Problem]:
    """Return who stands there twice, also under an id that a person would take for one."""
    ids: dict[str, Entry] = {}
    emails: dict[str, Entry] = {}
    problems = []
    for entry in entries:
        student = entry.student
        first = ids.setdefault(person.likeness(student.id), entry)
        if first is not entry and student.id.strip():
            same = first.student.id == student.id
            how = "this id stands" if same else "an id that differs in case, width or zeros stands"
            where = text.at(entry.line, entry.columns.get("id", 1))
            problems.append(Problem(where, f"{how} in line {first.line} already", "keep one"))
        first = emails.setdefault(student.email.casefold(), entry)
        if first is not entry and student.email and student.email != student.id:
            where = text.at(entry.line, entry.columns.get("email", 1))
            problems.append(Problem(where, f"this email stands in line {first.line} already"))
    return problems + _alike_groups(text, entries)


def _alike_groups(text: Text, entries: Iterable[Entry]) -> list[Problem]:
    """Return the groups that a person would take for one: their members would be apart."""
    groups: dict[str, Entry] = {}
    problems = []
    for entry in entries:
        group = entry.student.group
        first = groups.setdefault(person.likeness(group), entry)
        if first.student.group != group:
            where = text.at(entry.line, entry.columns.get("group", 1))
            what = f"the group of line {first.line} is written in another way"
            problems.append(Problem(where, what, "write both the same"))
    return problems


def _columns(text: Text, header: Row, problems: list[Problem]) -> dict[str, int]:
    """Return the index of each of our columns; none when the header is unusable."""
    names = [known(cell) for cell in header.cells]
    before = len(problems)
    for index, name in enumerate(names):
        if name and names.index(name) < index:
            where = text.at(header.line, header.columns[index])
            problems.append(Problem(where, "this column stands there twice", "rename one"))
    missing = [name for name in NEEDED if name not in names]
    if missing:
        fix = _other_delimiter(text) or f"the header needs {' and '.join(missing)}"
        problems.append(Problem(text.at(header.line), "the header is not a roster's", fix))
    if len(problems) > before:
        return {}
    return {name: names.index(name) for name in COLUMNS if name in names}


def _other_delimiter(text: Text) -> str:
    for delimiter, called in {
        ";": "semicolons",
        "\t": "tabs",
        "\uff0c": "full-width commas",
    }.items():
        if {*NEEDED} <= {known(cell) for cell in text.lines[0].split(delimiter)}:
            return f"columns are separated by {called}; use commas"
    return ""


def _is_even(text: Text, header: Row, row: Row, problems: list[Problem]) -> bool:
    if len(row.cells) == len(header.cells):
        return True
    what = f"this line has {len(row.cells)} cells, the header has {len(header.cells)}"
    problems.append(Problem(text.at(row.line), what, "quote a cell with a comma in it"))
    return False


def _entry(row: Row, where: Mapping[str, int]) -> Entry:
    cells = {name: row.cells[index] for name, index in where.items()}
    student = Student(
        id=cells["id"],
        name=person.tidy(cells["name"]),
        section=person.tidy(cells.get("section", "")),
        email=cells.get("email", "").strip(),
        group=person.tidy(cells.get("group", "")),
    )
    columns = {name: row.columns[index] for name, index in where.items()}
    return Entry(student=student, line=row.line, columns=columns)


def place(problem: Problem) -> tuple[int, ...]:
    """Return line and column of a problem, to sort by."""
    parts = problem.where.rsplit(":", 2)[1:]
    return tuple(int(part) for part in parts if part.isdigit())
