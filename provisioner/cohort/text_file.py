"""A file's text: which encoding it is in, by exact rules, and whether it is whole.

A guess that shows no mistake is still a guess, so an encoding that was not said is
shown with a line of what was read.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError, Problem

MAX_BYTES = 16 << 20
MAX_ROWS = 20_000

WORKBOOK = b"PK\x03\x04"
"""How a ZIP archive begins, which an .xlsx is."""

OLE = b"\xd0\xcf\x11\xe0"
"""How an old .xls begins, and a workbook that has a password."""

_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
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
    return lines(path, *decode(path, load(path), encoding))


def load(path: Path) -> bytes:
    """Return what a file holds.

    Raises:
        InputError: If it cannot be read, is empty, or is far larger than any roster.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise refused(path, error.strerror or "an unknown reason") from None
    if len(data) > MAX_BYTES:
        raise refused(path, "the file is larger than 16 MiB, so it is no roster")
    if not data.strip():
        raise refused(path, "the file is empty")
    return data


def decode(path: Path, data: bytes, encoding: str | None) -> tuple[str, tuple[str, ...]]:
    """Return a file's text in composed characters (NFC), and what had to be assumed.

    Raises:
        InputError: If it is in no known encoding, or not in the one that was said.
    """
    used = encoding or _encoding(path, data)
    try:
        text = data.decode(used)
    except LookupError:
        raise InputError(f"There is no encoding named {used!a}.", hint=_ASK) from None
    except UnicodeError:
        raise refused(path, f"the file is not in {used}", "save it as UTF-8") from None
    text = text.removeprefix("\ufeff")
    if not text.strip():
        raise refused(path, "the file is empty")
    return unicodedata.normalize("NFC", text), _notes(used, text, encoding)


def lines(path: Path, text: str, notes: tuple[str, ...]) -> Text:
    """Cut a text into its lines.

    Raises:
        InputError: If it is cut off or damaged.
    """
    *whole, rest = _LINE_END.split(text)
    if len(whole) > MAX_ROWS:
        raise refused(path, f"the file has more than {MAX_ROWS} lines, so it is no roster")
    found = Text(path=path, lines=tuple(whole), notes=notes)
    problems = [*_bad_ends(found, text, rest), *damages(found, [*whole, rest])]
    if problems:
        raise InputError(f"{path} cannot be read.", problems=problems)
    return found


_ASK = "An import can also be told the encoding, for example: --encoding cp949"


def refused(path: Path, what: str, fix: str = "") -> InputError:
    """Return the refusal of a whole file."""
    problem = Problem(f"{path}:1:1", what, fix)
    return InputError(f"{path} cannot be read.", problems=[problem], hint=_ASK if fix else None)


def _encoding(path: Path, data: bytes) -> str:
    """Find the encoding by exact rules; a guess that shows no mistake is still a guess."""
    if data.startswith((WORKBOOK, OLE)):
        raise refused(path, "the file is a workbook, not CSV", "save the sheet as CSV UTF-8")
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
        raise refused(path, "the file is UTF-16 without its mark, or no text", "save it as UTF-8")
    raise refused(path, "the file is in none of UTF-8, UTF-16 and CP949", "save it as UTF-8")


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
    whole = _LINE_END.split(text)
    sample = next((line for line in whole if not line.isascii()), whole[0])[:_SAMPLE]
    return (f"read as {used}; is this right? {sample}",)


def _bad_ends(text: Text, whole: str, rest: str) -> Iterator[Problem]:
    """Yield where lines end as they should not."""
    if rest:
        fix = "fetch it again; if it is whole, add a line end"
        yield Problem(text.at(len(text.lines) + 1), "the file is cut off in this line", fix)
    lone = re.search(r"\r(?!\n)", whole)
    if lone and "\n" in whole:
        number = whole[: lone.start()].count("\n") + 1
        yield Problem(text.at(number), "a lone CR stands in this line", "save it again")


def damages(text: Text, whole: Sequence[str]) -> Iterator[Problem]:
    """Yield what shows that the text was damaged before it came to us."""
    for number, line in enumerate(whole, 1):
        if "\0" in line:
            fix = "if the file is UTF-16, say --encoding utf-16-le"
            yield Problem(text.at(number, line.index("\0") + 1), "there is a NUL character", fix)
        if "\ufffd" in line:
            column = line.index("\ufffd") + 1
            yield Problem(text.at(number, column), "a character was lost in a conversion")
        elif match := _ENCODED_TWICE.search(line):
            what = "this was read in the wrong encoding once"
            yield Problem(text.at(number, match.start() + 1), what, "export it again as UTF-8")
