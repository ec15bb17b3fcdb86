"""Reading what learning platforms and spreadsheets export, by exact rules for each.

Rows that are no student are skipped only where a rule names them, and every skipped
row is told. What looks like a student and has no usable id is a mistake, not a skip:
somebody would be without an environment and nobody would know.

* Canvas: a gradebook export. The id is ``SIS User ID``, else ``SIS Login ID``; never
  ``ID``, which is Canvas' own number and changes with the installation.
* Moodle: a participants or grades export, with headers in English or Korean. The id
  is ``ID number``, else ``Username``.
* csv: a list with our own column names, or those of Korean portals.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import InputError, Problem
from . import csv_file, person, roster, text_file
from .csv_file import Row
from .text_file import Text
from .formats import FORMATS, Format, Source
from .roster import Entry
from .students import Student

TITLE_ROWS = 10
"""How far down a header is looked for: portals put titles above it."""


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What an export says of the course's students."""

    students: tuple[Student, ...]

    skipped: tuple[tuple[int, str], ...] = ()
    """Line and reason of each row that is no student."""

    notes: tuple[str, ...] = ()
    """What had to be assumed, for a person to look at."""


def read(path: Path, source: Source, encoding: str | None = None) -> Imported:
    """Read an export, whole or not at all.

    Args:
        path: The file that the platform wrote.
        source: Which platform.
        encoding: What the person says it is in; found out when None.

    Raises:
        InputError: If it is no such export, or has mistakes; it lists them all.
    """
    text = text_file.read(path, encoding)
    return _Reading(text, FORMATS[source], source).students()


class _Reading:
    """One export on its way to being students, with the mistakes found so far."""

    def __init__(self, text: Text, form: Format, source: Source) -> None:
        self.text, self.form, self.source = text, form, source
        self.problems: list[Problem] = []
        self.skipped: list[tuple[int, str]] = []
        self.notes = list(text.notes)

    def students(self) -> Imported:
        rows, header, where = self._header()
        body = [row for row in rows if row.line > header.line]
        entries = [entry for row in body if (entry := self._entry(row, header, where))]
        merged = self._merge(entries)
        if not (merged or self.problems):
            self.problems.append(Problem(self.text.at(header.line), "no student stands below this"))
        for entry in merged:
            self.problems += roster.mistakes(self.text, entry)
        self.problems += roster.twice(self.text, merged)
        roster.refuse(self.text.path, self.problems)
        return Imported(
            students=tuple(entry.student for entry in merged),
            skipped=tuple(self.skipped),
            notes=tuple(self.notes),
        )

    def _header(self) -> tuple[list[Row], Row, dict[str, int]]:
        """Find the header, and with it the delimiter: the one that makes its columns."""
        for delimiter in ",;\t":
            problems: list[Problem] = []
            rows = csv_file.rows(self.text, delimiter, problems)
            for row in rows[:TITLE_ROWS]:
                where = self._columns(row)
                if where:
                    return self._found(delimiter, rows, row, where, problems)
        wanted = "; ".join(" or ".join(self._headers(group)) for group in self.form.needed)
        problem = Problem(self.text.at(1), "no header of this kind is here", f"needed are {wanted}")
        raise InputError(f"{self.text.path} is no {self.source} export.", problems=[problem])

    def _found(
        self,
        delimiter: str,
        rows: list[Row],
        header: Row,
        where: dict[str, int],
        problems: list[Problem],
    ) -> tuple[list[Row], Row, dict[str, int]]:
        # A title above the header may hold anything; only what is below must be CSV.
        self.problems += [p for p in problems if roster.place(p)[0] > header.line]
        self.skipped += [(row.line, "above the header") for row in rows if row.line < header.line]
        if delimiter != ",":
            called = {";": "semicolons", "\t": "tabs"}[delimiter]
            self.notes.append(f"columns are separated by {called}")
        return rows, header, where

    def _columns(self, row: Row) -> dict[str, int]:
        """Return where our columns are in a header; nothing if it is none."""
        headers = [roster.known(cell) for cell in row.cells]
        where = {}
        for ours, theirs in self.form.columns.items():
            there = [name for name in theirs if name in headers]
            if there:
                where[ours] = headers.index(there[0])
                if headers.count(there[0]) > 1:
                    at = self.text.at(row.line, row.columns[where[ours]])
                    self.problems.append(Problem(at, "this column stands there twice"))
        found = all(any(name in where for name in group) for group in self.form.needed)
        return where if found else {}

    def _headers(self, group: Iterable[str]) -> list[str]:
        return [f"`{self.form.columns[ours][0]}`" for ours in group]

    def _entry(self, row: Row, header: Row, where: Mapping[str, int]) -> Entry | None:
        """Return the student of a row; None if it is none, which is noted."""
        cells = {ours: row.cells[index] for ours, index in where.items() if index < len(row.cells)}
        reason = "empty" if row.is_blank else self.form.skip(cells, row)
        if reason:
            self.skipped.append((row.line, reason))
            return None
        if len(row.cells) != len(header.cells):
            what = f"this line has {len(row.cells)} cells, the header has {len(header.cells)}"
            self.problems.append(Problem(self.text.at(row.line), what, "export it again"))
            return None
        return self._student(row, cells, where)

    def _student(self, row: Row, cells: Mapping[str, str], where: Mapping[str, int]) -> Entry:
        first = "id" if "id" in where else "login"
        used = first if cells.get(first, "").strip() or not cells.get("login") else "login"
        if used != first:
            self.notes.append(f"line {row.line}: no id, so the login name is the id")
        student = Student(
            id=cells.get(used, ""),
            name=_full_name(cells),
            section=person.tidy(cells.get("section", "")),
            email=cells.get("email", "").strip(),
        )
        columns = {ours: row.columns[index] for ours, index in where.items()}
        columns["id"] = columns[used]
        return Entry(student=student, line=row.line, columns=columns)

    def _merge(self, entries: list[Entry]) -> list[Entry]:
        """Make one of a person who stands there once for every section."""
        merged: dict[tuple[str, str, str], Entry] = {}
        for entry in entries:
            one = entry.student
            key = (one.id, one.name, one.email)
            before = merged.get(key)
            if before is None or not one.id or before.student.section == one.section:
                # The same line twice stays twice, and is told as such.
                merged[(*key[:2], f"{one.email} {entry.line}") if before else key] = entry
                continue
            both = ", ".join(part for part in (before.student.section, one.section) if part)
            merged[key] = replace(before, student=replace(before.student, section=both))
            self.skipped.append((entry.line, f"the student of line {before.line}, another section"))
        return list(merged.values())


_HANGUL_OR_HAN = re.compile("[\u3400-\u9fff\uac00-\ud7a3]+")


def _full_name(cells: Mapping[str, str]) -> str:
    """Return a name as people say it: the family's first only in Korean and Chinese."""
    if cells.get("first", "").strip() or cells.get("last", "").strip():
        last, first = person.tidy(cells.get("last", "")), person.tidy(cells.get("first", ""))
    else:
        last, comma, first = map(person.tidy, cells.get("name", "").partition(","))
        if not comma:
            return last
    if _HANGUL_OR_HAN.fullmatch(last + first):
        return last + first
    return f"{first} {last}".strip()
