"""A server that keeps us waiting: who asks next waits less, until it has answered again.

Every request has its limit, and a command makes many. A server whose store stands still takes
each of them and answers none, so that without this they would be waited for one after another.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from .transport import patience

AT_ONCE = 10.0
"""Seconds in which a server answers that is well."""


class Silence:
    """What we have heard of one server in this process, whoever asked. Threads may share it."""

    def __init__(self) -> None:
        self.lasts = False
        """Whether it has kept somebody waiting, and has answered nothing since."""

    def limits(self, *, asks: bool) -> dict[str, Any]:
        """Return urllib3's options for how long and how often a request is tried."""
        if self.lasts:
            return once()
        return {"retries": patience(asks=True) if asks else None}

    def note(self, seconds: float, *, answered: bool) -> None:
        """Note how a request ended, and after how long; a quick refusal says nothing of this."""
        if answered:
            self.lasts = False
        elif seconds >= AT_ONCE:
            self.lasts = True


def once() -> dict[str, Any]:
    """Return the options for a request that is tried once, for as long as a server that is well takes."""
    import urllib3

    return {"retries": False, "timeout": urllib3.Timeout(connect=AT_ONCE, read=AT_ONCE)}


@cache
def of(server: str) -> Silence:
    """Return what is known of a server: a command may open it several times."""
    return Silence()
