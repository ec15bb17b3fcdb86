"""Tables in HTML: what many a portal writes into a file that it calls ``.xls``.

Rows and cells are counted from 1, table by table, as a spreadsheet that opens the file
shows them. A cell that is merged over several takes the first of their places, and the
others are empty; below a header that would be a guess, and so a mistake.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

from ...errors import InputError, Problem
from ..csv_file import MAX_CELL, Row
from ..text_file import MAX_ROWS, refused

MAX_COLUMNS = 512
_ROW = re.compile(r"<tr\b", re.IGNORECASE)
_SECTION = re.compile(r"<!\[(?!(?:if|else|endif|cdata)(?![-.\w]))", re.IGNORECASE)
"""A marked section of a kind that no page has. By its version, Python's reader breaks off at it
with an AssertionError, or leaves out what is in it."""

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_MERGED_DOWN = "the cell is merged with the one above"


def tables(path: Path, text: str) -> list[list[Row]]:
    """Return the rows of each table of a page.

    Raises:
        InputError: If a table does not end, stands in another, or is absurdly large, or a
            section is damaged.
    """
    _refuse_sections(path, text)
    reader = _Reader(path)
    reader.feed(text)
    reader.close()
    if reader.table is not None:
        raise refused(path, "the file is cut off: a table does not end", "fetch it again")
    # A quote that never closes takes whole rows into one attribute.
    rows, tags = sum(map(len, reader.tables)), len(_ROW.findall(_COMMENT.sub("", text)))
    if rows != tags:
        what = f"the file has {tags} rows, and {rows} can be read: a quote or a tag is damaged"
        raise refused(path, what, "export it again")
    return [_rows(path, found) for found in reader.tables]


def _refuse_sections(path: Path, text: str) -> None:
    if found := _SECTION.search(text):
        before = text[: found.start()]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        problem = Problem(f"{path}:{line}:{column}", "this section is damaged", "export it again")
        raise InputError(f"{path} cannot be read.", problems=[problem])


class _Cell:
    """One cell as it is read."""

    def __init__(self, wide: int, high: int) -> None:
        self.wide, self.high = wide, high
        self.parts: list[str] = []

    @property
    def text(self) -> str:
        return " ".join("".join(self.parts).replace("\u00a0", " ").split())


class _Reader(HTMLParser):
    """Collects rows of cells; everything between them is decoration."""

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.path = path
        self.tables: list[list[list[_Cell]]] = []
        self.table: list[list[_Cell]] | None = None
        self.cell: _Cell | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self._open_table()
        elif tag == "tr" and self.table is not None:
            self.cell = None
            self.table.append([])
        elif tag in ("td", "th") and self.table:
            said = dict(attrs)
            self.cell = _Cell(self._span(said, "colspan"), self._span(said, "rowspan"))
            self.table[-1].append(self.cell)
        elif tag == "br" and self.cell:
            self.cell.parts.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th", "tr", "table"):
            self.cell = None
        if tag == "table" and self.table is not None:
            self.tables.append(self.table)
            self.table = None

    def handle_data(self, data: str) -> None:
        if self.cell:
            self.cell.parts.append(data)

    def _open_table(self) -> None:
        if self.table is not None:
            fix = "open it in a spreadsheet and save it as .xlsx"
            raise self._refused("a table stands inside another", fix)
        self.table = []

    def _span(self, said: dict[str, str | None], what: str) -> int:
        count = said.get(what) or "1"
        if not (count.isascii() and count.isdigit() and len(count) <= 4):
            raise self._refused(f"this {what} is no count", "export it again")
        if not 1 <= int(count) <= (MAX_COLUMNS if what == "colspan" else MAX_ROWS):
            raise self._refused(f"this {what} is absurd", "export it again")
        return int(count)

    def _refused(self, what: str, fix: str) -> InputError:
        line, column = self.getpos()
        problem = Problem(f"{self.path}:{line}:{column + 1}", what, fix)
        return InputError(f"{self.path} cannot be read.", problems=[problem])


def _rows(path: Path, table: list[list[_Cell]]) -> list[Row]:
    """Lay cells out in a grid; what is merged from above is marked as odd."""
    rows: list[Row] = []
    hanging: dict[int, int] = {}
    for number, cells in enumerate(table, 1):
        texts, odd = _laid_out(cells, hanging)
        if len(texts) > MAX_COLUMNS or number > MAX_ROWS or any(len(t) > MAX_CELL for t in texts):
            raise refused(path, "the table is absurdly large, so it is no roster")
        columns = tuple(range(1, len(texts) + 1))
        rows.append(Row(line=number, cells=tuple(texts), columns=columns, odd=odd))
    return rows


def _laid_out(cells: list[_Cell], hanging: dict[int, int]) -> tuple[list[str], dict[int, str]]:
    texts: list[str] = []
    odd: dict[int, str] = {}

    def fill() -> None:
        while hanging.get(len(texts), 0) > 0:
            hanging[len(texts)] -= 1
            odd[len(texts)] = _MERGED_DOWN
            texts.append("")

    for cell in cells:
        fill()
        for place in range(cell.wide):
            hanging[len(texts)] = cell.high - 1
            texts.append("" if place else cell.text)
            if len(texts) > MAX_COLUMNS:
                return texts, odd
    fill()
    return texts, odd
