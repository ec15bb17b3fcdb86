"""Follow engines, by looking again."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a command pays for no other's modules
    from .reading import ClustersReading

LOOK = 5.0
"""Seconds between two looks at the engines: a look takes each of them half a second."""


class Looks:
    """Says now and then that something may have changed: an engine has no watch of networks."""

    def begin(self, reading: ClustersReading) -> None:
        """Need nothing of it."""

    def wait(self, seconds: float | None) -> bool:
        """Wait until the next look is due."""
        threading.Event().wait(LOOK if seconds is None else min(LOOK, seconds))
        return True
