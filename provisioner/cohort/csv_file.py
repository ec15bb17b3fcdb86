"""CSV, strictly: one line of text is one row, and every cell knows its place.

Python's reader follows one unbalanced quote to the end of the file and makes 300 rows
into one; to a tool that reconciles, 299 students have then left the course. Here a
quote that is open at the end of a line is a mistake in that line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..errors import Problem
from .text_file import Text

MAX_CELL = 128 << 10

_QUOTED = re.compile(r'"((?:[^"]|"")*)"')
_PLAIN = {delimiter: re.compile(f"[^{delimiter}]*") for delimiter in ",;\t"}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the file, or of a sheet."""

    line: int
    cells: tuple[str, ...]
    """In composed characters (NFC), otherwise as typed."""

    columns: tuple[int, ...]
    """Where each cell begins, counted from 1."""

    odd: Mapping[int, str] = field(default_factory=dict)
    """What a spreadsheet has made of a cell, by index: the text is not what was typed."""

    @property
    def is_blank(self) -> bool:
        """Whether nothing at all stands in it."""
        return not any(cell.strip() for cell in self.cells)


def rows(text: Text, delimiter: str, problems: list[Problem]) -> list[Row]:
    """Split every line into cells; a line that is no CSV becomes a problem."""
    result = []
    for number, line in enumerate(text.lines, 1):
        try:
            cells = list(_cells(line, delimiter))
        except _Damaged as damaged:
            problems.append(Problem(text.at(number, damaged.column), damaged.what, damaged.fix))
        else:
            columns = tuple(column for column, _ in cells)
            values = tuple(cell for _, cell in cells)
            result.append(Row(line=number, cells=values, columns=columns))
    return result


class _Damaged(Exception):  # noqa: N818  (it never leaves this module)
    def __init__(self, column: int, what: str, fix: str = "") -> None:
        super().__init__(what)
        self.column, self.what, self.fix = column + 1, what, fix


def _cells(line: str, delimiter: str) -> Iterator[tuple[int, str]]:
    """Yield column and content of each cell.

    Raises:
        _Damaged: If the quotes do not balance, or stand where none may.
    """
    at = 0
    while True:
        start = at
        cell, at = _one_cell(line, start, delimiter)
        if len(cell) > MAX_CELL:
            raise _Damaged(start, "this cell is longer than 128 KiB")
        yield start + 1, cell
        if at == len(line):
            return
        if line[at] != delimiter:
            raise _Damaged(at, "text follows the closing quote", 'write a quote inside as ""')
        at += 1


def _one_cell(line: str, start: int, delimiter: str) -> tuple[str, int]:
    if line.startswith('"', start):
        match = _QUOTED.match(line, start)
        if match is None:
            raise _Damaged(start, "a quote opens here and does not close in this line", "close it")
        return match[1].replace('""', '"'), match.end()
    match = _PLAIN[delimiter].match(line, start)
    cell = match[0] if match else ""
    if cell.startswith('="'):
        raise _Damaged(start, "a spreadsheet formula stands here", "export it as plain text")
    if '"' in cell:
        column = start + cell.index('"')
        raise _Damaged(column, "a quote stands inside a cell", 'quote the cell, and write ""')
    return cell, start + len(cell)
