"""The floor: the same requests, sent at once by one process that does nothing else.

It is given finished requests, so it neither parses YAML nor knows any kind.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any

import aiohttp

WINDOW = 32
"""Requests in flight."""

Call = Callable[[dict[str, Any]], Coroutine[Any, Any, None]]


def _trust(pki: Path) -> ssl.SSLContext:
    trust = ssl.create_default_context(cafile=pki / "ca.crt")
    trust.load_cert_chain(pki / "admin.crt", pki / "admin.key")
    return trust


async def _each(call: Call, items: Iterable[dict[str, Any]]) -> None:
    """Make a call for every item, as many at once as the window lets through."""
    window = asyncio.Semaphore(WINDOW)

    async def one(item: dict[str, Any]) -> None:
        async with window:
            await call(item)

    await asyncio.gather(*(one(item) for item in items))


async def apply(session: aiohttp.ClientSession, objects: list[dict[str, Any]]) -> None:
    """Apply objects on the server's side: namespaces first, then all others at once.

    Raises:
        aiohttp.ClientError: If the server refuses one.
    """

    async def send(item: dict[str, Any]) -> None:
        async with session.patch(
            item["path"],
            params={"fieldManager": "bench", "force": "true"},
            data=item["body"],
            headers={"Content-Type": "application/apply-patch+yaml"},
        ) as answer:
            await answer.read()

    await _each(send, [item for item in objects if item["kind"] == "Namespace"])
    await _each(send, [item for item in objects if item["kind"] != "Namespace"])


async def remove(session: aiohttp.ClientSession, objects: list[dict[str, Any]]) -> None:
    """Delete what has no namespace, and watch until the namespaces are gone.

    Raises:
        aiohttp.ClientError: If the server refuses, other than because it is gone.
    """

    async def send(item: dict[str, Any]) -> None:
        async with session.delete(item["path"], raise_for_status=False) as answer:
            if answer.status not in (200, 202, 404):
                answer.raise_for_status()

    await _each(send, [item for item in objects if not item["namespace"]])
    await _await_gone(session, {item["name"] for item in objects if item["kind"] == "Namespace"})


async def _await_gone(session: aiohttp.ClientSession, names: set[str]) -> None:
    left = names
    while left:
        async with session.get("/api/v1/namespaces") as answer:
            found = await answer.json()
        left = names & {item["metadata"]["name"] for item in found["items"]}
        if left:
            await _watch(session, left, found["metadata"]["resourceVersion"])


async def _watch(session: aiohttp.ClientSession, left: set[str], version: str) -> None:
    """Take names away as they go; ends early when the server ends the watch."""
    query = {"watch": "true", "resourceVersion": version, "timeoutSeconds": "300"}
    async with session.get("/api/v1/namespaces", params=query) as answer:
        async for line in answer.content:
            event = json.loads(line)
            if event["type"] == "DELETED":
                left.discard(event["object"]["metadata"]["name"])
            if event["type"] == "ERROR" or not left:
                return


async def _main(options: argparse.Namespace) -> None:
    objects = [item for file in options.files for item in json.loads(file.read_bytes())]
    async with aiohttp.ClientSession(
        options.server,
        connector=aiohttp.TCPConnector(limit=WINDOW, ssl=_trust(options.pki)),
        timeout=aiohttp.ClientTimeout(total=None),
        read_bufsize=2**20,  # an event is a line, and lines may be long
        raise_for_status=True,
    ) as session:
        await {"apply": apply, "remove": remove}[options.operation](session, objects)


def main() -> None:
    """Apply, or remove, the objects of some files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("operation", choices=["apply", "remove"])
    parser.add_argument("--server", required=True)
    parser.add_argument("--pki", type=Path, required=True)
    parser.add_argument("files", type=Path, nargs="+")
    asyncio.run(_main(parser.parse_args()))


if __name__ == "__main__":
    main()
