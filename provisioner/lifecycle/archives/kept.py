"""What a run kept of the students' work, and what it could not."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Archive:
    """One student's archive, which was read back and is whole."""

    id: str
    path: Path
    sha256: str
    size: int
    """Bytes."""

    objects: int
    claims: tuple[str, ...] = ()
    """Volumes whose content is not included."""

    copy: Path | None = None
    """The student's own, which opens with the student's key."""

    copy_sha256: str = ""
    no_copy: str = ""
    """Why the student has no copy."""

    volumes: int = 0
    """Volumes whose content is included."""

    lists: int = 0
    """Requests that it took, beside those for all students together."""

    def to_json(self) -> dict[str, Any]:
        """Return what receipts and ``--json`` say of it."""
        return {
            "id": self.id,
            "path": str(self.path),
            "sha256": self.sha256,
            "bytes": self.size,
            "objects": self.objects,
            "volumes": self.volumes,
            "volumes_not_included": list(self.claims),
            "copy": str(self.copy) if self.copy else None,
            "copy_sha256": self.copy_sha256 or None,
            "no_copy": self.no_copy or None,
            "requests": self.lists,
        }


@dataclass(frozen=True, kw_only=True)
class Archived:
    """What a run archived, and whose work it could not."""

    cohort: str
    folder: Path = Path()
    made: tuple[Archive, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)
    """Why, by the student's name in the cluster."""

    failed_ids: Mapping[str, str] = field(default_factory=dict)
    """The same, by id."""

    shared_requests: int = 0
    """Requests for all students together."""

    def to_json(self) -> dict[str, Any]:
        """Return what ``archive make --json`` prints."""
        return {
            "cohort": self.cohort,
            "archives": [one.to_json() for one in self.made],
            "failed": [{"id": id, "error": why} for id, why in sorted(self.failed_ids.items())],
            "shared_requests": self.shared_requests,
        }


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file, in hex.

    Raises:
        OSError: If it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
