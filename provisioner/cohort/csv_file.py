"""CSV, strictly: one line of text is one row, and every cell knows its place.

Python's reader follows one unbalanced quote to the end of the file and makes 300 rows
into one; to a tool that reconciles, 299 students have then left the course. Here a
quote that is open at the end of a line is a mistake in that line.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError, Problem

MAX_BYTES = 16 << 20
MAX_CELL = 128 << 10

_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_QUOTED = re.compile(r'"((?:[^"]|"")*)"')
_PLAIN = {delimiter: re.compile(f"[^{delimiter}]*") for delimiter in ",;\t"}
_LINE_END = re.compile(r"\r\n|\n|\r")
_LATIN = "\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122"
_ENCODED_TWICE = re.compile(f"[\u00c2-\u00df][\u0080-\u00bf]|[\u00e0-\u00ef][{_LATIN}]{{2}}")
"""What the bytes of UTF-8 look like to a program that takes them for Latin."""

_EUC_KR = 0xA1
"""The least byte of a syllable in EUC-KR, which CP949 adds to below."""

_HANGUL = re.compile("[\uac00-\ud7a3]")
_FOREIGN_LETTER = re.compile(r"[^\W\d_a-zA-Z]")
_SAMPLE = 60


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the file."""

    line: int
    cells: tuple[str, ...]
    """In composed characters (NFC), otherwise as typed."""

    columns: tuple[int, ...]
    """Where each cell begins, counted from 1."""

    @property
    def is_blank(self) -> bool:
        """Whether nothing at all stands in it."""
        return not any(cell.strip() for cell in self.cells)


@dataclass(frozen=True, kw_only=True)
class Text:
    """A file's lines, and what had to be assumed to read them."""

    path: Path
    lines: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def at(self, line: int, column: int = 1) -> str:
        """Return file, line and column as a problem shows them."""
        return f"{self.path}:{line}:{column}"


def read(path: Path, encoding: str | None = None) -> Text:
    """Read the lines of a text file: UTF-8, UTF-16 with its mark, or CP949.

    Args:
        path: The file.
        encoding: What the person says it is; found out when None.

    Raises:
        InputError: If it cannot be read, is cut off, or is in no known encoding.
    """
    data = _bytes(path)
    used = encoding or _encoding(path, data)
    try:
        text = data.decode(used)
    except LookupError:
        raise InputError(f"There is no encoding named {used!a}.", hint=_ASK) from None
    except UnicodeError:
        raise _refused(path, f"the file is not in {used}", "save it as UTF-8") from None
    *lines, rest = _LINE_END.split(unicodedata.normalize("NFC", text))
    found = Text(path=path, lines=tuple(lines), notes=_notes(used, text, encoding))
    problems = list(_mistakes(found, text, rest))
    if problems:
        raise InputError(f"{path} cannot be read.", problems=problems)
    return found


_ASK = "An import can also be told the encoding, for example: --encoding cp949"


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


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _refused(path, error.strerror or "an unknown reason") from None
    if len(data) > MAX_BYTES:
        raise _refused(path, "the file is larger than 16 MiB, so it is no roster")
    if not data.strip():
        raise _refused(path, "the file is empty")
    return data


def _refused(path: Path, what: str, fix: str = "") -> InputError:
    problem = Problem(f"{path}:1:1", what, fix)
    return InputError(f"{path} cannot be read.", problems=[problem], hint=_ASK if fix else None)


def _encoding(path: Path, data: bytes) -> str:
    """Find the encoding by exact rules; a guess that shows no mistake is still a guess."""
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise _refused(path, "the file is a workbook, not CSV", "save the sheet as CSV UTF-8")
    for mark, encoding in _BOMS.items():
        if data.startswith(mark):
            return encoding
    for encoding in ("utf-8", "cp949"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8" or _looks_korean(text):
            return encoding
    if b"\0" in data:
        raise _refused(path, "the file is UTF-16 without its mark, or no text", "save it as UTF-8")
    raise _refused(path, "the file is in none of UTF-8, UTF-16 and CP949", "save it as UTF-8")


def _looks_korean(text: str) -> bool:
    """Say whether most letters are everyday Hangul.

    CP949 reads many another encoding's bytes, and makes syllables of them that hardly
    a Korean text has: those that are not in the older EUC-KR.
    """
    everyday = [c for c in _HANGUL.findall(text) if min(c.encode("cp949")) >= _EUC_KR]
    return 2 * len(everyday) > len(_FOREIGN_LETTER.findall(text))


def _notes(used: str, text: str, asked: str | None) -> tuple[str, ...]:
    """Show a line of what was read where the encoding was not said."""
    if asked or used in ("utf-8", "utf-8-sig"):
        return ()
    lines = _LINE_END.split(text)
    sample = next((line for line in lines if not line.isascii()), lines[0])[:_SAMPLE]
    return (f"read as {used}; is this right? {sample}",)


def _mistakes(text: Text, whole: str, rest: str) -> Iterator[Problem]:
    """Yield what shows that the file as such is damaged."""
    if rest:
        fix = "fetch it again; if it is whole, add a line end"
        yield Problem(text.at(len(text.lines) + 1), "the file is cut off in this line", fix)
    both = "\n" in whole and "\r" in whole.replace("\r\n", "")
    if both:
        number = whole[: re.search(r"\r(?!\n)", whole).start()].count("\n") + 1  # type: ignore[union-attr]
        yield Problem(text.at(number), "a lone CR stands in this line", "save it again")
    for number, line in enumerate([*text.lines, rest], 1):
        if "\0" in line:
            fix = "if the file is UTF-16, say --encoding utf-16-le"
            yield Problem(text.at(number, line.index("\0") + 1), "there is a NUL character", fix)
        if "\ufffd" in line:
            column = line.index("\ufffd") + 1
            yield Problem(text.at(number, column), "a character was lost in a conversion")
        elif match := _ENCODED_TWICE.search(line):
            what = "this was read in the wrong encoding once"
            yield Problem(text.at(number, match.start() + 1), what, "export it again as UTF-8")
