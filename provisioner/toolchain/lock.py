"""A lock on a file, so that two processes never make the same thing at once.

The kernel frees it when its holder dies, so there is nothing stale to clean up.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def held(path: Path, *, say: Callable[[str], None], what: str) -> Iterator[int]:
    """Hold the lock, waiting for whoever has it and naming them.

    Yields the file descriptor: a child that inherits it holds the lock too.

    Args:
        path: The file. Its folder is made; the holder may remove both.
        say: Is told once, when there is a wait.
        what: What the holder is doing, for those who wait: "building the toolchain".

    Raises:
        OSError: If the file cannot be written.
    """
    descriptor = _take(path, say)
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"process {os.getpid()}, {what}".encode())
        yield descriptor
    finally:
        os.close(descriptor)


def _take(path: Path, say: Callable[[str], None]) -> int:
    """Lock the file that has this name now: its last holder may have removed it."""
    while True:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _wait(descriptor, say)
            if _is_still(path, descriptor):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _wait(descriptor: int, say: Callable[[str], None]) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 200, 0).decode(errors="replace") or "another process"
        say(f"waiting for {holder}")
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
