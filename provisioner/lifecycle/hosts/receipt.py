"""What `hosts down` tells and keeps: what each host had, and whether all of it is gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ...errors import LockedError, PartialError, ProofError


@dataclass(frozen=True, kw_only=True)
class HostReceipt:
    """What one host had, and what it has now."""

    name: str
    state: str
    removed: tuple[str, ...] = ()
    remaining: tuple[str, ...] = ()
    """What is left, or could not be looked for."""

    held: bool = False
    """Whether another operator's run holds it, so that nothing was done."""

    @property
    def proved(self) -> bool:
        """Whether the host was searched and nothing is left."""
        return not self.remaining


@dataclass(frozen=True, kw_only=True)
class HostsReceipt:
    """The proof for all hosts that a command was about."""

    cohort: str
    time: datetime
    hosts: tuple[HostReceipt, ...]
    archives: tuple[Mapping[str, Any], ...] = ()
    not_archived: tuple[tuple[str, str], ...] = ()
    """Students, by id, whose home could not be kept and so is still there."""

    troubles: tuple[str, ...] = ()
    path: Path | None = None

    @property
    def proved(self) -> bool:
        """Whether every host was searched and nothing is left."""
        return all(host.proved for host in self.hosts) and not self.not_archived

    @property
    def exit_code(self) -> int:
        """What a script is told: 6 where some hosts are clean, 9 or 8 where none is."""
        if self.proved:
            return 0
        if any(host.proved for host in self.hosts) or self.not_archived:
            return PartialError.exit_code
        held = any(host.held for host in self.hosts)
        return LockedError.exit_code if held else ProofError.exit_code

    def to_json(self) -> dict[str, Any]:
        """Return the receipt as JSON data."""
        return {
            "cohort": self.cohort,
            "proved": self.proved,
            "hosts": [
                {
                    "name": host.name,
                    "state": host.state,
                    "removed": list(host.removed),
                    "remaining": list(host.remaining),
                }
                for host in self.hosts
            ],
            "archives": [dict(one) for one in self.archives],
            "not_archived": [{"id": id, "error": why} for id, why in self.not_archived],
            "troubles": list(self.troubles),
            "time": self.time.isoformat(timespec="seconds"),
        }
