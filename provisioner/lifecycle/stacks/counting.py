"""Count who is done while waves are brought up."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ...plan import Part
from ...pulumi_stack import Job
from ..progress import Progress


class Count:
    """Tells of a student when the engine is done with all of their resources."""

    def __init__(self, waves: dict[int | str, list[Part]], progress: Progress) -> None:
        parts = [part for members in waves.values() for part in members]
        self._left = Counter({part.name: len(part.wanted) + 1 for part in parts})
        self._progress = progress

    def __call__(self, _job: Job, event: dict[str, Any]) -> None:
        """Hear what a worker tells."""
        student = event.get("student", "")
        if event["event"] in ("done", "failed") and student in self._left:
            self._left[student] -= 1
            if self._left[student] == 0:
                self._progress.advance(student)
