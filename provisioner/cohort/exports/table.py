"""An export as tables of cells, whatever kind of file it came in.

What a file is called says little: a portal's ``.xls`` may be HTML, text with tabs, or a
workbook. What it holds says all, so that is looked at, and the person's ``--from``
decides which kinds are taken.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ...errors import Problem
from .. import csv_file, text_file
from ..csv_file import Row
from ..text_file import Text, refused
from . import html_table, workbook

Kind = Literal["text", "HTML", "workbook"]

DELIMITERS = {
    ",": "",
    ";": "columns are separated by semicolons",
    "\t": "columns are separated by tabs",
}
_HTML = re.compile(r"\s*<(!doctype|!--|html|head|meta|body|style|table|\?xml)\b", re.IGNORECASE)
_XML_SHEET = re.compile(r"<workbook\b", re.IGNORECASE)
_SEALED = (b"SCDSA", b"\x9b DRMONE")
"""How files begin that a Korean school's document security has sealed."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of cells, one of the ways to read a file."""

    text: Text
    """For its places; it has lines only where the file is text."""

    rows: list[Row]
    problems: list[Problem]
    """Rows that are none."""

    note: str = ""
    """What had to be assumed to read it this way."""


def read(
    path: Path, encoding: str | None, kinds: Collection[Kind], name: str
) -> tuple[Iterable[Table], bool]:
    """Read every table that a file may hold.

    Args:
        path: The file.
        encoding: What the person says its text is in; found out when None.
        kinds: Which kinds of file are taken.
        name: What the person says that the file is, for ``--from``.

    Returns:
        The tables, and whether each is one of its own: of text there is one table, and
        a way to read it for each delimiter.

    Raises:
        InputError: If the file cannot be read, or is of another kind.
    """
    data = text_file.load(path)
    if data.startswith(_SEALED):
        fix = "open it where you may, and export it without the seal"
        raise refused(path, "the file is sealed by document security (DRM)", fix)
    if data.startswith((text_file.WORKBOOK, text_file.OLE)):
        _take("workbook", kinds, path, name)
        return [_of_sheet(path, *sheet) for sheet in workbook.read(path, data)], True
    text, notes = text_file.decode(path, data, encoding)
    if _HTML.match(text):
        _take("HTML", kinds, path, name)
        return _html(path, text, notes), True
    _take("text", kinds, path, name)
    return _by_delimiter(text_file.lines(path, text, notes)), False


def _take(kind: Kind, kinds: Collection[Kind], path: Path, name: str) -> None:
    if kind in kinds:
        return
    fixes = {
        "workbook": "say --from xlsx, or save the sheet as CSV UTF-8",
        "HTML": "if a portal wrote it, say --from korean; otherwise save it as CSV UTF-8",
        "text": "if it is CSV, say --from csv",
    }
    called = {"workbook": "a workbook", "HTML": "HTML, not CSV", "text": "no workbook"}
    raise refused(
        path, f"the file is {called[kind]}, and --from {name} says otherwise", fixes[kind]
    )


def _by_delimiter(text: Text) -> Iterator[Table]:
    for delimiter, note in DELIMITERS.items():
        problems: list[Problem] = []
        rows = csv_file.rows(text, delimiter, problems)
        yield Table(text=text, rows=rows, problems=problems, note=note)


def _html(path: Path, text: str, notes: tuple[str, ...]) -> Iterator[Table]:
    if _XML_SHEET.search(text):
        fix = "open it in a spreadsheet and save it as .xlsx"
        raise refused(path, "the file is a spreadsheet as XML, which is not read", fix)
    problems = list(text_file.damages(Text(path=path, lines=()), text.split("\n")))
    where = Text(path=path, lines=(), notes=notes)
    for rows in html_table.tables(path, text):
        yield Table(text=where, rows=rows, problems=problems)


def _of_sheet(path: Path, name: str, rows: list[Row]) -> Table:
    return Table(text=Text(path=path, lines=()), rows=rows, problems=[], note=f"the sheet {name}")
