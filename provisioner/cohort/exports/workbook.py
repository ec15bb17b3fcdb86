"""Workbooks, ``.xlsx``: the one door to the library that reads them.

What a cell shows and what it holds are two things. A number that shows as ``00123`` is
those five digits; one that was rounded, made a date, or written as ``2.0E+09`` is no
longer what somebody typed, and the cell says so.
"""

from __future__ import annotations

import io
import re
import unicodedata
import warnings
import zipfile
from collections.abc import Iterable
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

from ...errors import InputError, MissingToolError
from ..csv_file import MAX_CELL, Row
from ..text_file import MAX_ROWS, OLE, refused
from .html_table import MAX_COLUMNS

MAX_UNPACKED = 256 << 20
MAX_DIGITS = 15
"""A spreadsheet keeps so many digits of a number, and makes zeros of the rest."""

_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_SAVE = "open it in a spreadsheet and save it as .xlsx or CSV UTF-8"
_PLAIN_FORMATS = re.compile(r"|general|@|#*0?", re.IGNORECASE)
_ZEROS = re.compile(r"0+")


def read(path: Path, data: bytes) -> list[tuple[str, list[Row]]]:
    """Return name and rows of each sheet that is shown.

    Raises:
        InputError: If it is no workbook that can be read: an old one, one that has a
            password, damaged, or absurdly large.
        MissingToolError: If the library is not installed.
    """
    _refuse_others(path, data)
    try:
        import openpyxl  # the operator's part alone
    except ImportError:
        raise MissingToolError(
            "Reading workbooks needs the operator's part of Practicum.",
            hint="Install it with: pip install 'practicum-lab[operator]', or save the sheet as CSV",
        ) from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles that it does not know
            book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
            shown = [one for one in book.worksheets if one.sheet_state == "visible"]
            return [(one.title, _rows(path, one)) for one in shown]
    except InputError:
        raise
    except Exception:  # noqa: BLE001  (the library raises nearly any kind for a damaged file)
        raise refused(path, "the workbook is damaged", "fetch it again, or save it anew") from None


def _refuse_others(path: Path, data: bytes) -> None:
    if data.startswith(OLE):
        if _ENCRYPTED in data:
            fix = "open it, take the password away, and save it again"
            raise refused(path, "the workbook is protected with a password", fix)
        raise refused(path, "the file is an old workbook (.xls)", _SAVE)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError):
        raise refused(path, "the workbook is damaged or cut off", "fetch it again") from None
    if any(part.flag_bits & 1 for part in parts):
        fix = "unpack it with its password first"
        raise refused(path, "the archive is protected with a password", fix)
    if not any(part.filename.startswith("xl/") for part in parts):
        fix = f"if it is a workbook, {_SAVE}; if it is an archive, unpack it first"
        raise refused(path, "the file is an archive and no .xlsx", fix)
    if sum(part.file_size for part in parts) > MAX_UNPACKED:
        raise refused(path, "the workbook is absurdly large, so it is no roster")


def _rows(path: Path, sheet: Any) -> list[Row]:  # noqa: ANN401  (it has no types)
    """Return the rows of a sheet, all as wide as the widest, less blank ones at the end."""
    sheet.reset_dimensions()  # what the file says of its size may be absurd
    rows: list[list[tuple[str, str | None]]] = []
    for cells in sheet.iter_rows():
        row = [_shown(cell) for cell in cells]
        while row and not row[-1][0]:
            row.pop()
        rows.append(row)
        if len(row) > MAX_COLUMNS or len(rows) > MAX_ROWS:
            raise refused(
                path,
                f"the sheet has more than {MAX_ROWS} rows or {MAX_COLUMNS} columns",
                "delete the empty ones at its end, and save it anew",
            )
    while rows and not rows[-1]:
        rows.pop()
    width = max(map(len, rows), default=0)
    return [_row(number, row, width) for number, row in enumerate(rows, 1)]


def _row(number: int, row: Iterable[tuple[str, str | None]], width: int) -> Row:
    cells = list(row)
    cells += [("", None)] * (width - len(cells))
    return Row(
        line=number,
        cells=tuple(text for text, _ in cells),
        columns=tuple(range(1, width + 1)),
        odd={index: why for index, (_, why) in enumerate(cells) if why},
    )


def _shown(cell: Any) -> tuple[str, str | None]:  # noqa: ANN401  (it has no types)
    """Return what a cell shows, and why that is not what was typed; None when it is."""
    value = cell.value
    if value is None:
        return "", None
    if isinstance(value, bool):
        return str(value).upper(), "a spreadsheet made a truth of this"
    if isinstance(value, int | float):
        return _number(value, str(cell.number_format))
    if isinstance(value, date | time | timedelta):
        return str(value), "a spreadsheet made a date of this"
    text = unicodedata.normalize("NFC", str(value))
    if cell.data_type == "e":
        return text, "a spreadsheet shows an error here"
    return text, "this cell is longer than 128 KiB" if len(text) > MAX_CELL else None


def _number(value: float, number_format: str) -> tuple[str, str | None]:
    """Return the digits of a number as its format shows them, where that is exact."""
    if value != value or abs(value) >= 10**MAX_DIGITS:
        return str(value), f"a spreadsheet keeps {MAX_DIGITS} digits of a number, and this has more"
    if value != int(value):
        return str(value), "a spreadsheet holds a decimal number here"
    first = re.sub(r"_.|\\.|[\s()]", "", number_format.split(";")[0])
    if _ZEROS.fullmatch(first):
        return str(int(value)).zfill(len(first)), None
    plain = _PLAIN_FORMATS.fullmatch(first)
    return str(int(value)), None if plain else "a spreadsheet shows this number in another form"
