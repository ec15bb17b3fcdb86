"""Tell a lock that a dead run left in Pulumi's state from one that is held.

A lock of Pulumi's own backends has no end: it names process, host and time, and stays
when its process is killed. Only a lock of this machine can be looked into.
"""

from __future__ import annotations

import json
import re
import socket
from dataclasses import dataclass
from datetime import datetime

from .. import shell

_HOLDER = re.compile(r"created by \S+@(\S+) \(pid (\d+)\) at (\S+)")


@dataclass(frozen=True, kw_only=True)
class Holder:
    """Who holds a stack, as Pulumi tells it."""

    host: str
    pid: int
    since: datetime

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.since.isoformat()}"


def holders(message: str) -> list[Holder]:
    """Read the holders out of Pulumi's refusal.

    >>> text = "x.json: created by ops@vm (pid 12) at 2026-11-23T09:00:00Z"
    >>> [str(holder) for holder in holders(text)]
    ['process 12 on vm, since 2026-11-23T09:00:00+00:00']
    """
    return [
        Holder(host=host, pid=int(pid), since=datetime.fromisoformat(since))
        for host, pid, since in _HOLDER.findall(message)
    ]


def is_garbled(content: bytes) -> bool:
    """Say whether a lock file names nobody: it is empty, cut off, or no lock.

    >>> is_garbled(b""), is_garbled(b'{"pid": 12, "hostname": "vm"}')
    (True, False)
    """
    try:
        lock = json.loads(content)
    except ValueError:
        return True
    return not (isinstance(lock, dict) and lock.get("pid") and lock.get("hostname"))


def all_dead(found: list[Holder]) -> bool:
    """Say whether nobody holds the stack any more; in doubt, somebody does."""
    return bool(found) and all(_is_dead(holder) for holder in found)


def _is_dead(holder: Holder) -> bool:
    here = holder.host == socket.gethostname()
    return here and not shell.lives(holder.pid, by=holder.since.timestamp())
