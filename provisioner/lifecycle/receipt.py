"""What `down` tells and keeps: what went, what was kept, and whether all of it is gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from ..errors import PartialError, ProofError
from .archives.archiving import Archived
from .archives.earlier import KeptFile
from .hosts.receipt import HostsReceipt


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What the proof went through, and what it found."""

    cohort: str
    server: str
    cluster: str
    """UID of the cluster's kube-system namespace."""

    version: str
    time: datetime
    removed: int
    """Environments that this run deleted."""

    what: str = "namespace"
    """What an environment is."""

    searched: Mapping[str, int]
    remaining: tuple[str, ...]
    unlisted: tuple[str, ...] = ()
    troubles: tuple[str, ...] = field(default=())
    """What went wrong on the way; the proof is about what is left."""

    tokens: int = 0
    """How many accounts' tokens were tried, taken before the accounts went."""

    archived: Archived
    """What was kept of the students' work, and whose could not be."""

    earlier: tuple[KeptFile, ...] = ()
    """What earlier runs had kept: the rest of what there is to hand over, or to delete."""

    hosts: HostsReceipt | None = None
    """The same of the lab hosts, where the cohort has accounts on any."""

    path: Path | None = None
    """Where the receipt was written."""

    @property
    def proved(self) -> bool:
        """Whether everything was searched and nothing is left."""
        hosts = self.hosts is None or self.hosts.proved
        return hosts and not (self.remaining or self.unlisted or self.archived.failed)

    @property
    def exit_code(self) -> int:
        """What a script is told: 6 where students were spared, 8 where something is left."""
        if self.proved:
            return 0
        return PartialError.exit_code if self.archived.failed else ProofError.exit_code

    def to_json(self) -> dict[str, Any]:
        """Return the receipt as JSON data."""
        return {
            "cohort": self.cohort,
            "proved": self.proved,
            "searched": dict(self.searched),
            "remaining": [*self.remaining, *(f"not searched: {kind}" for kind in self.unlisted)],
            "server": self.server,
            "cluster": self.cluster,
            "version": self.version,
            "removed": self.removed,
            "troubles": list(self.troubles),
            "tokens_tried": self.tokens,
            "archives": self.archived.to_json()["archives"],
            "earlier_archives": [one.to_json() for one in self.earlier],
            "not_archived": self.archived.to_json()["failed"],
            "hosts": self.hosts.to_json() if self.hosts else None,
            "time": self.time.isoformat(timespec="seconds"),
        }
