"""A proxy before the API server that counts, kills, delays, cuts and lies, as a test says.

It speaks TLS with the rehearsal's own certificate, and HTTP/1.1 with one request a
connection, so that it can tell requests apart. What it passes on, the real API server
answers. Clients show a token: a client certificate ends where the TLS does.
"""

from __future__ import annotations

import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from .listening import listening

CHANGES = {"POST", "PUT", "PATCH", "DELETE"}


@dataclass(frozen=True)
class Request:
    """One request, as it came."""

    method: str
    path: str
    agent: str
    place: int = 0
    """Its place among all, from 1."""

    number: int = 0
    """Its place among those that change something, from 1; 0 for all others."""

    @property
    def changes(self) -> bool:
        """Whether it changes something: a review or a dry run does not."""
        return self.method in CHANGES and "reviews" not in self.path and "dryRun" not in self.path


@dataclass(frozen=True)
class Fault:
    """What the proxy does instead of passing a request on and its answer back."""

    status: int = 0
    """Answer with this status, and ask nobody."""

    headers: str = ""
    hang: bool = False
    """Never answer, and keep the connection."""

    cut: bool = False
    """Close the connection without an answer."""

    half: bool = False
    """Pass half of the answer back, then close."""

    before: Callable[[], None] | None = None
    """Call this, and drop the request: nobody gets it."""

    after: Callable[[], None] | None = None
    """Pass the request on, call this, and drop the answer."""

    until: threading.Event | None = None
    """Keep the request until then, and drop it where whoever asked has gone meanwhile."""


Rule = Callable[[Request], Fault | None]


@dataclass
class Gate:
    """A rule that keeps requests of a kind: a run stands still there, for as long as a test likes.

    What waits for an answer gives up after a minute, as it does with any server.
    """

    at: Callable[[Request], bool]
    reached: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)

    def __call__(self, request: Request) -> Fault | None:
        if self.opened.is_set() or not self.at(request):
            return None
        self.reached.set()
        return Fault(until=self.opened)


@dataclass
class Proxy:
    """A proxy that is up. ``rule`` may be set at any time."""

    port: int
    rule: Rule = lambda _: None
    delay: float = 0.0
    """Seconds by which every answer comes later."""

    seen: list[Request] = field(default_factory=list)
    changes: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    ended: threading.Event = field(default_factory=threading.Event)

    def note(self, method: str, path: str, agent: str) -> Request:
        with self._lock:
            request = Request(method, path, agent, len(self.seen) + 1)
            if request.changes:
                self.changes += 1
                request = replace(request, number=self.changes)
            self.seen.append(request)
            return request

    def reset(self, rule: Rule = lambda _: None) -> None:
        """Count from 1 again, under another rule."""
        with self._lock:
            self.rule, self.changes, self.delay = rule, 0, 0.0
            self.seen.clear()


@contextmanager
def proxy(server: str, pki: Path) -> Iterator[Proxy]:
    """Run a proxy before an API server, in threads of ours."""
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(pki / "kube-apiserver.crt", pki / "kube-apiserver.key")
    ours.set_alpn_protocols(["http/1.1"])
    theirs = ssl.create_default_context(cafile=str(pki / "ca.crt"))
    address = urlsplit(server)

    def take(client: socket.socket) -> None:
        threading.Thread(target=handle, args=(client,), daemon=True).start()

    def handle(client: socket.socket) -> None:
        with suppress(OSError), client:
            client.settimeout(120)
            with ours.wrap_socket(client, server_side=True) as secure:
                _one(made, secure, lambda: _upstream(theirs, address.hostname, address.port))

    with listening(take) as port:
        made = Proxy(port)
        try:
            yield made
        finally:
            made.ended.set()


def _upstream(context: ssl.SSLContext, host: str, port: int) -> ssl.SSLSocket:
    plain = socket.create_connection((host, port), timeout=120)
    return context.wrap_socket(plain, server_hostname=host)


def _one(made: Proxy, client: ssl.SSLSocket, connect: Callable[[], ssl.SSLSocket]) -> None:
    """Handle the one request of a connection."""
    head, body = _read_request(client)
    if not head:
        return
    line, *headers = head.decode("latin-1").split("\r\n")
    method, path, _ = line.split(" ", 2)
    agent = next((h[12:] for h in headers if h.lower().startswith("user-agent: ")), "")
    fault = made.rule(made.note(method, path, agent)) or Fault()
    if fault.hang:
        made.ended.wait()
        return
    if fault.cut or (fault.until and not _kept(made, client, fault.until)):
        return
    if fault.before:
        fault.before()
        return
    if fault.status:
        client.sendall(_answer(fault))
        return
    made.ended.wait(made.delay)
    kept = [h for h in headers if not h.lower().startswith(("connection:", "transfer-encoding:"))]
    if body and not any(h.lower().startswith("content-length:") for h in kept):
        kept.append(f"Content-Length: {len(body)}")
    text = "\r\n".join([line, *kept, "Connection: close"]) + "\r\n\r\n"
    with connect() as server:
        server.sendall(text.encode("latin-1") + body)
        _pass_back(server, client, fault)


def _kept(made: Proxy, client: ssl.SSLSocket, until: threading.Event) -> bool:
    """Keep a request until then; says whether somebody still waits for its answer."""
    while not until.wait(0.05):
        if made.ended.is_set() or _has_gone(client):
            return False
    return not _has_gone(client)


def _has_gone(client: ssl.SSLSocket) -> bool:
    """Whoever waits for an answer sends nothing: what comes is the end of the connection."""
    return bool(select.select([client], [], [], 0)[0])


def _pass_back(server: ssl.SSLSocket, client: ssl.SSLSocket, fault: Fault) -> None:
    if fault.after or fault.half:
        answer = b"".join(iter(lambda: _received(server), b""))
        if fault.after:
            fault.after()
        else:
            client.sendall(answer[: len(answer) // 2])
        return
    while chunk := _received(server):
        client.sendall(chunk)


def _received(sock: ssl.SSLSocket) -> bytes:
    try:
        return sock.recv(65536)
    except (TimeoutError, ssl.SSLError, OSError):
        return b""


def _answer(fault: Fault) -> bytes:
    body = b'{"kind":"Status","status":"Failure","message":"the fault that a test asked for"}'
    head = (
        f"HTTP/1.1 {fault.status} Fault\r\nContent-Type: application/json\r\n{fault.headers}"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


def _read_request(client: ssl.SSLSocket) -> tuple[bytes, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = _received(client)
        if not chunk:
            return b"", b""
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    lowered = head.lower()
    if b"transfer-encoding: chunked" in lowered:
        while not body.endswith(b"0\r\n\r\n"):
            body += _received(client)
        return head, _unchunked(body)
    length = 0
    for line in lowered.split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    while len(body) < length:
        body += client.recv(length - len(body))
    return head, body


def _unchunked(body: bytes) -> bytes:
    whole = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        count = int(size, 16)
        whole += body[:count]
        body = body[count + 2 :]
        if count == 0:
            break
    return whole
