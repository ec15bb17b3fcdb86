"""How much is read of a server that may be anything: bytes of an answer, of all of them, and time.

It is counted where bytes come in, so also for headers, for what is skipped before a request is
sent again, and for the length of a chunk, which libraries read to the end of its line.
"""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from ..errors import ClusterError

ANSWER = 32 << 20
"""Bytes of one answer: a page of the largest objects that Kubernetes takes fits in."""

IN_ALL = 16 << 30
"""Bytes of all answers of one run; a cluster's store holds 2 GiB."""

SECONDS = 120.0
"""In which an answer must have come, however slowly it drips."""


@dataclass
class Allowance:
    """What may still be read of one server, whatever the connection."""

    rest: int


class _Metered(io.RawIOBase):
    """One answer, as its bytes come in."""

    def __init__(self, raw: io.RawIOBase, allowance: Allowance) -> None:
        self._raw, self._allowance = raw, allowance
        self._size, self._until = 0, time.monotonic() + SECONDS

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401  (typeshed hides the type)
        count = self._raw.readinto(buffer)
        self._size += count or 0
        self._allowance.rest -= count or 0
        if self._size > ANSWER or self._allowance.rest < 0:
            raise ClusterError("its cluster answers more than anybody reads")
        if time.monotonic() > self._until:
            raise ClusterError(f"its cluster took longer than {SECONDS:g} s for one answer")
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


def bound(pool: urllib3.PoolManager) -> None:
    """Let a pool that has no connections yet read no more than that."""
    allowance = Allowance(IN_ALL)

    class Response(HTTPResponse):
        def __init__(self, *given: Any, **named: Any) -> None:  # noqa: ANN401
            super().__init__(*given, **named)
            raw: Any = self.fp.detach()
            self.fp = io.BufferedReader(_Metered(raw, allowance))

    class Plain(urllib3.HTTPConnectionPool):
        ConnectionCls = type("Connection", (HTTPConnection,), {"response_class": Response})

    class Secure(urllib3.HTTPSConnectionPool):
        ConnectionCls = type("Connection", (HTTPSConnection,), {"response_class": Response})

    pool.pool_classes_by_scheme = {"http": Plain, "https": Secure}
