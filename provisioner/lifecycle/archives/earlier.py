"""The archives that earlier runs made: of leavers in mid-term, and of a `down` that was cut off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...settings import Settings
from .kept import Archived, sha256_of
from .one_archive import SUFFIX, folder_of


@dataclass(frozen=True, kw_only=True)
class KeptFile:
    """An archive as it lies on this machine; its key is not at hand, so it was not opened."""

    path: Path
    sha256: str | None
    """None where it cannot be read."""

    size: int
    """Bytes."""

    def to_json(self) -> dict[str, Any]:
        """Return what the receipt says of it."""
        return {"path": str(self.path), "sha256": self.sha256, "bytes": self.size}


def earlier(settings: Settings, now: Archived) -> Iterator[KeptFile]:
    """Yield a cohort's archives that this run did not make, by name."""
    made = {one.path for one in now.made}
    for path in sorted(folder_of(settings, now.cohort).glob(f"*{SUFFIX}")):
        if path not in made and not path.name.startswith("."):
            yield _as_it_lies(path)


def _as_it_lies(path: Path) -> KeptFile:
    """Look at a file; one that cannot be read keeps no receipt from being written."""
    try:
        return KeptFile(path=path, sha256=sha256_of(path), size=path.stat().st_size)
    except OSError:
        return KeptFile(path=path, sha256=None, size=0)
