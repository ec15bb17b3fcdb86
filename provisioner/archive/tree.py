"""Whether two tar files hold the same files, in whatever order they hold them.

What is read from a volume twice comes in the order that its file system has at the time. So
files are compared one by one: name, kind, size, mode, and the sha256 of what is in them. Not
compared are owners and times, which somebody who is not root cannot set.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ..errors import ClusterError
from .stream import Stream

PIECE = 1 << 18
MODULUS = 1 << 256
END = bytes(2 * tarfile.BLOCKSIZE)
"""What every tar file ends with."""


@dataclass(frozen=True)
class Tree:
    """What a volume holds, in short."""

    files: int
    """Everything in it but the folder itself."""

    digest: int
    """The sum of all their digests, so that their order has no part in it."""


def tree(pieces: Iterable[bytes]) -> Tree:
    """Read a tar file to its end; no more of it is held than a piece.

    Raises:
        ClusterError: If it is no tar file.
        PracticumError: Whatever the pieces raise.
    """
    files, total = 0, 0
    source: Any = Stream(pieces)  # a file, as far as it is read
    try:
        with tarfile.open(fileobj=source, mode="r|") as packed:
            kept: Any = packed
            for member in packed:
                kept.members.clear()  # it would hold on to all that went by
                if name := member.name.strip("./"):
                    files += 1
                    total += _digest(packed, member, name)
        while source.read(PIECE):  # what pads it to a round number of blocks
            pass
    except tarfile.TarError as error:
        if source.error:
            raise source.error from None
        raise ClusterError(f"What came is no tar file: {error}") from None
    return Tree(files, total % MODULUS)


def whole(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the same pieces, and fail at their end if a tar file would not end there.

    Who sends them may be cut off and not know it.

    Raises:
        ClusterError: If the end is missing.
    """
    last = b""
    for piece in pieces:
        yield piece
        last = (last + piece)[-len(END) :]
    if last != END:
        raise ClusterError("The content of a volume was cut off on its way.")


def _digest(packed: tarfile.TarFile, member: tarfile.TarInfo, name: str) -> int:
    content = hashlib.sha256()
    mode = 0 if member.issym() else member.mode
    facts = (name, member.type.decode(), str(member.size), str(mode), member.linkname)
    content.update("\0".join(facts).encode(errors="surrogateescape") + b"\0")
    file = packed.extractfile(member) if member.isreg() else None
    while file and (piece := file.read(PIECE)):
        content.update(piece)
    return int.from_bytes(content.digest())
