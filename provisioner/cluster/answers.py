"""Take apart what a server answered: objects, and streams of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from ..errors import ClusterError


def decoded(text: bytes, server: str) -> dict[str, Any]:
    """Decode one JSON object; a portal on the way answers with a page of its own.

    Raises:
        ClusterError: If it is none.
    """
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    if isinstance(answer, dict):
        return answer
    raise ClusterError(
        f"What answers at {server} is no Kubernetes API server.",
        hint="Check the address in the kubeconfig, and whether a proxy stands in the way.",
    )


def lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Cut a stream into lines as they come; a chunk may end anywhere."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line for line in whole if line)
