"""Decrypt an archive into a pipe, so that the plain text is never a file, nor all in memory."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import InputError


class decrypted:  # noqa: N801  (used as a function)
    """A pipe that the plain text comes out of, so that it is never a file, nor all in memory."""

    def __init__(self, path: Path, key: Any) -> None:  # noqa: ANN401
        self._path, self._key = path, key
        self._error: BaseException | None = None

    def __enter__(self) -> BinaryIO:
        try:
            self._source = self._path.open("rb")
        except OSError as error:
            raise InputError(f"{self._path} cannot be read: {error.strerror}.") from None
        reader, writer = os.pipe()
        self._plain = os.fdopen(reader, "rb")
        self._thread = threading.Thread(target=self._decrypt, args=(os.fdopen(writer, "wb"),))
        self._thread.start()
        return self._plain

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._plain.close()
        self._thread.join()
        self._source.close()
        # Where decrypting failed, that is why the rest makes no sense.
        if self._error and not isinstance(self._error, BrokenPipeError):
            raise _why(self._path, self._error) from None

    def _decrypt(self, writer: BinaryIO) -> None:
        import pyrage

        try:
            with writer:
                pyrage.decrypt_io(self._source, writer, [self._key])
        except (pyrage.DecryptError, OSError) as error:
            self._error = error


def _why(path: Path, error: BaseException) -> InputError:
    if "No matching keys" in str(error):
        return InputError(
            f"{path} does not open with this key.",
            hint="Archives open with the course's private key (.practicum/keys/COHORT.agekey),"
            " a student's copy with the student's.",
        )
    return damaged(path)


def damaged(path: Path) -> InputError:
    """Return the error for a file that is no whole archive."""
    return InputError(
        f"{path} is damaged, cut off, or no archive.",
        hint="Compare its sha256 with the receipt's, and take another copy.",
    )
