"""What a long run tells while it goes on; the command decides how that looks."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told of steps and of single students. Called from several threads."""

    def step(self, text: str, total: int = 0) -> None:
        """Begin a step that concerns ``total`` students."""

    def advance(self, student: str) -> None:
        """Say that a student is done with the present step."""

    def doing(self, who: str, what: str) -> None:
        """Say what a host is at now."""

    def say(self, text: str) -> None:
        """Tell something that stands by itself."""


class Silent:
    """Tells nobody."""

    def step(self, text: str, total: int = 0) -> None:
        """Pass over it."""

    def advance(self, student: str) -> None:
        """Pass over it."""

    def doing(self, who: str, what: str) -> None:
        """Pass over it."""

    def say(self, text: str) -> None:
        """Pass over it."""
