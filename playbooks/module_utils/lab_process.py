"""What runs on a host as one user, and how it comes to an end."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

from ansible.module_utils.lab_student import StudentProblemError, run


def running(uid: int) -> list[int]:
    """List the processes of a user; one that has ended and waits for its parent is none."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                mine = entry.stat().st_uid == uid and not _has_ended(entry)
            except (FileNotFoundError, ProcessLookupError):
                continue
            if mine:
                found.append(int(entry.name))
    return found


def owners() -> Counter[int]:
    """Count the processes of every user, in one look for all of them."""
    found: Counter[int] = Counter()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                found[entry.stat().st_uid] += not _has_ended(entry)
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found


def _has_ended(process: Path) -> bool:
    """Say whether it is a zombie: its state stands after its name, which may hold anything."""
    return process.joinpath("stat").read_bytes().rpartition(b")")[2].split()[0] in (b"Z", b"X")


def end_processes(uid: int) -> None:
    """End everything that a user runs; again and again, for a process may start another.

    Raises:
        StudentProblemError: If something is still there after 20 s.
    """
    if Path("/run/systemd/system").is_dir():
        _end_sessions(uid)
    deadline = time.monotonic() + 20
    while processes := running(uid):
        if time.monotonic() > deadline:
            raise StudentProblemError("there are processes that do not end")
        for process in processes:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.05)


def _end_sessions(uid: int) -> None:
    """Let systemd end the sessions first, or it starts anew what we kill."""
    for verb in ("disable-linger", "terminate-user"):
        try:
            run("loginctl", verb, str(uid))
        except (subprocess.CalledProcessError, FileNotFoundError):
            # It knows nobody of that number who is logged in.
            continue
