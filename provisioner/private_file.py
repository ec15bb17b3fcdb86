"""Write files that nobody else may read, and never leave half of one behind.

A file gets its final mode when it is made (open and then chmod would leave a gap), and
its name when it is whole. A folder is no better than those above it: who may write into one
of them can put another in its place.
"""

from __future__ import annotations

import errno
import grp
import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from .errors import InputError


def make_folder(path: Path) -> Path:
    """Make a folder, and those above it, that only its owner may enter.

    Raises:
        InputError: If it cannot be made, or others could put something else in its place.
    """
    try:
        for folder in _from_the_top(path):  # by itself, mkdir gives the mode to the last alone
            folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path} cannot be made: {error.strerror}.") from None
    require_own_way(path)
    return path


def require_own_way(path: Path) -> None:
    """Refuse a folder that others may write into, or that lies below such a one.

    As OpenSSH's StrictModes has it: nobody else may write, unless it is the group of ours
    alone that some systems give everybody, or a folder like ``/tmp`` in which nobody can
    move what is another's.

    Raises:
        InputError: If there is one on the way; it is named.
    """
    for folder in dict.fromkeys((*_from_the_top(path.absolute()), *_from_the_top(path.resolve()))):
        try:
            found = folder.stat()
        except OSError:
            continue  # what we may not look at, or is not there yet, tells when it is used
        if _is_open(found):
            raise InputError(
                f"{folder} can be written by others (mode {stat.S_IMODE(found.st_mode):04o}), who"
                f" could swap what Practicum keeps in {path}.",
                hint=f"Run: chmod go-w {folder}; or keep it elsewhere, with --home",
            )


def _from_the_top(path: Path) -> tuple[Path, ...]:
    return (*reversed(path.parents), path)


def _is_open(found: os.stat_result) -> bool:
    if found.st_mode & stat.S_ISVTX:
        return False
    by_group = found.st_mode & stat.S_IWGRP and not _is_ours_alone(found.st_gid)
    return bool(found.st_mode & stat.S_IWOTH or by_group)


def _is_ours_alone(gid: int) -> bool:
    """Say whether a group is the one of the same name that only we are in."""
    try:
        group, we = grp.getgrgid(gid), pwd.getpwuid(os.geteuid())
    except KeyError:
        return False
    return (group.gr_name, gid) == (we.pw_name, we.pw_gid) and set(group.gr_mem) <= {we.pw_name}


def write(path: Path, content: bytes) -> None:
    """Write a whole file at mode 0600, or leave what was there.

    Raises:
        InputError: If it cannot be written: a full disk, a read-only file system.
    """
    with whole(path) as file:
        file.write(content)


@contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """Yield a file to write to, which has its name once it is whole and on the disk.

    Raises:
        InputError: If it cannot be written: a full disk, a read-only file system.
    """
    part = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(part, flags, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        _sync(path.parent)
    except BaseException as error:
        with suppress(OSError):
            part.unlink()
        if not isinstance(error, OSError):
            raise
        raise unwritable(path, error) from None


def unwritable(path: Path, error: OSError) -> InputError:
    """Return what a person is told of a file that cannot be written."""
    return InputError(
        f"{path} cannot be written: {error.strerror}.",
        hint="Make room or mend the rights there, then run the command again.",
    )


def _sync(folder: Path) -> None:
    """Bring a new name to the disk, where the file system can do that for a folder."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def open_to_append(path: Path) -> int:
    """Open a file at mode 0600 so that everything that is written goes to its end.

    Returns:
        A file descriptor, which the caller closes.

    Raises:
        InputError: If it cannot be opened, is no plain file, or is open to others.
    """
    # To read as well: whether the last line is whole.
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        raise unwritable(path, error) from None
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode) or stat.S_IMODE(mode) & 0o077:
        os.close(descriptor)
        raise InputError(
            f"{path} is open to others, or no plain file.", hint=f"Run: chmod 600 {path}"
        )
    return descriptor


def append(descriptor: int, path: Path, line: bytes) -> None:
    """Add a line to a file that ``open_to_append`` opened, in one call: runs at a time do not mix.

    A last line that a power cut or a full disk tore stays by itself, and spoils no other.

    Raises:
        InputError: If not all of it can be written: a full disk.
    """
    try:
        content = b"\n" + line if _is_torn(descriptor) else line
        written = os.write(descriptor, content)
    except OSError as error:
        raise unwritable(path, error) from None
    if written < len(content):
        raise unwritable(path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))


def _is_torn(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"


def require_private(path: Path) -> None:
    """Refuse a secret file that is empty, a link, or open to others.

    Raises:
        InputError: If it is one of these.
    """
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode) or not path.read_bytes().strip():
        raise InputError(f"{path} is empty or no plain file; it must hold the secret it had.")
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise InputError(f"{path} can be read by others.", hint=f"Run: chmod 600 {path}")
