"""What a volume of a cluster holds, where it lies in a node's own files: as a tar file, both ways.

Two tar files of the same content are the same bytes, so what was brought back is compared by
its sha256. Whatever a node says may be a lie, for its student can be root there: nothing is
unpacked on this machine, and whoever reads sets an end to it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import ToolError
from .docker import PATIENCE, Engine
from .found import Node

HOSTNAME = "kubernetes.io/hostname"

# Names sorted, owners by number, no time but that of the last change. An exit code of 1 says
# that a file was written to meanwhile: that is what volumes in use are like.
_PACK = (
    'tar --create --directory "$1" --sort=name --numeric-owner --xattrs --one-file-system'
    " --format=posix --pax-option=delete=atime,delete=ctime,exthdr.name=%d/PaxHeaders/%f ."
    "; code=$?; [ $code -lt 2 ]"
)
_UNPACK = (
    'mkdir -p "$1" && tar --extract --directory "$1" --numeric-owner --preserve-permissions --xattrs'
    " --xattrs-include='*' --delay-directory-restore"
)
_IS_EMPTY = '[ ! -e "$1" ] || ls -A "$1" | head -1'


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a volume lies."""

    node: str
    """The node's container."""

    path: str


def place_of(volume: Mapping[str, Any], nodes: Sequence[Node]) -> Place | str:
    """Return where a PersistentVolume lies; a sentence where it lies in no node's files."""
    spec = volume.get("spec") or {}
    path = str(((spec.get("local") or spec.get("hostPath")) or {}).get("path") or "")
    if not path.startswith("/"):
        return "its content lies in no node's own files"
    names = {node.name for node in nodes}
    bound = _hosts(spec) & names
    if not bound and len(names) == 1:
        bound = names
    if len(bound) != 1:
        return "it does not say on which node its content lies"
    return Place(node=bound.pop(), path=path)


def _hosts(spec: Mapping[str, Any]) -> set[str]:
    required = (spec.get("nodeAffinity") or {}).get("required") or {}
    return {
        str(value)
        for term in required.get("nodeSelectorTerms") or []
        for expression in term.get("matchExpressions") or []
        if expression.get("key") == HOSTNAME and expression.get("operator") == "In"
        for value in expression.get("values") or []
    }


def content(
    engine: Engine, place: Place, timeout: float | None = None
) -> Generator[bytes, None, None]:
    """Yield what a volume holds as a tar file, piece by piece; it may have no end.

    Args:
        engine: Where the node is.
        place: Where the volume lies in it.
        timeout: Seconds in which something must come; no limit when None.

    Raises:
        ToolError: If the node does not give it.
        MissingToolError: If the engine does not answer any more, which says nothing of a volume.
    """
    command = ("exec", place.node, "sh", "-c", _PACK, "sh", place.path)
    try:
        yield from engine.pour(*command, timeout=timeout)
    except ToolError:
        engine.require()
        raise


def is_empty(engine: Engine, place: Place) -> bool:
    """Say whether nothing is there yet, not even the folder; nothing is made by it.

    Raises:
        ToolError: If the node does not answer.
    """
    command = ("sh", "-c", _IS_EMPTY, "sh", place.path)
    return not engine.inside(place.node, *command, timeout=PATIENCE).strip()


def fill(engine: Engine, place: Place, pieces: Iterable[bytes]) -> None:
    """Write a tar file's content into a volume, whose folder is made where it is missing.

    Raises:
        ToolError: If the node does not take it.
        PracticumError: Whatever the pieces raise.
    """
    command = ("exec", "--interactive", place.node, "sh", "-c", _UNPACK, "sh", place.path)
    engine.feed(*command, pieces=pieces)
