"""Talk HTTP to one API server: JSON in, JSON out, pages, watches, errors with a reason.

Why not the official client for this: importing it takes longer than the whole read
that ``plan`` does, and its models decode what we compare as plain data.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from ..errors import ClusterError
from .answers import decoded, lines, refusal, unreachable
from .kubeconfig import Access
from .session import Session
from .silence import once
from .transport import PASSING, SECONDS, WORKERS, Connections

if TYPE_CHECKING:  # a list that comes as it should needs nothing of it
    import urllib3

PAGE = 500
"""Objects a LIST asks for at once, as kubectl does."""

FEW = 20
"""The same of a server whose answers are bounded: as many as fit, be each as large as may be."""

REVIEWS = ("/apis/authentication.k8s.io/", "/apis/authorization.k8s.io/")
"""API groups in which a POST makes nothing: it asks who somebody is, and what they may do."""

METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

Given = TypeVar("Given")
Result = TypeVar("Result")


class Client:
    """One API server, as one identity. Threads may share it."""

    def __init__(
        self,
        access: Access,
        connections: Connections | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        self._session = Session(access, connections, headers)

    @property
    def access(self) -> Access:
        """How we reach the server now."""
        return self._session.access

    def bearing(self, token: str) -> Client:
        """Return a client that shows a token in place of our credential, or nothing at all.

        The connections are not ours: a client certificate would outrank the token.
        """
        ours = self.access.certificate or self.access.key
        bare = replace(self.access, certificate=b"", key=b"", token=token, login=None)
        return Client(bare, None if ours else self._session.connections)

    def impersonating(self, user: str) -> Client:
        """Return a client that asks the server to take us for a user, of no other group."""
        # A header is bytes, and an address may be in any script.
        name = user.encode().decode("latin-1")
        return Client(self.access, self._session.connections, {"Impersonate-User": name})

    @property
    def page(self) -> int:
        """How many objects a LIST asks for at once."""
        return FEW if self.access.bounded else PAGE

    @property
    def headers(self) -> dict[str, str]:
        """What every request carries; holds the token, so never to be shown."""
        return self._session.headers

    def connect(self) -> Any:  # noqa: ANN401  (urllib3 has no name for it)
        """Open a connection of its own, which the caller closes.

        Raises:
            urllib3.exceptions.HTTPError: If the server cannot be reached.
        """
        return self._session.connect()

    def request(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        query: dict[str, str] | None = None,
        content: str = "application/json",
        accept: str = "application/json",
    ) -> dict[str, Any]:
        """Send one request and return the decoded answer.

        Raises:
            ApiError: If the server answers with an error.
            ClusterError: If the server cannot be reached, or does not know us.
        """
        answer = self._send(method, path, body, query, {"Content-Type": content, "Accept": accept})
        if answer.status >= 400:
            raise refusal(answer.status, answer.data, self.access.server)
        if method == "GET" and not answer.data:  # what was asked for was lost on the way
            raise unreachable(self.access.server, ValueError("its answer was cut off"))
        return decoded(answer.data, self.access.server) if answer.data else {}

    def _send(
        self,
        method: str,
        path: str,
        body: object,
        query: dict[str, str] | None,
        headers: dict[str, str],
    ) -> urllib3.BaseHTTPResponse:
        import urllib3

        url = self.access.server + path + (f"?{urlencode(query)}" if query else "")
        try:
            return self._session.send(
                method,
                url,
                headers,
                body=json.dumps(body).encode() if body is not None else None,
                **self._session.silence.limits(asks=path.startswith(REVIEWS)),
                # Nobody is sent elsewhere by a student's server, or unpacks what it has packed.
                redirect=not self.access.bounded,
                decode_content=not self.access.bounded,
            )
        except urllib3.exceptions.HTTPError as error:
            raise unreachable(self.access.server, error) from None

    def answers(self) -> bool:
        """Say whether the server answers at once of what it has stored, be it a refusal."""
        import urllib3

        # Its version it knows by itself, also while its store stands still.
        url = f"{self.access.server}/api/v1/namespaces/kube-system"
        try:
            answer = self._session.send("GET", url, {}, **once())
        except (urllib3.exceptions.HTTPError, ClusterError):
            return False
        return answer.status not in PASSING

    @property
    def is_silent(self) -> bool:
        """Whether the server has kept us waiting, and has answered nothing since."""
        return self._session.silence.lasts

    def server_time(self) -> datetime:
        """Return what time it is to the server; ours where it does not say.

        Raises:
            ClusterError: If the server cannot be reached.
        """
        from email.utils import parsedate_to_datetime

        answer = self._send("GET", "/version", None, None, {})
        try:
            return parsedate_to_datetime(answer.headers["Date"])
        except (KeyError, ValueError):
            return datetime.now(UTC)

    def pages(
        self, path: str, *, selector: str = "", fields: str = "", metadata_only: bool = False
    ) -> Iterator[dict[str, Any]]:
        """Yield every item of a LIST, page by page.

        Raises:
            ApiError: If the server refuses the list.
            ClusterError: If the server cannot be reached.
        """
        query = {"limit": str(self.page)}
        if selector:
            query["labelSelector"] = selector
        if fields:
            query["fieldSelector"] = fields
        accept = METADATA_ONLY if metadata_only else "application/json"
        while True:
            answer = self._page(path, query, accept)
            yield from answer.get("items") or []
            token = answer["metadata"].get("continue")
            if not token:
                return
            query = query | {"continue": token}

    def _page(self, path: str, query: dict[str, str], accept: str) -> dict[str, Any]:
        """Return a page as it comes; one that does not come as it should is asked for as ever.

        Raises:
            ApiError: If the server refuses it.
            ClusterError: If the server cannot be reached, or does not know us.
        """
        if body := self._session.get(f"{path}?{urlencode(query)}", accept):
            return decoded(body, self.access.server)
        return self.request("GET", path, query=query, accept=accept)

    def watch(self, path: str, *, query: dict[str, str], seconds: int) -> Iterator[dict[str, Any]]:
        """Yield watch events until the server ends the watch after some seconds.

        Raises:
            ClusterError: If the connection breaks.
        """
        import urllib3

        url = f"{self.access.server}{path}?" + urlencode(
            query | {"watch": "true", "timeoutSeconds": str(seconds)}
        )
        try:
            answer = self._session.send(
                "GET",
                url,
                {},
                preload_content=False,
                timeout=urllib3.Timeout(connect=SECONDS, read=seconds + SECONDS),
            )
            with answer:
                if answer.status >= 400:
                    raise refusal(answer.status, answer.read(), self.access.server)
                for line in lines(answer.stream()):
                    yield decoded(line, self.access.server)
        except urllib3.exceptions.HTTPError as error:
            raise unreachable(self.access.server, error) from None

    def each(
        self, call: Callable[[Given], Result], items: Iterable[Given]
    ) -> Iterator[tuple[Given, Result]]:
        """Run a call for every item, some at a time, and yield the pairs in order."""
        items = list(items)
        if not items:
            return
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(min(WORKERS, len(items))) as threads:
            yield from zip(items, threads.map(call, items), strict=True)
