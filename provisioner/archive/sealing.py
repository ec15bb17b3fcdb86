"""Encrypt an archive while it is made: what reaches the disk was never plain."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

from .. import private_file
from ..cohort import Recipient
from .stream import Stream

Key = Any
"""One of pyrage's recipients or identities, which have no common type."""


def recipient(key: Recipient) -> Key:
    """Return whom to encrypt to, for a public key that was checked."""
    import pyrage

    family = pyrage.x25519 if key.kind == "age" else pyrage.ssh
    return family.Recipient.from_str(key.text)


def throw_away() -> tuple[Key, Key]:
    """Return a new pair, public and private, that is never written anywhere.

    The course's private key is not at hand when an archive is made, and should not be.
    So that the file can be read back before anything is deleted, it is encrypted to this
    pair too; with the process the private half is gone.
    """
    import pyrage

    private = pyrage.x25519.Identity.generate()
    return private.to_public(), private


def seal(path: Path, pieces: Iterable[bytes], recipients: list[Key]) -> None:
    """Write pieces, encrypted, as a whole file at mode 0600, or none.

    Raises:
        InputError: If the file cannot be written.
        PracticumError: Whatever the pieces raise while they are made.
    """
    import pyrage

    source = Stream(pieces)
    with private_file.whole(path) as file:
        sink = _Sink(file)
        try:
            pyrage.encrypt_io(source, sink, recipients)
        except (pyrage.EncryptError, OSError):
            # The library tells all errors as its own; these are the real ones.
            if error := source.error or sink.error:
                raise error from None
            raise


class _Sink:
    """A file to write to, which remembers why it could not be written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.error: OSError | None = None

    def write(self, content: bytes) -> int:
        try:
            return self._file.write(content)
        except OSError as error:
            self.error = error
            raise

    def flush(self) -> None:
        self._file.flush()
