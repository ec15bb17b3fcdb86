"""Every process that the bench started, also those whose parent has ended.

The bench takes in orphans, as init does. So whatever it started stays below it: its CPU
time is counted, and it can be ended without guessing by name.
"""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil

PR_SET_CHILD_SUBREAPER = 36
"""From Linux' ``sys/prctl.h``."""

PATIENCE = 5.0
"""Seconds that an orphan has to end by itself."""


def adopt_orphans() -> None:
    """Become the parent of whatever loses its own; lasts as long as this process.

    Raises:
        OSError: If the kernel refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def list_trees(roots: Iterable[int]) -> list[int]:
    """Return some processes and all below them, by id.

    psutil has this too, but takes three times as long, and we ask ten times a second.
    """
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):  # noqa: PTH208  (paths would cost more than the rest)
        if entry.isdigit() and (parent := _parent(entry)) is not None:
            children.setdefault(parent, []).append(int(entry))
    found = dict.fromkeys(roots)
    waiting = list(found)
    while waiting:
        below = [pid for pid in children.pop(waiting.pop(), ()) if pid not in found]
        found |= dict.fromkeys(below)
        waiting += below
    return list(found)


def _parent(pid: str) -> int | None:
    try:
        stat = Path("/proc", pid, "stat").read_bytes()
    except OSError:  # it has just ended
        return None
    return int(stat[stat.rindex(b")") + 4 :].split(None, 1)[0])


def reap(pids: Iterable[int]) -> tuple[float, list[int]]:
    """Wait for those of some processes that have become our children.

    Returns:
        The CPU seconds that they took, and those that did not end and were killed.
    """
    seconds, strays = 0.0, []
    deadline = time.monotonic() + PATIENCE
    for pid in pids:
        with suppress(ChildProcessError):  # it never was an orphan
            taken = _wait(pid, deadline)
            if taken is None:
                strays.append(pid)
                os.kill(pid, 9)
                taken = _wait(pid, time.monotonic() + PATIENCE)
            seconds += taken or 0.0
    return seconds, strays


def _wait(pid: int, deadline: float) -> float | None:
    """Return the CPU seconds of a child at its end; None when it does not end in time."""
    while True:
        ended, _, usage = os.wait4(pid, os.WNOHANG)
        if ended:
            return usage.ru_utime + usage.ru_stime
        if time.monotonic() > deadline:
            return None
        time.sleep(0.02)  # the kernel has no wait with a time limit for a child of a child


def stop_all() -> None:
    """Kill whatever is left below us; safe to repeat."""
    left = psutil.Process().children(recursive=True)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, timeout=PATIENCE)
