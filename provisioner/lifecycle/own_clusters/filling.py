"""Fill volumes of a student's own cluster with what an archive has of them."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from ... import cluster
from ...archive import Volume
from ...errors import ClusterError
from ...kind import volumes
from ...kind.docker import Engine
from ...kind.found import Node
from ...manifest import Manifest
from ..archives.bounded import Bounded, UnreadableError
from ..archives.restored import State
from ..archives.restoring import CLAIMS

SECONDS = 60.0
"""In which a claim gets its volume, and a type that was defined is served."""

POLL = 0.2
VOLUMES = "persistentvolumes"
UNSEEN = "Pending"
"""What the server says of a volume which the controller that binds claims has not seen."""

OTHER = "there is something else in it, which was not changed"


@dataclass(frozen=True, kw_only=True)
class Filling:
    """The volumes of one cluster."""

    engine: Engine
    nodes: Sequence[Node]
    admin: cluster.Client
    types: Mapping[str, cluster.Type]

    def await_seen(self, names: Iterable[str]) -> None:
        """Wait until the controller that binds claims knows of some volumes.

        A claim that it sees before them has to wait for its next look, a quarter of a minute later.

        Raises:
            ClusterError: If the cluster does not answer.
        """
        until(lambda: UNSEEN not in map(self._phase, names))

    def _phase(self, name: str) -> str:
        live = _read(self.admin, self.types[VOLUMES], "", name) or {}
        return str((live.get("status") or {}).get("phase"))

    def would_fill(self, volume: Volume) -> tuple[State, str]:
        """Say what would become of a volume, as far as it can be known before."""
        place = self._place(volume)
        if isinstance(place, str):
            return "restored", ""
        return self._there(volume, place) or ("restored", "")

    def fill(self, volume: Volume, pieces: Iterable[bytes]) -> tuple[State, str]:
        """Fill a volume that is empty, and compare.

        Raises:
            ToolError: If the node does not answer.
            ClusterError: If what comes back is damaged, or the cluster does not answer.
        """
        until(lambda: not isinstance(self._place(volume), str))
        place = self._place(volume)
        if isinstance(place, str):
            return "refused", place
        if (found := self._there(volume, place)) is not None:
            return found
        volumes.fill(self.engine, place, pieces)
        if not self._holds(place, volume):
            return "refused", "what is in the volume now is not what the archive has"
        return "restored", ""

    def _there(self, volume: Volume, place: volumes.Place) -> tuple[State, str] | None:
        """Say what is in a volume already; None where it is empty."""
        if volumes.is_empty(self.engine, place):
            return None
        return ("same", "") if self._holds(place, volume) else ("other", OTHER)

    def _holds(self, place: volumes.Place, volume: Volume) -> bool:
        """Say whether what is there is what the archive has; no more of it is read than that."""
        pour = partial(volumes.content, self.engine, place)
        there = Bounded(claim=(volume.namespace, volume.claim), most=volume.size, pour=pour)
        content = hashlib.sha256()
        try:
            for piece in there:
                content.update(piece)
        except UnreadableError:
            return False
        return content.hexdigest() == volume.sha256

    def _place(self, volume: Volume) -> volumes.Place | str:
        """Return where a claim's volume lies now; a sentence where it has none that can be filled."""
        claim = _read(self.admin, self.types[CLAIMS], volume.namespace, volume.claim)
        name = ((claim or {}).get("spec") or {}).get("volumeName")
        if not name:
            return "the claim has got no volume"
        live = _read(self.admin, self.types[VOLUMES], "", name)
        if live is None:
            return "the claim's volume is gone"
        return volumes.place_of(live, self.nodes)


def _read(client: cluster.Client, type: cluster.Type, place: str, name: str) -> Manifest | None:
    try:
        return client.request("GET", type.path(place, name))
    except cluster.ApiError as error:
        if error.status == 404:
            return None
        raise ClusterError(f"{type}/{name} cannot be read: {error.message}") from None


def until(holds: Callable[[], object]) -> None:
    """Wait for something; who waits looks afterwards whether it came."""
    deadline = time.monotonic() + SECONDS
    while not holds() and time.monotonic() < deadline:
        time.sleep(POLL)
