"""Change single lines of the roster and leave every other one as somebody has typed it.

Order, further columns, encoding and line ends stay. What comes out is read again by the
roster's own rules before it is written: no command can make a roster that is refused.
"""

from __future__ import annotations

import codecs
import csv
import io
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from .. import private_file
from ..errors import InputError, Problem
from . import csv_file, roster, text_file
from .csv_file import Row
from .students import Student
from .text_file import Text

_SAID_AS = {"id": "ID", "name": "--name", "section": "--section", "email": "--email"}
"""How a command names a cell that it was told."""


@dataclass(frozen=True, kw_only=True)
class RosterEdit:
    """A roster as it is to be; nothing is written yet."""

    text: Text
    students: tuple[Student, ...]
    """Without keys: those are no part of the roster."""

    encoding: str
    line_end: str

    def write(self) -> None:
        """Write the roster whole or not at all.

        Raises:
            InputError: If it cannot be written; the old file is as it was.
        """
        content = "".join(f"{line}{self.line_end}" for line in self.text.lines)
        try:
            data = content.encode(self.encoding)
        except UnicodeEncodeError:
            data = content.encode()  # a name that the old encoding has no letters for
        private_file.write(self.text.path, data)


def add(path: Path, cells: Mapping[str, str]) -> RosterEdit:
    """Add a student below the others.

    Args:
        path: The roster.
        cells: What is known of the student, by column; a column that the roster does not
            have yet is made.

    Raises:
        InputError: If the roster has mistakes, or would have one then.
    """
    text = _read(path)
    for column in cells:
        text = _with_column(text, column)
    header = _rows(text)[0]
    line = _line([cells.get(roster.known(cell), "") for cell in header.cells])
    return _checked(_with_lines(text, [*text.lines, line]), line=len(text.lines) + 1)


def drop(path: Path, ids: Collection[str]) -> RosterEdit:
    """Take students out.

    Raises:
        InputError: If the roster has mistakes, or nobody would be left.
    """
    text = _read(path)
    going = {row.line for row in _of_students(text, ids)}
    left = [line for number, line in enumerate(text.lines, 1) if number not in going]
    if sum(bool(line.strip(", ")) for line in left) < 2:
        raise InputError(
            "Nobody would be left in the roster.",
            hint=f"To end the whole course, run: practicum down {path.parent.name}",
        )
    return _checked(_with_lines(text, left))


def correct(path: Path, old: str, new: str, name: str | None) -> RosterEdit:
    """Correct a student's id, or name, or both.

    Args:
        path: The roster.
        old: The id that stands there.
        new: The id that is right.
        name: The name that is right; as it stands when None.

    Raises:
        InputError: If the roster has mistakes, or would have one then.
    """
    text = _read(path)
    said = {"id": new} | ({} if name is None else {"name": name})
    [row] = _of_students(text, [old])
    names = [roster.known(cell) for cell in _rows(text)[0].cells]
    line = _line([said.get(column, cell) for column, cell in zip(names, row.cells, strict=True)])
    lines = [line if number == row.line else old for number, old in enumerate(text.lines, 1)]
    return _checked(_with_lines(text, lines), line=row.line)


def _read(path: Path) -> Text:
    """Read a roster that has no mistakes: one with some is mended first, by hand."""
    roster.load(path)
    return text_file.read(path)


def _rows(text: Text) -> list[Row]:
    return csv_file.rows(text, ",", [])


def _of_students(text: Text, ids: Collection[str]) -> list[Row]:
    header, *body = _rows(text)
    place = [roster.known(cell) for cell in header.cells].index("id")
    return [row for row in body if not row.is_blank and row.cells[place] in ids]


def _with_column(text: Text, column: str) -> Text:
    header, *body = _rows(text)
    if column in [roster.known(cell) for cell in header.cells]:
        return text
    added = {header.line: f",{column}"} | {row.line: "," for row in body if not row.is_blank}
    lines = [line + added.get(number, "") for number, line in enumerate(text.lines, 1)]
    return _with_lines(text, lines)


def _with_lines(text: Text, lines: Iterable[str]) -> Text:
    return replace(text, lines=tuple(lines))


def _line(cells: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(cells)
    return unicodedata.normalize("NFC", out.getvalue())


def _checked(text: Text, line: int = 0) -> RosterEdit:
    """Read what would be written.

    Raises:
        InputError: If it has mistakes; those of the changed line name what was said.
    """
    problems: list[Problem] = []
    students = roster.of_text(text, problems).students
    if problems:
        told = [_of_what_was_said(text, line, problem) for problem in problems]
        raise InputError("The roster would have mistakes; it is as it was.", problems=told)
    encoding, line_end = _as_written(text.path)
    return RosterEdit(text=text, students=students, encoding=encoding, line_end=line_end)


def _of_what_was_said(text: Text, line: int, problem: Problem) -> Problem:
    where = problem.where.rsplit(":", 2)
    if where[1:2] != [str(line)]:
        return problem
    rows = _rows(text)
    row = next((row for row in rows if row.line == line), None)
    columns = dict(zip(row.columns, rows[0].cells, strict=False)) if row else {}
    column = roster.known(columns.get(int(where[2]), "id"))
    return replace(problem, where=_SAID_AS.get(column, f"--{column}"))


def _as_written(path: Path) -> tuple[str, str]:
    """Return the encoding of a file that can be read, and how its lines end."""
    data = path.read_bytes()
    marks = {
        codecs.BOM_UTF8: "utf-8-sig",
        codecs.BOM_UTF16_LE: "utf-16",
        codecs.BOM_UTF16_BE: "utf-16",
    }
    encoding = next((found for mark, found in marks.items() if data.startswith(mark)), "")
    if not encoding:
        encoding = "utf-8" if _decodes(data, "utf-8") else "cp949"
    text = data.decode(encoding)
    ends = "\r\n" if "\r\n" in text else "\n" if "\n" in text else "\r"
    return encoding, ends


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
