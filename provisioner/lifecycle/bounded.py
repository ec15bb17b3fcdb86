"""How much is read of a volume, and for how long: a student decides what is in it.

A file of 16 TiB without content takes no room in a volume, and all of it in a tar file.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing

from .. import quantity
from ..errors import PracticumError, ToolError
from ..manifest import Manifest

Claim = tuple[str, str]
"""Namespace and name."""

SLACK = 64 << 20
"""Bytes that a tar file may have, beside half as much again as the volume: each file in it,
however small, takes a header."""

PATIENCE = 300.0
SLOWEST = 2 << 20
"""Bytes a second; a volume that comes slower is not waited for."""

LONGEST = 200
"""Characters of a reason."""


class UnreadableError(ToolError):
    """The content of a volume cannot be had; all else can."""

    def __init__(self, claim: Claim, why: str) -> None:
        super().__init__(f"The volume of {claim[0]}/{claim[1]} was not read: {why}")
        self.claim, self.why = claim, why


def most_of(claim: Manifest) -> int:
    """Return how many bytes are read of what a claim holds.

    >>> most_of({"status": {"capacity": {"storage": "128Mi"}}}) >> 20
    256
    """
    capacity = (claim.get("status") or {}).get("capacity") or {}
    size = int(quantity.parse(str(capacity.get("storage", "0"))))
    return size + size // 2 + SLACK


def seconds_for(most: int) -> float:
    """Return how long may be read."""
    return PATIENCE + most / SLOWEST


def at_most(most: int, pieces: Generator[bytes, None, None]) -> Iterator[bytes]:
    """Yield the same pieces, as long as they are no more than some bytes.

    Raises:
        ToolError: If they are more.
    """
    size = 0
    with closing(pieces):
        for piece in pieces:
            size += len(piece)
            if size > most:
                raise ToolError(
                    f"its files are larger than the volume: more than {most >> 20} MiB as a tar file"
                )
            yield piece


def why(error: Exception) -> str:
    """Return the reason for a person: what the program on the other side said first."""
    if isinstance(error, PracticumError):
        said = (error.details or "").strip().splitlines() or [error.message]
        return said[0][:LONGEST]
    return str(error)[:LONGEST]
