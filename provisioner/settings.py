"""Where things are: the folders and the state backend that every command shares."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

SCHEME = "file://"
SCHEMES = (SCHEME, "s3://", "gs://", "azblob://", "https://", "http://")
"""How an address begins under which Pulumi keeps a state."""


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
        """The backend URL, with its default filled in, and the whole path of a folder.

        Pulumi knows ``~`` and where it was started, and we are to look in the same folder.
        """
        if not self.state.startswith(SCHEME):
            return self.state or f"{SCHEME}{(self.home / 'state').resolve()}"
        folder = os.path.expanduser(self.state.removeprefix(SCHEME))  # noqa: PTH111  (never fails)
        return f"{SCHEME}{Path(folder).absolute()}"
