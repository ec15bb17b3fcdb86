"""Put many small questions to one API server without waiting for each answer.

A review of a right is a POST that changes nothing, and a verification asks thousands. One
request at a time costs Python a millisecond; written one after the other on a connection
(HTTP/1.1 pipelining) it is a twentieth of that. Where something on the way does not take
part, the questions are asked one by one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import urllib3

from .client import Client
from .plain import Answer, NotPlainError, head, read_answer

CONNECTIONS = 6
IN_FLIGHT = 50
"""Questions that are written before the first answer is read: a few of the socket's buffers."""

Document = dict[str, Any]


def ask_many(client: Client, path: str, bodies: Sequence[Document]) -> list[Document]:
    """POST every body to one path, and return the answers in the same order.

    Only for requests that change nothing: they may be sent twice.

    Raises:
        ApiError: If the server refuses one.
        ClusterError: If the server cannot be reached.
    """
    if not client.access.proxy:
        share = -(-len(bodies) // CONNECTIONS)
        shares = [bodies[at : at + share] for at in range(0, len(bodies), share or 1)]
        try:
            with ThreadPoolExecutor(CONNECTIONS) as pool:
                answers = list(pool.map(lambda part: _pipeline(client, path, part), shares))
            return [answer for part in answers for answer in part]
        except (OSError, ValueError, urllib3.exceptions.HTTPError):
            pass
    found = client.each(lambda body: client.request("POST", path, body=body), bodies)
    return [answer for _, answer in found]


def _pipeline(client: Client, path: str, bodies: Sequence[Document]) -> list[Document]:
    connection = client.connect()
    try:
        first = _head(client, path)
        with connection.sock.makefile("rb") as answers:
            found: list[Document] = []
            for start in range(0, len(bodies), IN_FLIGHT):
                some = bodies[start : start + IN_FLIGHT]
                connection.sock.sendall(b"".join(_request(first, body) for body in some))
                found += [_document(read_answer(answers)) for _ in some]
        return found
    finally:
        connection.close()


def _head(client: Client, path: str) -> bytes:
    headers = client.headers | {
        "Host": urlsplit(client.access.server).netloc,
        "Content-Type": "application/json",
    }
    return head("POST", path, headers)


def _request(first: bytes, body: Document) -> bytes:
    content = json.dumps(body).encode()
    return first + f"Content-Length: {len(content)}\r\n\r\n".encode() + content


def _document(answer: Answer) -> Document:
    decoded = json.loads(answer.body) if answer.status // 100 == 2 else None
    if not isinstance(decoded, dict):
        raise NotPlainError("this is not what a pipeline gives")
    return decoded
