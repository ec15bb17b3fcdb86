"""A file of what was decided for each student, which nothing else knows.

It is read whole or not at all: what was changed by hand into something else is refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from .. import private_file
from ..errors import InputError, Problem

VERSION = 1

One = TypeVar("One")


def load(
    path: Path, read: Callable[[Mapping[str, Any]], dict[str, One]], *, hint: str
) -> dict[str, One]:
    """Read what was decided, by the student's name; nothing where there is no file.

    Args:
        path: The file.
        read: Makes what was decided for everybody of what the file has; ``ValueError``,
            ``TypeError`` and such mean that it is damaged.
        hint: What to do then.

    Raises:
        InputError: If the file is damaged.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        require(document["version"] == VERSION)
        return read(document["students"])
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        problem = Problem(str(path), "it does not hold what Practicum writes")
        raise InputError(f"{path} is damaged.", problems=[problem], hint=hint) from None


def require(holds: object) -> None:
    """Refuse what does not hold.

    Raises:
        ValueError: If it does not.
    """
    if not holds:
        raise ValueError


def save(path: Path, decided: Mapping[str, Any]) -> None:
    """Write what was decided, whole or not at all.

    Args:
        path: The file.
        decided: A dataclass for each student, with their name in it.

    Raises:
        InputError: If the file cannot be written; the old one is as it was.
    """
    students = {name: asdict(decided[name]) for name in sorted(decided)}
    for one in students.values():
        del one["name"]
    text = json.dumps({"version": VERSION, "students": students}, indent=2) + "\n"
    private_file.write(path, text.encode())
