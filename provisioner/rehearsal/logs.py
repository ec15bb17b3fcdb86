"""The few lines of a Kubernetes log that say why a program did not start."""

from __future__ import annotations

import re
from pathlib import Path

LINES = 6
_TELLING = re.compile(
    r"^[EF]\d{4} "  # klog: error, fatal
    r"|^panic:|^Error:|\berror\b.*:"
    r'|"level":"(error|fatal|panic)"|"error":',
    re.IGNORECASE,
)
_WARNING = re.compile(r"^[WI]\d{4} ")


def size(path: Path) -> int:
    """Remember where a log ends, before a start."""
    return path.stat().st_size if path.exists() else 0


def since(path: Path, mark: int) -> str:
    """Read what was logged since a mark; everything when the log was put aside meanwhile."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(mark if mark <= size(path) else 0)
        return file.read().decode(errors="replace")


def telling(text: str) -> str:
    r"""Pick the last lines that tell of an error; the very last ones when none does.

    >>> telling("I1123 09:15:55.1 1 a.go:1] ready\nE1123 09:15:56.1 1 b.go:2] no disk\nbye")
    'E1123 09:15:56.1 1 b.go:2] no disk'
    >>> telling("one\ntwo")
    'one\ntwo'
    """
    lines = [line[:400] for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if _TELLING.search(line) and not _WARNING.match(line)]
    return "\n".join((errors or lines)[-LINES:])
