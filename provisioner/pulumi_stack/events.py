"""Hear from the engine what a person or the summary needs, and pass over the rest.

There are half a dozen events for every resource, and most carry the whole of it: to decode
them all takes as long as to register half of the resources.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from google.protobuf import empty_pb2
from pulumi.automation import _stack
from pulumi.runtime.proto.events_pb2_grpc import EventsServicer

Event = dict[str, Any]

_HEAD = re.compile(
    r'\{"sequence":\d+,"timestamp":\d+,"(\w+)":\{'
    r'(?:"metadata":\{"op":"([\w-]+)","urn":"([^"\\]+)")?'
)
"""Of an event as the engine writes it: its kind, and for a resource what is done to it."""


_URN = re.compile(r'"?urn:pulumi:[^\s"]+::([^\s":]+)"?')

_HANGS = ("Client.Timeout exceeded", "context deadline exceeded")
"""What the provider's library says of a request that nobody answered."""

_BREAKS = (
    "client connection lost",  # nobody answers on it any more
    "connection reset by peer",
    "server sent GOAWAY",
    "TLS handshake timeout",
    "EOF",
)
"""What it says of a connection that broke under a request."""


def take_texts() -> None:
    """Have the Automation API pass events on as they come, in this process, from now on."""
    _stack._EventsServicer = _Texts  # type: ignore[misc, assignment]


class _Texts(EventsServicer):
    """Receives the engine's events."""

    def __init__(self, on_event: Callable[[str], None]) -> None:
        self._on_event = on_event

    def StreamEvents(self, requests: Iterable[Any], _context: object) -> Any:  # noqa: ANN401, N802
        with suppress(OSError):  # nobody listens any more; the engine is to end in order
            for request in requests:
                self._on_event(request.event)
        return empty_pb2.Empty()


def read(text: str) -> Event | None:
    """Return what an event says that is of use to us; None when nothing is.

    >>> urn = "urn:pulumi:a::b::practicum:kubernetes:StudentEnvironment$kubernetes:v1:X::s1/x/y"
    >>> head = '{"sequence":1,"timestamp":2,"resOutputsEvent":{"metadata":'
    >>> read(head + '{"op":"create","urn":"' + urn + '","type":"x"}}}')
    {'event': 'done', 'student': 's1', 'operation': 'create'}
    >>> read('{"sequence":1,"timestamp":2,"resourcePreEvent":{}}')
    """
    head = _HEAD.match(text)
    kind, operation, urn = head.groups() if head else _decoded(text)
    if kind == "diagnosticEvent":
        return _complaint(json.loads(text)[kind])
    if kind == "resOutputsEvent" and urn:
        return {"event": "done", "student": student(urn), "operation": operation}
    if kind == "resOpFailedEvent" and urn:
        return {"event": "failed", "student": student(urn)}
    return None


def _decoded(text: str) -> tuple[str, str, str]:
    """Read the same from an event that an engine writes in another order."""
    event = json.loads(text)
    kind = next((name for name in event if name.endswith("Event")), "")
    metadata = event.get(kind, {}).get("metadata") or {}
    return kind, metadata.get("op", ""), metadata.get("urn", "")


def _complaint(event: Event) -> Event | None:
    if event.get("severity") != "error":
        return None
    said = str(event.get("message", "")).strip()
    told = {"event": "error", "student": student(event.get("urn") or ""), "error": plain(said)}
    return told | ({"passing": True} if any(word in said for word in _HANGS + _BREAKS) else {})


def plain(message: str) -> str:
    """Say what the engine complains of by the name that people know, and a hang as one.

    >>> urn = "urn:pulumi:a::b::practicum:kubernetes:StudentEnvironment$kubernetes:v1:X::s1/x/y"
    >>> plain(f'resource "{urn}" was not created: Patch "https://h/x": context deadline exceeded')
    's1/x/y: the cluster did not answer in time'
    >>> plain(f"resource {urn} was not created: forbidden")
    'resource s1/x/y was not created: forbidden'
    """
    told = _URN.sub(r"\1", message)
    found = _URN.search(message)
    if found and any(word in message for word in _HANGS):
        return f"{found[1]}: the cluster did not answer in time"
    return told


def student(urn: str) -> str:
    """Return whose a resource is; empty for the stack's own and the provider."""
    kind, _, name = urn.rpartition("::")
    return name.partition("/")[0] if re.search("practicum:(kubernetes|kind):", kind) else ""
