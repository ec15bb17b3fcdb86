"""When the engine of this home was at work on a stack: what tells a lock of ours from another's.

A lock of Pulumi's names host, process and time. Machines that were made from one image may be
called the same, and there a process of that number lives or not as it happens. Where others
keep their state beside ours, a lock is therefore ours only if we were at work at its time; a
note says so, which a run that ends well takes away. A state within our home is ours alone.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .. import private_file
from ..errors import InputError
from . import state_file

MOST = 50
"""Runs that are remembered: those that failed one after the other."""

Spans = list[tuple[float, float]]

Ours = Callable[[float], bool]
"""Says whether an earlier run of this home was at work at a moment."""


@contextmanager
def noted(url: str, stack: str, homes: Path) -> Iterator[Ours]:
    """Note that the engine is at work on a stack, until the block has ended well.

    Args:
        url: The state backend.
        stack: The stack.
        homes: Holds Pulumi's home of every stack, below our own home.
    """
    if _is_within(state_file.path_of(url, stack), homes.parents[2]):
        yield lambda _moment: True
        return
    path = homes.parent / "at-work" / f"{stack}.json"
    before, began = _read(path), time.time()
    _write(path, [*before, (began, float("inf"))])
    try:
        yield lambda moment: any(start - 1 <= moment <= end + 1 for start, end in before)
    except BaseException:
        _write(path, [*before, (began, time.time())])  # its lock may be there still
        raise
    with suppress(OSError):
        path.unlink()


def _is_within(path: Path | None, home: Path) -> bool:
    return path is not None and path.resolve().is_relative_to(home.resolve())


def _read(path: Path) -> Spans:
    """Read the note; a damaged one says nothing, so that in doubt nothing is ours."""
    try:
        return [(float(start), float(end)) for start, end in json.loads(path.read_bytes())]
    except (OSError, ValueError, TypeError):
        return []


def _write(path: Path, spans: Spans) -> None:
    with suppress(InputError):  # without a note a person takes the lock away, and no work is lost
        private_file.make_folder(path.parent)
        private_file.write(path, json.dumps(spans[-MOST:]).encode())
