"""What became of each object of an archive that was brought back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from ...archive import Contents

State = Literal["restored", "same", "other", "refused", "skipped"]

NOT_ALL: tuple[State, ...] = ("other", "refused")
"""What a restore that is whole has none of."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """One object of an archive, and what became of it."""

    type: str
    name: str
    state: State
    why: str = ""

    def to_json(self) -> dict[str, str]:
        """Return what ``archive restore --json`` says of it."""
        return {"type": self.type, "name": self.name, "state": self.state, "why": self.why}


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What a restore did, or would do."""

    cohort: str
    student: str
    namespace: str
    contents: Contents
    results: tuple[Result, ...]
    dry_run: bool

    @property
    def partial(self) -> bool:
        """Whether something of the student's did not come back."""
        return any(result.state in NOT_ALL for result in self.results)

    def to_json(self) -> dict[str, Any]:
        """Return what ``archive restore --json`` prints."""
        return {
            "cohort": self.cohort,
            "student": self.student,
            "namespace": self.namespace,
            "archived": self.contents.about.time,
            "dry_run": self.dry_run,
            "objects": [result.to_json() for result in self.results],
        }
