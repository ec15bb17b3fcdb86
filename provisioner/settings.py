"""Where things are: the folders and the state backend that every command shares."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What people choose once, by option or environment, for all commands."""

    stacks: Path
    """Holds ``<cohort>/cohort.yaml``: what people write, kept in git."""

    home: Path
    """Holds state, hand-outs, receipts and the rehearsal: what Practicum writes."""

    state: str = ""
    """A Pulumi backend URL; empty for files below ``home``."""

    @property
    def state_url(self) -> str:
        """The backend URL, with its default filled in."""
        return self.state or f"file://{(self.home / 'state').resolve()}"
