"""An archive as bytes that are made while they are read, so that it is never held whole."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from io import BytesIO

GZIP = 31
"""zlib's number for a stream with gzip's header and checksum."""


def compressed(members: Iterable[tuple[str, bytes]], time: str) -> Iterator[bytes]:
    """Yield the bytes of a gzipped tar file of some members."""
    gzip = zlib.compressobj(wbits=GZIP)
    moment = datetime.fromisoformat(time).timestamp() if time else 0
    for path, content in members:
        header = tarfile.TarInfo(path)
        header.size, header.mode, header.mtime = len(content), 0o600, int(moment)
        yield gzip.compress(header.tobuf(tarfile.PAX_FORMAT))
        yield gzip.compress(content + bytes(-len(content) % tarfile.BLOCKSIZE))
    yield gzip.compress(bytes(2 * tarfile.BLOCKSIZE))
    yield gzip.flush()


class Stream:
    """A file to read from, whose content is made while it is read."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = BytesIO()
        self.error: BaseException | None = None
        """What went wrong while the content was made: who reads may hide it."""

    def read(self, size: int = -1) -> bytes:
        """Return some bytes, at most ``size``; none at the end."""
        try:
            while not (some := self._rest.read(size)):
                self._rest = BytesIO(next(self._pieces))
        except StopIteration:
            return b""
        except BaseException as error:
            self.error = error
            raise
        return some
