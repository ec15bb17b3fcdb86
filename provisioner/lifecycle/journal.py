"""What a run set out to do, and how far it came: one line an event, on disk before the event.

The file is ``<home>/journal/<cohort>.jsonl``. A run that ends says so; one that does not was
killed, or the power was cut: then what it had begun and not finished is unknown, and
``status`` says which waves. It stays unknown until a later run for everybody has been
through it: one for some students leaves the others of a wave as they are, in the state too.
The file holds commands, numbers of waves and moments, and nothing of students.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

from .. import private_file
from ..errors import InputError, PracticumError
from ..settings import Settings

MOST = 256 * 1024
"""Bytes that the file may have; beyond them the older half is dropped."""

Line = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Unfinished:
    """A run that began and did not say that it ended, or a part of which nobody has settled."""

    command: str
    began: datetime
    stacks: tuple[str, ...]
    """What is unknown by now: of this run, and of later ones that did not end either."""

    alive: bool
    """Whether it is still at it."""


class Journal:
    """The journal of one run."""

    def __init__(self, path: Path, run: str) -> None:
        self._path, self._run = path, run
        self.is_open = False
        """Whether what has come of a stack is unknown, also when the run has ended."""

    def finished(self, stack: str, *, well: bool) -> None:
        """Say that a stack is through; a disk that is full now stops nothing."""
        with suppress(InputError):
            self.add("stack", stack=stack, result="done" if well else "failed")

    def unanswered(self) -> None:
        """Say that a stack is not through: what nobody answered may have been done all the same."""
        self.is_open = True

    def add(self, event: str, **about: Any) -> None:  # noqa: ANN401  (JSON)
        """Add one line, and wait until it is on the disk.

        Raises:
            InputError: If it cannot be written.
        """
        line = {"run": self._run, "time": datetime.now(UTC).isoformat(), "event": event, **about}
        _append(self._path, line)


def _never() -> bool:
    return False


@contextmanager
def kept(
    settings: Settings,
    cohort: str,
    command: str,
    stacks: Iterable[str] = (),
    *,
    some: bool = False,
    lost: Callable[[], bool] = _never,
) -> Iterator[Journal]:
    """Keep the journal of a run that changes something; the caller holds the cohort's lock.

    Args:
        settings: Folders.
        cohort: The cohort.
        command: What the run is, as it is typed.
        stacks: What it sets out to change.
        some: Whether it is for some students alone; it then settles nothing of earlier runs.
        lost: Asked at the end whether something of it was ended by force: it is then noted
            as a killed run is.

    Raises:
        InputError: If the intent cannot be written; nothing is to be changed then.
    """
    path = _path(settings, cohort)
    _shorten(path)
    journal = Journal(path, secrets.token_hex(4))
    journal.add(
        "began",
        command=command,
        stacks=list(stacks),
        some=some,
        pid=os.getpid(),
        host=socket.gethostname(),
    )
    result = "failed"
    try:
        yield journal
        result = "done"
    except PracticumError as error:
        result = f"stopped with exit code {error.exit_code}"
        raise
    finally:
        if not (lost() or journal.is_open):
            with suppress(InputError):
                journal.add("ended", result=result)


def unfinished(settings: Settings, cohort: str) -> Unfinished | None:
    """Return the first run of which something is unknown; else the last, if it did not end."""
    lines = _lines(settings.home / "journal" / f"{cohort}.jsonl")
    began = {line["run"]: line for line in lines if line["event"] == "began"}
    unknown = _unknown(lines)
    if not unknown:
        return None
    last = began[next(reversed(unknown))]
    alive = _lives(last)
    first = last if alive else began[next(iter(unknown))]
    stacks = unknown[last["run"]] if alive else chain.from_iterable(unknown.values())
    return Unfinished(
        command=str(first.get("command")),
        began=datetime.fromisoformat(first["time"]),
        stacks=tuple(dict.fromkeys(stacks)),
        alive=alive,
    )


def _unknown(lines: Iterable[Line]) -> dict[str, list[str]]:
    """Return what runs began and nobody has been through since, by run, the first run first."""
    unknown: dict[str, list[str]] = {}
    for_some: set[str] = set()
    for line in lines:
        run, event = line["run"], line["event"]
        if event in ("began", "ended"):
            unknown = {one: stacks for one, stacks in unknown.items() if stacks and one != run}
        if event == "began":
            unknown[run] = list(line.get("stacks", []))
            for_some |= {run} if line.get("some") else set()
        elif event == "stack":
            settled = {run} & unknown.keys() if run in for_some else set(unknown)
            unknown |= {one: [s for s in unknown[one] if s != line.get("stack")] for one in settled}
        elif event == "settled":
            unknown.clear()
    return unknown


def settle(settings: Settings, cohort: str) -> None:
    """Note that a run for everybody found all as it should be, whatever runs left unknown."""
    if unfinished(settings, cohort) is None:
        return
    with suppress(InputError):
        Journal(_path(settings, cohort), secrets.token_hex(4)).add("settled")


def _lives(began: Line) -> bool:
    from .. import shell  # nearly always the last run has ended

    here = began.get("host") == socket.gethostname()
    pid, moment = began.get("pid"), datetime.fromisoformat(began["time"])
    return here and isinstance(pid, int) and shell.lives(pid, by=moment.timestamp())


def _path(settings: Settings, cohort: str) -> Path:
    return private_file.make_folder(settings.home / "journal") / f"{cohort}.jsonl"


def _append(path: Path, line: Line) -> None:
    descriptor = private_file.open_to_append(path)
    try:
        private_file.append(descriptor, path, (json.dumps(line) + "\n").encode())
        os.fsync(descriptor)
    except OSError as error:
        raise private_file.unwritable(path, error) from None
    finally:
        os.close(descriptor)


def _lines(path: Path) -> list[Line]:
    """Read all whole lines; one that a power cut tore, or that is none of ours, says nothing."""
    try:
        content = path.read_bytes()
    except OSError:
        return []
    found = []
    for text in content.splitlines():
        with suppress(ValueError):
            line = json.loads(text)
            if _is_ours(line):
                found.append(line)
    return found


def _is_ours(line: Any) -> bool:  # noqa: ANN401  (JSON)
    """Say whether a line is one that we write; a time that is none raises ``ValueError``."""
    if not isinstance(line, dict):
        return False
    stacks = line.get("stacks", [])
    if not isinstance(stacks, list):
        return False
    texts = (line.get("run"), line.get("time"), line.get("event"), *stacks)
    return (
        all(isinstance(text, str) for text in texts)
        and datetime.fromisoformat(line["time"]).tzinfo is not None
    )


def _shorten(path: Path) -> None:
    """Drop the older half, but of whatever is unknown still, and no half of a run.

    Without its first line a run for some would be taken for one for everybody.
    """
    with suppress(OSError):
        if path.stat().st_size > MOST:
            lines = _lines(path)
            half = len(lines) // 2
            kept = _unknown(lines).keys() | {line["run"] for line in lines[half:]}
            left = [line for line in lines[:half] if line["run"] in kept] + lines[half:]
            private_file.write(path, "".join(f"{json.dumps(line)}\n" for line in left).encode())
