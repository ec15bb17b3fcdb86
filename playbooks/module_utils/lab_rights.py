"""Do something with a student's rights, in their home, bounded in time and in what it takes."""

from __future__ import annotations

import json
import os
import pwd
import resource
import select
import signal
import subprocess
import time
from collections.abc import Callable
from typing import TypeVar

from ansible.module_utils.lab_process import end_processes
from ansible.module_utils.lab_student import StudentProblemError, explain

PATIENCE = 120
"""Seconds that work with a student's rights may take: they could stop the process themselves."""
LINGERING = 5
"""Seconds that are waited for a process that was killed: one that waits for a disk stays."""
MOST_ANSWER = 1 << 20
"""Bytes of what is handed back of it: what lies in a home can be of any size."""
BOUNDS = {
    resource.RLIMIT_AS: 1 << 30,
    resource.RLIMIT_CPU: 120,
    resource.RLIMIT_FSIZE: 200 << 20,
    resource.RLIMIT_NPROC: 512,
    resource.RLIMIT_CORE: 0,
}
"""What it may take: it is no session of theirs, so their part of the host does not bound it."""

T = TypeVar("T")


def as_student(account: pwd.struct_passwd, work: Callable[..., T], *arguments: object) -> T:
    """Call a function with a student's rights, in their home, and return what it returns.

    Where it takes too long, everything that the student runs is ended: whatever stops it would
    stop the next one too, and two such students would hold up the host for all.

    Raises:
        StudentProblemError: If the function fails; with its reason.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _answer(writing, account, work, arguments)
    os.close(writing)
    try:
        said = _heard(reading)
    finally:
        os.close(reading)
        _end(child)
    if said is None:
        end_processes(account.pw_uid)
        raise StudentProblemError(
            f"what was done with the student's rights took more than {PATIENCE} s; all that they"
            " ran was ended"
        )
    try:
        answered = json.loads(said)
    except ValueError:
        raise StudentProblemError(
            "what was done with the student's rights ended without an answer"
        ) from None
    if "problem" in answered:
        raise StudentProblemError(answered["problem"])
    return answered["result"]


def _end(child: int) -> None:
    """Kill a child, and wait for it no longer than is sensible."""
    os.kill(child, signal.SIGKILL)
    deadline = time.monotonic() + LINGERING
    while os.waitpid(child, os.WNOHANG) == (0, 0) and time.monotonic() < deadline:
        time.sleep(0.001)


def _heard(reading: int) -> bytes | None:
    """Read an answer to its end; nothing of one that is too long, None where it takes too long."""
    said, deadline = b"", time.monotonic() + PATIENCE
    while len(said) <= MOST_ANSWER:
        if not select.select([reading], [], [], max(0, deadline - time.monotonic()))[0]:
            return None
        block = os.read(reading, 1 << 16)
        if not block:
            return said
        said += block
    return b""


def _answer(
    writing: int, account: pwd.struct_passwd, work: Callable[..., T], arguments: tuple[object, ...]
) -> None:
    """Become the student, do it, write down how it went, and never come back."""
    try:
        os.setgroups([account.pw_gid])
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
        _bound()
        os.umask(0o077)
        os.chdir(account.pw_dir)
        answer = {"result": work(*arguments)}
    except (StudentProblemError, OSError, subprocess.SubprocessError) as error:
        answer = {"problem": explain(error)}
    finally:
        try:
            if "answer" in locals():
                with os.fdopen(writing, "wb") as pipe:
                    pipe.write(json.dumps(answer).encode())
        finally:
            os._exit(0)


def _bound() -> None:
    """Take from this process, and all that it starts, what is more than it may have."""
    for which, most in BOUNDS.items():
        now = resource.getrlimit(which)[1]
        if now == resource.RLIM_INFINITY or now > most:
            resource.setrlimit(which, (most, most))
