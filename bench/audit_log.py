"""The API server's audit log, read on past the point where the server begins a new file."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO


class AuditLog:
    """The log from its beginning, as one; the server moves a file away that is large.

    A file stays open here, so that what was moved away, or deleted since, can still be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files: list[BinaryIO] = [path.open("rb")]

    def close(self) -> None:
        """Let go of its files."""
        for file in self._files:
            file.close()

    def end(self) -> int:
        """Return where the log ends by now."""
        self._follow()
        return sum(map(_size, self._files))

    def read(self, start: int) -> bytes:
        """Return everything from a place on."""
        self._follow()
        parts = []
        for file, size in zip(self._files, map(_size, self._files), strict=True):
            if start < size:
                file.seek(max(0, start))
                parts.append(file.read())
            start -= size
        return b"".join(parts)

    def _follow(self) -> None:
        with suppress(FileNotFoundError):  # between the two files there is none for a moment
            if self._path.stat().st_ino != os.fstat(self._files[-1].fileno()).st_ino:
                self._files.append(self._path.open("rb"))


def _size(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size
