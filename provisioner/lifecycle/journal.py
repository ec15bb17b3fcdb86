"""What a run set out to do, and how far it came: one line an event, on disk before the event.

The file is ``<home>/journal/<cohort>.jsonl``. A run that ends says so; one that does not was
killed, or the power was cut: then what it had begun and not finished is unknown, and
``status`` says which waves. It holds commands, numbers of waves and moments, and nothing
of students.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import private_file, shell
from ..errors import InputError, PracticumError
from ..settings import Settings

MOST = 256 * 1024
"""Bytes that the file may have; beyond them the older half is dropped."""

Line = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Unfinished:
    """A run that began and did not say that it ended."""

    command: str
    began: datetime
    stacks: tuple[str, ...]
    """What it had begun with and not finished, as people say it: ``wave 3``."""

    alive: bool
    """Whether it is still at it."""


class Journal:
    """The journal of one run."""

    def __init__(self, path: Path, run: str) -> None:
        self._path, self._run = path, run

    def finished(self, stack: str, *, well: bool) -> None:
        """Say that a stack is through; a disk that is full now stops nothing."""
        with suppress(InputError):
            self.add("stack", stack=stack, result="done" if well else "failed")

    def add(self, event: str, **about: Any) -> None:  # noqa: ANN401  (JSON)
        """Add one line, and wait until it is on the disk.

        Raises:
            InputError: If it cannot be written.
        """
        line = {"run": self._run, "time": datetime.now(UTC).isoformat(), "event": event, **about}
        _append(self._path, line)


@contextmanager
def kept(
    settings: Settings, cohort: str, command: str, stacks: Iterable[str] = ()
) -> Iterator[Journal]:
    """Keep the journal of a run that changes something; the caller holds the cohort's lock.

    Args:
        settings: Folders.
        cohort: The cohort.
        command: What the run is, as it is typed.
        stacks: What it sets out to change.

    Raises:
        InputError: If the intent cannot be written; nothing is to be changed then.
    """
    path = _path(settings, cohort)
    _shorten(path)
    journal = Journal(path, secrets.token_hex(4))
    journal.add(
        "began", command=command, stacks=list(stacks), pid=os.getpid(), host=socket.gethostname()
    )
    result = "failed"
    try:
        yield journal
        result = "done"
    except PracticumError as error:
        result = f"stopped with exit code {error.exit_code}"
        raise
    finally:
        with suppress(InputError):
            journal.add("ended", result=result)


def unfinished(settings: Settings, cohort: str) -> Unfinished | None:
    """Return the last run, if it did not say that it ended."""
    lines = _lines(settings.home / "journal" / f"{cohort}.jsonl")
    began = next((line for line in reversed(lines) if line["event"] == "began"), None)
    if began is None:
        return None
    since = [line for line in lines if line["run"] == began["run"]]
    if any(line["event"] == "ended" for line in since):
        return None
    done = {line.get("stack") for line in since if line["event"] == "stack"}
    moment = datetime.fromisoformat(began["time"])
    return Unfinished(
        command=str(began.get("command")),
        began=moment,
        stacks=tuple(stack for stack in began.get("stacks", []) if stack not in done),
        alive=_lives(began, moment),
    )


def settle(settings: Settings, cohort: str) -> None:
    """Note that all was found as it should be, where the last run did not say how it ended."""
    if unfinished(settings, cohort) is None:
        return
    path = _path(settings, cohort)
    last = next(line for line in reversed(_lines(path)) if line["event"] == "began")
    with suppress(InputError):
        Journal(path, last["run"]).add("ended", result="found as it should be by a later run")


def _lives(began: Line, moment: datetime) -> bool:
    here = began.get("host") == socket.gethostname()
    pid = began.get("pid")
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
    """Read all whole lines; one that a power cut tore says nothing."""
    try:
        content = path.read_bytes()
    except OSError:
        return []
    found = []
    for text in content.splitlines():
        with suppress(ValueError):
            line = json.loads(text)
            if isinstance(line, dict) and {"run", "time", "event"} <= line.keys():
                found.append(line)
    return found


def _shorten(path: Path) -> None:
    with suppress(OSError):
        if path.stat().st_size > MOST:
            lines = path.read_bytes().splitlines(keepends=True)
            private_file.write(path, b"".join(lines[len(lines) // 2 :]))
