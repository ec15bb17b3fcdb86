"""Send requests as one identity, which logs in again when its credential has ended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from . import silence
from .answers import UNAUTHORIZED
from .kubeconfig import Access
from .transport import Connections

if TYPE_CHECKING:
    import urllib3

INTERNAL = 500
"""From here on a status says that the server, or what is before it, could not do it."""


class Session:
    """The connections of one identity to one API server. Threads may share it."""

    def __init__(
        self,
        access: Access,
        connections: Connections | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.access = access
        self.connections = connections or Connections(access)
        self.silence = silence.of(access.server)
        self._headers = {"Accept": "application/json", "User-Agent": "practicum", **(headers or {})}

    @property
    def headers(self) -> dict[str, str]:
        """What every request carries; holds the token, so never to be shown."""
        return self._bearing(self._now())

    def connect(self) -> Any:  # noqa: ANN401  (urllib3 has no name for it)
        """Open a connection of its own, which the caller closes.

        Raises:
            urllib3.exceptions.HTTPError: If the server cannot be reached.
        """
        connection: Any = self.connections.pool.connection_from_url(self.access.server)._new_conn()
        connection.connect()
        return connection

    def send(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        **options: Any,  # noqa: ANN401  (urllib3's)
    ) -> urllib3.BaseHTTPResponse:
        """Send a request, and once more where our credential had ended and there is another.

        Raises:
            ClusterError: If it has ended, and nobody can log in.
            urllib3.exceptions.HTTPError: If the server cannot be reached.
        """
        shown = self._now()
        answer = self._send(method, url, shown, headers, **options)
        if answer.status != UNAUTHORIZED or shown.login is None:
            return answer
        other = shown.login.instead_of(shown)
        if other == shown:
            return answer
        answer.drain_conn()
        self._take(other)
        return self._send(method, url, other, headers, **options)

    def _send(
        self,
        method: str,
        url: str,
        access: Access,
        headers: dict[str, str],
        **options: Any,  # noqa: ANN401  (urllib3's)
    ) -> urllib3.BaseHTTPResponse:
        headers = self._bearing(access) | headers
        began, answered = time.monotonic(), False
        try:
            answer = self.connections.pool.request(method, url, headers=headers, **options)
            answered = answer.status < INTERNAL
        finally:
            self.silence.note(time.monotonic() - began, answered=answered)
        return answer

    def get(self, path: str, accept: str) -> bytes:
        """Return the body of an answer of 200 to a plain question; nothing of any other."""
        return self.connections.plain.get(path, self.headers | {"Accept": accept})

    def _now(self) -> Access:
        if self.access.login:
            self._take(self.access.login.now())
        return self.access

    def _take(self, access: Access) -> None:
        before, self.access = self.access, access
        if (access.certificate, access.key) != (before.certificate, before.key):
            self.connections = Connections(access)

    def _bearing(self, access: Access) -> dict[str, str]:
        token = {"Authorization": f"Bearer {access.token}"} if access.token else {}
        return self._headers | token
