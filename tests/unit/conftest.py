"""Cohorts to render, and a small server on loopback for faults that a real one does not show."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from provisioner.cluster import Access, Client
from provisioner.cohort import Cohort

from ..sample import cohort
from .rendering import SETTINGS


@dataclass
class Asked:
    """One request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    time: float = field(default_factory=time.monotonic)


@dataclass
class Answer:
    """What is sent back: in these chunks, or whole."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    chunks: list[bytes] | None = None
    cut: bool = False
    """Break the connection instead of ending the answer."""

    held: threading.Event | None = None
    """Keep the client waiting until then."""

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass
class Server:
    """Answers each request with the next answer of its method; the last one stays."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    answers: dict[str, list[Answer]] = field(default_factory=dict)

    def will(self, method: str, *answers: Answer) -> None:
        self.answers[method] = list(answers)

    def next(self, method: str) -> Answer:
        waiting = self.answers[method]
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits 40 ms for the one before it
    server: Any

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        asked = Asked(self.command, self.path, dict(self.headers), body)
        self.server.behaviour.asked.append(asked)
        answer = self.server.behaviour.next(self.command)
        if answer.held:
            answer.held.wait(30)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.chunks is None:
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)
        else:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for chunk in answer.chunks:
                self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
                self.wfile.flush()
            if not answer.cut:
                self.wfile.write(b"0\r\n\r\n")
        self.close_connection = answer.cut

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = _serve  # noqa: N815  (http.server's)

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""


class _Http(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet of a client that hangs up in the middle, as some tests have it do."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@pytest.fixture(scope="session")
def http() -> Iterator[ThreadingHTTPServer]:
    with _Http(("127.0.0.1", 0), _Handler) as http:
        http.daemon_threads = True
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        yield http
        http.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def shared_client(http: ThreadingHTTPServer) -> Iterator[Client]:
    """One for all tests: reading the system's authorities takes a tenth of a second."""
    url = f"http://127.0.0.1:{http.server_port}"
    client = Client(Access(server=url, ca="", token="canary-token"))
    yield client
    client._session.connections.pool.clear()  # else its connections are closed with a warning


@pytest.fixture
def server(http: Any, shared_client: Client) -> Server:
    http.behaviour = Server(url=shared_client.access.server)
    return http.behaviour


@pytest.fixture
def client(server: Server, shared_client: Client) -> Client:
    return shared_client


@pytest.fixture(params=SETTINGS.values(), ids=SETTINGS.keys())
def course(request: pytest.FixtureRequest) -> Cohort:
    """A cohort of each kind that is rendered in another way."""
    return cohort(**request.param)
