"""Reading what learning platforms and spreadsheets export, by exact rules for each.

Rows that are no student are skipped only where a rule names them, and every skipped
row is told. What looks like a student and has no usable id is a mistake, not a skip:
somebody would be without an environment and nobody would know.

* Canvas: a gradebook export. The id is ``SIS User ID``, else ``SIS Login ID``; never
  ``ID``, which is Canvas' own number and changes with the installation.
* Moodle: a participants or grades export, in one of seven languages. The id is
  ``ID number``, else ``Username``.
* Google Classroom: its grades, for it exports no roster. The id is the email address.
* Korean portals: whatever they call ``.xls``: HTML, text with tabs, or a workbook.
* csv and xlsx: a list of one's own.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from ...errors import InputError, Problem
from .. import person, roster
from ..csv_file import Row
from ..roster import Entry
from ..students import Student
from . import id_digits, table
from .formats import FORMATS, Format, Source
from .headers import plain
from .id_digits import Digits
from .imported import Asked, Imported
from .table import Table

TITLE_ROWS = 10
"""How far down a header is looked for: portals put titles above it."""


def read(path: Path, source: Source, asked: Asked | None = None) -> Imported:
    """Read an export, whole or not at all.

    Args:
        path: The file that the platform wrote.
        source: Which platform.
        asked: What the person says of it.

    Raises:
        InputError: If it is no such export, or has mistakes; it lists them all.
        MissingToolError: If it is a workbook and the library is not installed.
    """
    asked = asked or Asked()
    form = asked.applied(FORMATS[source])
    tables, apart = table.read(path, asked.encoding, form.kinds, source)
    chosen, header, where = _choose(path, tables, form, source, apart=apart)
    return _Reading(chosen, form, header, where).students(asked.digits)


def _choose(
    path: Path, tables: Iterable[Table], form: Format, source: Source, *, apart: bool
) -> tuple[Table, Row, dict[str, int]]:
    """Find the header, and with it the table or the delimiter: the one that makes its columns.

    Raises:
        InputError: If there is none, or if two tables have one.
    """
    headers = (
        (one, row, where)
        for one in tables
        for row in one.rows[:TITLE_ROWS]
        if (where := _columns(row, form))
    )
    # Of several ways to read one text the first that fits is the one.
    found = list(headers if apart else itertools.islice(headers, 1))
    if not found:
        wanted = "; ".join(
            " or ".join(f"`{form.columns[ours][0]}`" for ours in group) for group in form.needed
        )
        problem = Problem(f"{path}:1:1", "no header of this kind is here", f"needed are {wanted}")
        raise InputError(f"{path} is no {source} export.", problems=[problem])
    first = found[0]
    other = next((row for one, row, _ in found if one is not first[0]), None)
    if apart and other:
        what = "a second table or sheet has such a header too"
        problem = Problem(f"{path}:{other.line}:1", what, "keep one of them in the file")
        raise InputError(f"{path} holds two lists.", problems=[problem])
    return first


def _columns(row: Row, form: Format) -> dict[str, int]:
    """Return where our columns are in a header; nothing if it is none."""
    headers = [plain(cell) for cell in row.cells]
    where = {}
    for ours, theirs in form.columns.items():
        there = [name for name in map(plain, theirs) if name in headers]
        if there:
            where[ours] = headers.index(there[0])
    found = all(any(name in where for name in group) for group in form.needed)
    return where if found else {}


class _Reading:
    """One table on its way to being students, with the mistakes found so far."""

    def __init__(self, chosen: Table, form: Format, header: Row, where: dict[str, int]) -> None:
        self.table, self.form, self.header, self.where = chosen, form, header, where
        self.text = chosen.text
        # A title above the header may hold anything; only what is below must be a table.
        self.problems = [p for p in chosen.problems if roster.place(p)[0] > header.line]
        self.problems += self._columns_twice()
        self.skipped = [(row.line, "above the header") for row in self._rows(above=True)]
        self.notes = [*self.text.notes, *([chosen.note] if chosen.note else [])]

    def students(self, digits: Digits) -> Imported:
        entries = [entry for row in self._rows() if (entry := self._entry(row))]
        merged = self._merge(entries)
        if not (merged or self.problems):
            what = "no student stands below this"
            self.problems.append(Problem(self.text.at(self.header.line), what))
        for entry in merged:
            self.problems += roster.mistakes(self.text, entry)
        self.problems += roster.twice(self.text, merged)
        self._look_for_lost_zeros(merged, digits)
        self._count(len(merged))
        roster.refuse(self.text.path, self.problems)
        return Imported(
            students=tuple(entry.student for entry in merged),
            columns=frozenset(self.where) & set(roster.COLUMNS),
            rows=len(self.table.rows),
            skipped=tuple(self.skipped),
            notes=tuple(self.notes),
        )

    def _count(self, students: int) -> None:
        """Hold every row against what became of it: none is lost on the way."""
        rows, known = len(self.table.rows), 1 + students + len(self.skipped)
        if rows != known and not self.problems:
            what = f"{rows} rows were read, and {known} are accounted for"
            self.problems.append(Problem(self.text.at(self.header.line), what))

    def _rows(self, *, above: bool = False) -> list[Row]:
        line = self.header.line
        return [row for row in self.table.rows if row.line != line and (row.line < line) == above]

    def _columns_twice(self) -> list[Problem]:
        headers = [plain(cell) for cell in self.header.cells]
        return [
            Problem(
                self.text.at(self.header.line, self.header.columns[index]),
                "this column stands there twice",
            )
            for index in sorted(set(self.where.values()))
            if headers.count(headers[index]) > 1
        ]

    def _entry(self, row: Row) -> Entry | None:
        """Return the student of a row; None if it is none, which is noted."""
        cells = {
            ours: row.cells[index] for ours, index in self.where.items() if index < len(row.cells)
        }
        reason = self._no_student(row, cells)
        if reason:
            self.skipped.append((row.line, reason))
            return None
        if len(row.cells) != len(self.header.cells):
            has = f"this line has {len(row.cells)} cells, the header has {len(self.header.cells)}"
            self.problems.append(Problem(self.text.at(row.line), has, "export it again"))
            return None
        odd = [index for index in sorted(set(self.where.values())) if index in row.odd]
        for index in odd:
            where = self.text.at(row.line, row.columns[index])
            self.problems.append(Problem(where, row.odd[index], "make the column text, and anew"))
        return None if odd else self._student(row, cells)

    def _no_student(self, row: Row, cells: Mapping[str, str]) -> str | None:
        if row.is_blank:
            return "empty"
        if row.cells == self.header.cells:
            return "the header again"
        return self.form.skip(cells, row)

    def _student(self, row: Row, cells: Mapping[str, str]) -> Entry:
        first = "id" if "id" in self.where else "login"
        used = first if cells.get(first, "").strip() or not cells.get("login") else "login"
        if used != first:
            self.notes.append(f"line {row.line}: no id, so the login name is the id")
        student = Student(
            id=cells.get(used, ""),
            name=_full_name(cells),
            section=person.tidy(cells.get("section", "")),
            group=person.tidy(cells.get("group", "")),
            email=cells.get("email", "").strip(),
        )
        columns = {ours: row.columns[index] for ours, index in self.where.items()}
        columns["id"] = columns[used]
        return Entry(student=student, line=row.line, columns=columns)

    def _merge(self, entries: Iterable[Entry]) -> list[Entry]:
        """Make one of a person who stands there once for every section."""
        merged: dict[tuple[str, ...], Entry] = {}
        for entry in entries:
            one = entry.student
            key = (one.id, one.name, one.email, one.group)
            before = merged.get(key)
            if before is None or not one.id or before.student.section == one.section:
                # The same line twice stays twice, and is told as such.
                merged[(*key, str(entry.line)) if before else key] = entry
                continue
            both = ", ".join(part for part in (before.student.section, one.section) if part)
            merged[key] = replace(before, student=replace(before.student, section=both))
            self.skipped.append((entry.line, f"the student of line {before.line}, another section"))
        return list(merged.values())

    def _look_for_lost_zeros(self, entries: Iterable[Entry], digits: Digits) -> None:
        """Refuse ids that are too short where a spreadsheet is likely; otherwise tell of them."""
        by_id = {entry.student.id: entry for entry in entries}
        for id, what in id_digits.suspicious(by_id, digits).items():
            entry = by_id[id]
            if digits or self.form.by_spreadsheet:
                where = self.text.at(entry.line, entry.columns["id"])
                self.problems.append(Problem(where, what, id_digits.FIX))
            else:
                self.notes.append(f"line {entry.line}: {what}")


_HANGUL_OR_HAN = re.compile("[\u3005\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]+")


def _full_name(cells: Mapping[str, str]) -> str:
    """Return a name as people say it: the family's first only in East Asia's scripts."""
    if cells.get("first", "").strip() or cells.get("last", "").strip():
        last, first = person.tidy(cells.get("last", "")), person.tidy(cells.get("first", ""))
    else:
        last, comma, first = map(person.tidy, cells.get("name", "").partition(","))
        if not comma:
            return last
    if _HANGUL_OR_HAN.fullmatch(last + first):
        return last + first
    return f"{first} {last}".strip()
