"""How much is read of a volume, and for how long: a student decides what is in it.

A file of 16 TiB without content takes no room in a volume, and all of it in a tar file.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass

from ... import archive, quantity
from ...cluster import NotRunError
from ...errors import ClusterError, PracticumError, ToolError
from ...manifest import Manifest

Claim = tuple[str, str]
"""Namespace and name."""

SLACK = 64 << 20
"""Bytes that a tar file may have, beside half as much again as the volume: each file in it,
however small, takes a header."""

WHATEVER_IT_SAYS = 50 << 30
"""Bytes that are read of a volume in a cluster of its student's own, where nobody holds the
content to what the claim says."""

PATIENCE = 300.0
"""Seconds in which something must come."""

SLOWEST = 2 << 20
"""Bytes a second; a volume that comes slower is not waited for."""

LONGEST = 200
"""Characters of a reason."""

Pour = Callable[[float], Generator[bytes, None, None]]
"""Begins to read: given the seconds in which something must come."""


class UnreadableError(ToolError):
    """The content of a volume cannot be had; all else can."""

    def __init__(self, claim: Claim, why: str) -> None:
        super().__init__(f"The volume of {claim[0]}/{claim[1]} was not read: {why}")
        self.claim, self.why = claim, why


@dataclass(frozen=True, kw_only=True)
class Bounded:
    """What a volume holds as a tar file, read anew each time, and never more than some bytes."""

    claim: Claim
    most: int
    pour: Pour

    def __iter__(self) -> Iterator[bytes]:
        """Yield it piece by piece.

        Raises:
            UnreadableError: If it cannot be read, is too much, or takes too long.
        """
        try:
            yield from archive.whole(_at_most(self.most, self.pour(PATIENCE)))
        except (ToolError, ClusterError, NotRunError) as error:
            raise UnreadableError(self.claim, _why(error)) from error


def most_of(claim: Manifest) -> int:
    """Return how many bytes are read of what a claim holds, which its cluster keeps to its size.

    >>> most_of({"status": {"capacity": {"storage": "128Mi"}}}) >> 20
    256
    """
    capacity = (claim.get("status") or {}).get("capacity") or {}
    size = int(quantity.parse(str(capacity.get("storage", "0"))))
    return size + size // 2 + SLACK


def _at_most(most: int, pieces: Generator[bytes, None, None]) -> Iterator[bytes]:
    """Yield the same pieces, as long as they are no more than some bytes, and come in time.

    Raises:
        ToolError: If they are more, or too slow.
    """
    size, began = 0, time.monotonic()
    with closing(pieces):
        for piece in pieces:
            size += len(piece)
            if size > most:
                raise ToolError(f"it is too large: more than {most >> 20} MiB as a tar file")
            if time.monotonic() - began > PATIENCE + size / SLOWEST:
                raise ToolError(f"it comes too slowly: {size >> 20} MiB so far")
            yield piece


def _why(error: Exception) -> str:
    """Return the reason for a person: what the program on the other side said first."""
    if isinstance(error, PracticumError):
        said = (error.details or "").strip().splitlines() or [error.message]
        return said[0][:LONGEST]
    return str(error)[:LONGEST]
