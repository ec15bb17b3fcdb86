"""One run at a time may change a cohort; what a killed run left is found and ended.

The lock is the kernel's (flock), so it cannot go stale: it is held as long as a process
of the run lives, and its workers hold it too. The file says who holds it, and is
emptied at the end: content without a holder means that the run was killed.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import private_file
from ..errors import LockedError

WAIT = 60.0
"""Seconds that workers of a killed run get to finish what is in flight."""

Say = Callable[[str], None]


@contextmanager
def held(home: Path, cohort: str, say: Say = lambda _: None) -> Iterator[int]:
    """Hold a cohort's lock; yields the file descriptor that workers are to keep open.

    Raises:
        LockedError: If another run holds it.
        InputError: If its file cannot be written.
    """
    path = private_file.make_folder(home / "locks") / f"{cohort}.lock"
    descriptor = _open(path)
    try:
        _acquire(descriptor, path, say)
        _end_strays(descriptor, run_name(home, cohort))
        _sign(descriptor, path)
        yield descriptor
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    """Open the file, and make it where there is none.

    Raises:
        InputError: If it cannot be.
    """
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise private_file.unwritable(path, error) from None


def _sign(descriptor: int, path: Path) -> None:
    """Say in the file who holds it.

    Raises:
        InputError: If that cannot be written: a full disk.
    """
    try:
        _write(descriptor, {"pid": os.getpid(), "host": socket.gethostname(), **_now()})
    except OSError as error:
        raise private_file.unwritable(path, error) from None


def run_name(home: Path, cohort: str) -> str:
    """Return what marks all processes that a run on this cohort starts."""
    return f"{home.resolve()}:{cohort}"


def _acquire(descriptor: int, path: Path, say: Say) -> None:
    deadline = time.monotonic() + WAIT
    told = False
    while not _try(descriptor):
        holder = _read(descriptor)
        if _lives(holder):
            raise LockedError(
                f"Another run holds this cohort: process {holder.get('pid')} on"
                f" {holder.get('host')}, since {holder.get('since')}.",
                hint="Wait until it ends, or stop it with Ctrl-C where it runs.",
            )
        if time.monotonic() > deadline:
            raise LockedError(
                f"What a killed run left behind does not end; it holds {path}.",
                hint=f"Look at it with: fuser -v {path}",
            )
        if not told:
            say("An earlier run was killed; waiting for what it had started to finish.")
            told = True
        time.sleep(0.1)  # the kernel tells nobody when a lock of another process goes


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lives(holder: dict[str, Any]) -> bool:
    """Say whether the run that wrote the file is alive, and not just its number."""
    pid, since = holder.get("pid"), holder.get("time")
    if not isinstance(pid, int) or not isinstance(since, float):
        return False  # it has not come to writing, or was killed while it did
    if holder.get("host") != socket.gethostname():
        return True  # we cannot look there, and a live run is never robbed
    from .. import shell  # nearly always nobody holds it

    return shell.lives(pid, by=since)


def _end_strays(descriptor: int, run: str) -> None:
    """End engine and provider of a killed run: they would write beside ours."""
    if not _read(descriptor):
        return
    import psutil

    found = strays(run)
    for process in found:
        process.kill()
    psutil.wait_procs(found, timeout=10)


def strays(run: str) -> list[Any]:
    """Return the processes of a run, ourselves excepted."""
    import psutil

    return [process for process in psutil.process_iter() if _is_of(process, run)]


def _is_of(process: Any, run: str) -> bool:  # noqa: ANN401  (psutil is imported late)
    import psutil

    from ..pulumi_stack import RUN_MARK

    try:
        return bool(process.pid != os.getpid() and process.environ().get(RUN_MARK) == run)
    except (psutil.Error, OSError):
        return False


def _now() -> dict[str, Any]:
    return {"time": time.time(), "since": datetime.now(UTC).isoformat(timespec="seconds")}


def _read(descriptor: int) -> dict[str, Any]:
    content = os.pread(descriptor, 4096, 0)
    try:
        holder = json.loads(content) if content else {}
    except ValueError:
        return {"garbled": True}
    return holder if isinstance(holder, dict) else {"garbled": True}


def _write(descriptor: int, holder: dict[str, Any]) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(holder).encode(), 0)
