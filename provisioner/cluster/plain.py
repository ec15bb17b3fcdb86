"""HTTP as it is where all goes well: one question and one answer at a time, over sockets of ours.

urllib3 asks again, goes through proxies, and says what is wrong. To import it takes as long as
the lists of a cohort take to come, so a `plan` of a cluster that is well does without it.
"""

from __future__ import annotations

import socket
import ssl
import weakref
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import IO, NamedTuple
from urllib.parse import urlsplit

from .kubeconfig import Access

SECONDS = 5.0
"""Silence after which it does not go well."""

PACKED = {"Accept-Encoding": "gzip"}
"""How we ask, as kubectl does: lists say the same over and over, and are a sixteenth then. To
unpack them takes less than to decrypt and read all of it."""

GZIP = 31
"""zlib's number for a stream with gzip's header and checksum."""

MOST = 1 << 16
"""Bytes of a line."""


class NotPlainError(ValueError):
    """What is said is not what a server says that is well."""


class Answer(NamedTuple):
    """What a server said."""

    status: int
    headers: Mapping[bytes, bytes]
    """By name, in lower case."""

    body: bytes


class _Line(NamedTuple):
    """An open connection."""

    socket: socket.socket
    stream: IO[bytes]

    def close(self) -> None:
        self.stream.close()
        self.socket.close()


class Plain:
    """A few connections to one API server. Threads may share them."""

    def __init__(self, access: Access, tls: ssl.SSLContext) -> None:
        self._server, self._tls = access.server, tls
        self._goes_well = not (access.proxy or access.server_name or access.bounded)
        self._idle: list[_Line] = []
        weakref.finalize(self, _close, self._idle)

    def get(self, path: str, headers: Mapping[str, str]) -> bytes:
        """Return the body of an answer of 200.

        Nothing where anything else comes of it: the caller then asks in the careful way. Where
        it was the connection, so is everything from then on.
        """
        if not self._goes_well:
            return b""
        try:
            return self._ask(path, headers)
        except (OSError, ValueError):
            self._goes_well = False
            return b""

    def _ask(self, path: str, headers: Mapping[str, str]) -> bytes:
        server = urlsplit(self._server)
        asked = head("GET", server.path + path, {"Host": server.netloc, **PACKED, **headers})
        line = self._take()
        try:
            line.socket.sendall(asked + b"\r\n")
            answer = read_answer(line.stream)
        except BaseException:
            line.close()
            raise
        if answer.headers.get(b"connection", b"").lower() == b"close":
            line.close()
        else:
            self._idle.append(line)
        return _unpacked(answer) if answer.status == 200 else b""

    def _take(self) -> _Line:
        with suppress(IndexError):
            return self._idle.pop()
        server = urlsplit(self._server)
        if server.scheme not in ("http", "https") or not server.hostname or "@" in server.netloc:
            raise NotPlainError("this is no address of an API server")
        port = server.port or {"http": 80, "https": 443}[server.scheme]
        opened = socket.create_connection((server.hostname, port), SECONDS)
        try:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if server.scheme == "https":
                opened = self._tls.wrap_socket(opened, server_hostname=server.hostname)
        except BaseException:
            opened.close()
            raise
        return _Line(opened, opened.makefile("rb"))


def _close(lines: list[_Line]) -> None:
    for line in lines:
        line.close()


def _unpacked(answer: Answer) -> bytes:
    """Return the body as it was before it was packed.

    Raises:
        NotPlainError: If it is damaged, or packed in another way than we asked for.
    """
    if b"content-encoding" not in answer.headers:
        return answer.body
    try:
        return zlib.decompress(answer.body, GZIP)
    except zlib.error:
        raise NotPlainError("the answer cannot be unpacked") from None


def head(method: str, path: str, headers: Mapping[str, str]) -> bytes:
    """Return the first lines of a request; one that is empty is to follow.

    Raises:
        NotPlainError: If one of them would be two.
    """
    lines = [f"{method} {path} HTTP/1.1", *(f"{key}: {value}" for key, value in headers.items())]
    if any("\r" in line or "\n" in line for line in lines):
        raise NotPlainError("there is a line end in a header")
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1")


def read_answer(stream: IO[bytes]) -> Answer:
    """Read one answer, whole.

    Raises:
        OSError: If the connection breaks.
        ValueError: If it is cut off, or none that says where it ends.
    """
    version, _, status = stream.readline(MOST).partition(b" ")
    if version != b"HTTP/1.1":
        raise NotPlainError("this is no answer")
    headers = {}
    while line := stream.readline(MOST).strip():
        name, _, value = line.partition(b":")
        headers[name.lower()] = value.strip()
    if headers.get(b"transfer-encoding") == b"chunked":
        body = b"".join(_chunks(stream))
    else:
        body = _exactly(stream, int(headers.get(b"content-length", b"none")))
    return Answer(int(status[:3]), headers, body)


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    while size := int(stream.readline(MOST), 16):
        yield _exactly(stream, size)
        stream.readline(MOST)
    while stream.readline(MOST).strip():  # what a server adds at the end
        pass


def _exactly(stream: IO[bytes], size: int) -> bytes:
    if size < 0:
        raise NotPlainError("this is no size")
    body = stream.read(size)
    if len(body) < size:
        raise NotPlainError("the answer was cut off")
    return body
