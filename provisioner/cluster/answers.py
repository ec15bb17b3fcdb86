"""What an API server answers: JSON, lines of it, and refusals with a reason."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from ..errors import ClusterError

UNAUTHORIZED = 401


class ApiError(ClusterError):
    """An answer of the API server other than 2xx.

    Attributes:
        status: The HTTP status.
        reason: The machine's word for it, such as ``NotFound`` or ``Forbidden``.
        message: The server's sentence.
    """

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(
            message,
            hint="With this the cluster refused a request. Run the same command again; if it"
            " stays, see what is amiss with: practicum doctor",
        )
        self.status = status
        self.reason = reason

    def __str__(self) -> str:
        return f"{' '.join(self.message.split())} ({self.status} {self.reason})"


class NotKnownError(ClusterError):
    """The server does not accept the credential that was shown, or the lack of one."""


def decoded(text: bytes, server: str) -> dict[str, Any]:
    """Decode one JSON object; a portal on the way answers with a page of its own.

    Raises:
        ClusterError: If it is none.
    """
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if isinstance(found, dict):
        return found
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


def unreachable(server: str, error: Exception) -> ClusterError:
    """Say in one line why a server did not answer."""
    reason = getattr(error, "reason", error)
    text = str(reason).rsplit(": ", 1)[-1]
    return ClusterError(
        f"The cluster at {server} cannot be reached: {text}.",
        hint="Check that it runs and that the kubeconfig is right: practicum doctor",
    )


def refusal(status: int, data: bytes, server: str) -> Exception:
    """Return the error for an answer that is a refusal, whatever its body."""
    try:
        found = json.loads(data)
    except ValueError:
        found = None
    answer = found if isinstance(found, dict) else {}
    message = str(answer.get("message") or "no explanation")
    if status == UNAUTHORIZED:
        return NotKnownError(
            f"The cluster at {server} does not accept our credential (it may have expired).",
            hint="Log in again, or fetch a fresh kubeconfig.",
        )
    return ApiError(status, str(answer.get("reason") or status), message)
