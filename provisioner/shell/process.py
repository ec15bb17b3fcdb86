"""Programs that live beside us: servers that outlive us, and workers that talk with us."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from subprocess import Popen as Process

from .command import Command, log


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
    command: Command,
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
    command: Command,
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
