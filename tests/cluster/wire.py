"""A wire to the API server on which connections can stand still: nothing arrives, nothing ends.

It passes bytes on and does not look into them, so TLS and HTTP/2 are those of client and
server. What a proxy of requests (``faults.py``) cannot show is shown here: many requests
share a connection, and all of them wait.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from .listening import listening

H2 = b"\x02h2\x08http/1.1"
"""What Go's clients offer in the first bytes of TLS, and ours do not."""

ASKED = 12_000
"""Bytes with which a provider has asked all that it asks first, and made a few objects."""


@dataclass
class Connection:
    """One connection, with both of its ends."""

    client: socket.socket
    server: socket.socket
    hello: bytes = b""
    """The first bytes of the client."""

    sent: int = 0
    """Bytes of the client so far."""

    held: bool = False

    @property
    def of_provider(self) -> bool:
        """Whether Pulumi's provider opened it."""
        return H2 in self.hello


Rule = Callable[[Connection], bool]
"""Asked whenever a client has sent something: whether its connection stands still from now on."""


@dataclass
class Wire:
    """A wire that is up. ``rule`` may be set at any time."""

    port: int
    rule: Rule = lambda _: False
    connections: list[Connection] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def held(self) -> list[Connection]:
        """The connections that stand still."""
        return [one for one in self.connections if one.held]

    def reset(self) -> None:
        """Hold nothing more, and end what stood still."""
        self.rule = lambda _: False
        before, self.connections = self.connections, []
        for one in before:
            _close(one)

    def decide(self, connection: Connection) -> bool:
        """Say whether a connection stands still now; one that does, does so for good."""
        with self._lock:
            connection.held = connection.held or self.rule(connection)
            return connection.held


def amid_changes(wire: Wire, place: int) -> Rule:
    """Hold the one connection of a provider while it changes things: before, it asks little.

    Args:
        wire: Where it passes.
        place: Which provider of a run: 1 is that of what all students share, 2 of a wave.
    """

    def rule(one: Connection) -> bool:
        providers = [other for other in wire.connections if other.of_provider]
        is_it = len(providers) == place and providers[-1] is one
        return is_it and not wire.held and one.sent > ASKED

    return rule


@contextmanager
def wire(server: str) -> Iterator[Wire]:
    """Lay a wire to an API server, in threads of ours."""
    address = urlsplit(server)

    def take(client: socket.socket) -> None:
        upstream = socket.create_connection((address.hostname, address.port), timeout=60)
        upstream.settimeout(None)
        connection = Connection(client, upstream)
        made.connections.append(connection)
        for carry in (_there, _back):
            threading.Thread(target=carry, args=(made, connection), daemon=True).start()

    with listening(take) as port:
        made = Wire(port)
        try:
            yield made
        finally:
            made.ended.set()
    for one in made.connections:
        _close(one)


def _there(made: Wire, one: Connection) -> None:
    with _until_it_ends(one):
        while piece := one.client.recv(1 << 16):
            one.hello = (one.hello + piece)[:4096]
            one.sent += len(piece)
            if made.decide(one):
                made.ended.wait()
            one.server.sendall(piece)


def _back(made: Wire, one: Connection) -> None:
    with _until_it_ends(one):
        while piece := one.server.recv(1 << 16):
            if one.held:
                made.ended.wait()
            one.client.sendall(piece)


@contextmanager
def _until_it_ends(one: Connection) -> Iterator[None]:
    """Whoever ends a connection, ends it on both sides, unless it stands still."""
    with suppress(OSError):
        yield
    if not one.held:
        _close(one)


def _close(one: Connection) -> None:
    for end in (one.client, one.server):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
