"""Follow a cohort's objects: one watch a kind, each resumed where it ended or broke.

Only what can matter to a plan counts as a change: the use of a quota moves with every
pod, and a LIST of everything for each of these would be a busy loop.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from ..errors import ClusterError
from ..manifest import Manifest, ObjectKey, selector
from .answers import ApiError
from .client import Client
from .resources import RESOURCES, VOLUMES, resource_of

SECONDS = 120
"""Life of one watch; a connection that died in silence is noticed after it."""

AGAIN = 5.0
"""Seconds until a broken watch is tried again."""

QUIET = 0.3
"""Seconds without a further change: what comes together is looked at together."""

LONGEST = 3.0
"""Seconds after which it is looked at although more comes."""

FORBIDDEN = 403
GONE = 410
"""The status of a version that the server has forgotten."""


class Follower:
    """Notes that something of a cohort has changed. Its threads end with the process."""

    def __init__(
        self, connect: Callable[[], Client], cohort: str, *, volumes: bool = False
    ) -> None:
        """Remember where every kind is now: what happens from here on is not missed.

        Args:
            connect: Opens the cluster, anew where a credential has run out.
            cohort: The cohort's name.
            volumes: Whether the cohort shares volumes.

        Raises:
            ClusterError: If the cluster cannot be reached, or refuses a list.
        """
        self._connect, self._cohort, self._selector = connect, cohort, selector(cohort)
        self._changed = threading.Event()
        self._seen: dict[str, int] = {}
        self._refusal: ClusterError | None = None
        self._lock = threading.Lock()
        self._client = client = connect()
        self._kinds = [*RESOURCES, *(VOLUMES if volumes else ())]
        self._versions = dict(client.each(lambda kind: _version(client, kind), self._kinds))

    def start(self, known: Mapping[ObjectKey, Manifest]) -> None:
        """Begin to follow.

        Args:
            known: The objects as they were read after this follower was made.
        """
        self._seen = {
            live["metadata"]["uid"]: _essence(key.kind, live) for key, live in known.items()
        }
        for kind in self._kinds:
            threading.Thread(target=self._follow, args=(kind,), daemon=True).start()

    def wait(self, seconds: float | None) -> bool:
        """Wait for a change, and then until no more come with it.

        Args:
            seconds: How long at most; None for ever.

        Returns:
            Whether something changed.

        Raises:
            ClusterError: If the cluster lets us list, but not watch.
        """
        if not self._changed.wait(seconds):
            return False
        until = time.monotonic() + LONGEST
        while time.monotonic() < until:
            self._changed.clear()
            if not self._changed.wait(QUIET):
                break
        if self._refusal:
            raise self._refusal
        return True

    def _follow(self, kind: str) -> None:
        client = self._client
        while self._refusal is None:
            try:
                self._watch(client, kind)
            except ApiError as error:
                if error.status == GONE:
                    del self._versions[kind]
                elif error.status == FORBIDDEN:
                    self._refuse(kind, error)
                else:
                    time.sleep(AGAIN)
            except ClusterError:
                self._changed.set()  # so that it is told
                time.sleep(AGAIN)
                client = self._instead_of(client)

    def _instead_of(self, broken: Client) -> Client:
        """Open the cluster anew, once for all kinds; a credential may have run out."""
        with self._lock:
            if self._client is broken:
                with suppress(ClusterError):
                    self._client = self._connect()
            return self._client

    def _refuse(self, kind: str, error: ApiError) -> None:
        self._refusal = ClusterError(
            f"The cluster refuses to watch {resource_of(kind).plural}: {error.message}",
            hint=f"Its administrator gives the right with: practicum role {self._cohort}",
        )
        self._changed.set()

    def _watch(self, client: Client, kind: str) -> None:
        if kind not in self._versions:
            self._versions[kind] = _version(client, kind)
            self._changed.set()  # what happened in between is seen by a new plan alone
        query = {
            "labelSelector": self._selector,
            "resourceVersion": self._versions[kind],
            "allowWatchBookmarks": "true",
        }
        for event in client.watch(resource_of(kind).path(), query=query, seconds=SECONDS):
            live = event["object"]
            if event["type"] == "ERROR":
                raise ApiError(int(live.get("code", 0)), "Watch", str(live.get("message")))
            self._versions[kind] = live["metadata"]["resourceVersion"]
            if event["type"] != "BOOKMARK" and self._is_news(event["type"], kind, live):
                self._changed.set()

    def _is_news(self, event: str, kind: str, live: Manifest) -> bool:
        uid, essence = live["metadata"]["uid"], _essence(kind, live)
        if event == "DELETED":  # or its label was taken away
            return self._seen.pop(uid, None) is not None
        before, self._seen[uid] = self._seen.get(uid), essence
        return before != essence


def _version(client: Client, kind: str) -> str:
    """Return the server's present version of a kind, as a watch takes it.

    Raises:
        ClusterError: If the cluster cannot be reached, or refuses the list.
    """
    try:
        answer = client.request("GET", resource_of(kind).path(), query={"limit": "1"})
    except ApiError as error:
        raise ClusterError(
            f"The cluster refuses to list {resource_of(kind).plural}: {error.message}"
        ) from None
    return str(answer["metadata"]["resourceVersion"])


def _essence(kind: str, live: Manifest) -> int:
    """Return a hash of what a plan can see of an object."""
    passing = ("resourceVersion", "managedFields", "generation")
    metadata = {name: part for name, part in live["metadata"].items() if name not in passing}
    fields = {
        name: part
        for name, part in live.items()
        if name not in ("metadata", "status", "kind", "apiVersion") and kind != "Namespace"
    }
    return hash(json.dumps([metadata, fields], sort_keys=True))
