"""Run a program whose output, or input, is too large to hold."""

from __future__ import annotations

import os
import selectors
import subprocess
import threading
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from subprocess import Popen
from typing import IO

from ..errors import ToolError
from .command import TAIL, Command, log, missing, refuse_failure, shown

PIECE = 1 << 18
"""Bytes that are read of a program at a time."""

LAST_WORDS = 1.0
"""Seconds in which what a program said must have come, once it has ended."""


def pour(
    *command: str | Path, env: Mapping[str, str] | None = None, timeout: float | None = None
) -> Generator[bytes, None, None]:
    """Run a program and yield what it writes, as it comes; it ends with whoever stops reading.

    Args:
        command: The program and its arguments.
        env: The whole environment of the program; ours when None.
        timeout: Seconds in which it must write something, or end; no limit when None.

    Raises:
        MissingToolError: If the program does not exist.
        ToolError: If it fails, or is silent for too long: what was yielded before is not whole then.
    """
    process = _open(command, env, stdout=subprocess.PIPE)
    assert process.stdout  # a pipe, as asked for
    last_words = _LastWords(process)
    try:
        yield from _pieces(process.stdout, timeout)
        process.wait(timeout)
    except (TimeoutError, subprocess.TimeoutExpired):
        name = Path(command[0]).name
        raise ToolError(f"{name} wrote nothing for {timeout:g} s, and did not end.") from None
    finally:
        process.stdout.close()
        process.kill()
        process.wait()
        last_words.end()
    refuse_failure(command, process.returncode, last_words.text)


def _pieces(pipe: IO[bytes], timeout: float | None) -> Iterator[bytes]:
    """Yield what comes through a pipe.

    Raises:
        TimeoutError: If nothing comes for too long.
    """
    with selectors.DefaultSelector() as waiting:
        waiting.register(pipe, selectors.EVENT_READ)
        while True:
            if not waiting.select(timeout):
                raise TimeoutError
            if not (piece := os.read(pipe.fileno(), PIECE)):
                return
            yield piece


def feed(
    *command: str | Path, pieces: Iterable[bytes], env: Mapping[str, str] | None = None
) -> None:
    """Run a program that reads some pieces, made while it reads; what it writes is passed over.

    Raises:
        MissingToolError: If the program does not exist.
        ToolError: If it fails, or ends before it has read all.
        PracticumError: Whatever the pieces raise while they are made.
    """
    process = _open(command, env, stdin=subprocess.PIPE)
    assert process.stdin  # a pipe, as asked for
    last_words = _LastWords(process)
    try:
        with suppress(BrokenPipeError):  # then its exit code says why
            for piece in pieces:
                process.stdin.write(piece)
            process.stdin.close()
    except BaseException:
        process.kill()  # half of what was to come is not the whole
        raise
    finally:
        with suppress(BrokenPipeError):
            process.stdin.close()
        process.wait()
        last_words.end()
    refuse_failure(command, process.returncode, last_words.text)


class _LastWords:
    """The last of what a program says beside its output; all of it may be without end."""

    def __init__(self, process: Popen[bytes]) -> None:
        assert process.stderr  # a pipe, as asked for
        self._pipe, self._last = process.stderr, b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def text(self) -> str:
        return self._last.decode(errors="replace")

    def end(self) -> None:
        """Wait for the last words; a child of the program's may hold the pipe for longer."""
        self._reader.join(LAST_WORDS)

    def _read(self) -> None:
        with self._pipe:
            while piece := os.read(self._pipe.fileno(), PIECE):
                self._last = (self._last + piece)[-TAIL:]


def _open(
    command: Command,
    env: Mapping[str, str] | None,
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
) -> Popen[bytes]:
    log.debug("run %s", shown(command))
    try:
        return Popen(
            [str(part) for part in command],
            env=env,
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
        )
    except FileNotFoundError:
        raise missing(command) from None
