"""The one door to other programs: nothing else in the package imports subprocess.

Programs are started in list form, never through a shell, with the environment that
the caller gives; what they print on failure goes into ``details``, not the message.
"""

from __future__ import annotations

import logging
import os
import selectors
import shlex
import signal
import subprocess
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from subprocess import Popen as Process
from typing import IO

from .errors import MissingToolError, ToolError
from .redaction import redact

__all__ = [
    "Process",
    "ends_within",
    "feed",
    "follow",
    "lives",
    "pour",
    "run",
    "start",
    "start_worker",
]

log = logging.getLogger(__name__)

PIECE = 1 << 18
"""Bytes that are read of a program at a time."""

TAIL = 4_000
"""Characters of a failed program's output that are kept: enough for the last error."""

LAST_WORDS = 1.0
"""Seconds in which what a program said must have come, once it has ended."""


def run(
    *command: str | Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | None = None,
    timeout: float | None = None,
    keep_open: Sequence[int] = (),
) -> str:
    """Run a program to its end and return what it wrote to standard output.

    Args:
        command: The program and its arguments. No secret belongs here: `ps` shows it.
        env: The whole environment of the program; ours when None.
        cwd: The folder it starts in.
        stdin: Text that it reads; nothing when None.
        timeout: Seconds after which it is killed; no limit when None.
        keep_open: File descriptors that it inherits: a lock lives on in it if we are killed.

    Raises:
        MissingToolError: If the program does not exist.
        ToolError: If the program exits with a code other than 0, or takes too long.
    """
    line = redact(shlex.join(str(part) for part in command))
    log.debug("run %s", line)
    try:
        result = subprocess.run(
            [str(part) for part in command],
            env=env,
            cwd=cwd,
            input=stdin if stdin is not None else "",
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=timeout,
            pass_fds=tuple(keep_open),
        )
    except FileNotFoundError:
        raise MissingToolError(
            f"{command[0]} cannot be found.",
            hint="Look at your tools with: practicum toolchain",
        ) from None
    except subprocess.TimeoutExpired:
        raise ToolError(f"This took longer than {timeout:g} s: {line}") from None
    if result.returncode:
        raise ToolError(
            f"{Path(command[0]).name} exited with {result.returncode}: {line}",
            details=redact((result.stderr or result.stdout).strip())[-TAIL:],
        )
    return result.stdout


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
    said = _Said(process)
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
        said.end()
    _refuse_failure(command, process.returncode, said.text)


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
    said = _Said(process)
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
        said.end()
    _refuse_failure(command, process.returncode, said.text)


class _Said:
    """The last of what a program says beside its output; all of it may be without end."""

    def __init__(self, process: Process[bytes]) -> None:
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
    command: Sequence[str | Path],
    env: Mapping[str, str] | None,
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
) -> Process[bytes]:
    log.debug("run %s", redact(shlex.join(str(part) for part in command)))
    try:
        return subprocess.Popen(
            [str(part) for part in command],
            env=env,
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
        )
    except FileNotFoundError:
        raise MissingToolError(
            f"{command[0]} cannot be found.",
            hint="Look at your tools with: practicum toolchain",
        ) from None


def _refuse_failure(command: Sequence[str | Path], code: int, said: str) -> None:
    if code:
        line = redact(shlex.join(str(part) for part in command))
        raise ToolError(
            f"{Path(command[0]).name} exited with {code}: {line}",
            details=redact(said.strip())[-TAIL:],
        )


def lives(pid: int, *, by: float) -> bool:
    """Say whether a process that existed at some time is still the same and alive.

    Args:
        pid: Its number, which the system may have given to another since.
        by: When it existed, in seconds of the system clock.
    """
    import psutil

    try:
        process = psutil.Process(pid)
        # One that began later has only got the same number; a zombie holds nothing.
        return bool(process.create_time() <= by + 1 and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True  # it is somebody's, and in doubt alive


def ends_within(process: Process[str], seconds: float) -> bool:
    """Wait for the end of a program, but not for ever; says whether it has ended."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    return process.poll() is not None


def start(
    command: Sequence[str | Path],
    *,
    log_file: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Process[bytes]:
    """Start a server that outlives us, in a session of its own, writing to a file."""
    log.debug("start %s", shlex.join(str(part) for part in command))
    with log_file.open("ab") as out:
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=cwd,
            start_new_session=True,
        )


def follow(process: Process[bytes], *, every: float, tick: Callable[[], None]) -> int:
    """Wait for the end of a program that ``start`` started; it ends with us if we are stopped.

    Args:
        process: The program.
        every: Seconds between two calls of ``tick``.
        tick: Is called for as long as the program runs.

    Returns:
        The exit code.
    """
    try:
        while True:
            try:
                return process.wait(timeout=every)
            except subprocess.TimeoutExpired:
                tick()
    except BaseException:
        # The whole session: a compiler has children of its own.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise


def start_worker(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    log_file: Path,
    keep_open: Sequence[int] = (),
) -> Process[str]:
    """Start a child that talks with us over its standard input and output.

    It gets a session of its own, so that a Ctrl-C reaches us alone and we decide what
    becomes of it; its standard error goes to a file.

    Args:
        command: The program and its arguments.
        env: The whole environment of the child.
        log_file: Where its standard error is appended.
        keep_open: File descriptors that the child inherits.
    """
    log.debug("start %s", shlex.join(str(part) for part in command))
    with log_file.open("ab") as err:
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=err,
            env=env,
            text=True,
            start_new_session=True,
            pass_fds=tuple(keep_open),
        )
