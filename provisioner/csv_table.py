"""CSV that a spreadsheet opens as text: nothing in it is run as a formula (OWASP ASVS 1.2.10)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

_FORMULA = "=+-@\t\r\n\0＝＋－＠"  # noqa: RUF001  (full-width signs start one as well)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, bom: bool = False) -> bytes:
    """Return a table as RFC 4180 has it, in UTF-8.

    Args:
        columns: The names of the columns.
        rows: Their cells; None is an empty one.
        bom: Begin with a byte order mark, by which Excel knows UTF-8.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([cell(value) for value in row] for row in rows)
    return out.getvalue().encode("utf-8-sig" if bom else "utf-8")


def cell(value: object) -> str:
    """Write one cell; a text that a spreadsheet would run gets an apostrophe before it.

    >>> cell("=1+1"), cell("  @x"), cell("a=b"), cell(-1)
    ("'=1+1", "'  @x", 'a=b', '-1')
    """
    if value is None:
        return ""
    text = str(value)
    risky = isinstance(value, str) and text.lstrip(" \u00a0\u3000")[:1] in tuple(_FORMULA)
    # A control character in front is one of these too, so that is seen before the blanks go.
    risky = risky or (isinstance(value, str) and text[:1] in tuple(_FORMULA))
    return f"'{text}" if risky else text
