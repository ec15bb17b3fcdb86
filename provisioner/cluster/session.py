"""Send requests as one identity, which logs in again when its credential has ended."""

from __future__ import annotations

from typing import Any

import urllib3

from .kubeconfig import Access
from .transport import pool

UNAUTHORIZED = 401


class Session:
    """The connections of one identity to one API server. Threads may share it."""

    def __init__(
        self,
        access: Access,
        http: urllib3.PoolManager | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.access = access
        self.http = http or pool(access)
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
        connection: Any = self.http.connection_from_url(self.access.server)._new_conn()
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
        answer = self.http.request(method, url, headers=self._bearing(shown) | headers, **options)
        if answer.status != UNAUTHORIZED or shown.login is None:
            return answer
        other = shown.login.instead_of(shown)
        if other == shown:
            return answer
        answer.drain_conn()
        self._take(other)
        return self.http.request(method, url, headers=self._bearing(other) | headers, **options)

    def _now(self) -> Access:
        if self.access.login:
            self._take(self.access.login.now())
        return self.access

    def _take(self, access: Access) -> None:
        before, self.access = self.access, access
        if (access.certificate, access.key) != (before.certificate, before.key):
            self.http = pool(access)

    def _bearing(self, access: Access) -> dict[str, str]:
        token = {"Authorization": f"Bearer {access.token}"} if access.token else {}
        return self._headers | token
