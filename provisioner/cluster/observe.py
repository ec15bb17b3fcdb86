"""Read what runs of one cohort: a LIST a kind, and one of all namespaces' metadata.

The number of requests depends on the kinds and the pages, not on the students, as
long as nothing is missing; what is missing in a namespace that exists is asked for by
name, because an object without our mark would be a stranger's.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ..errors import ClusterError
from ..manifest import (
    MANAGER,
    SHARED_VOLUMES,
    Manifest,
    ObjectKey,
    belongs_to,
    key_of,
    selector,
)
from ..plan import Live
from .answers import ApiError
from .client import Client
from .resources import RESOURCES, VOLUMES, path_of, resource_of

AT_ONCE = 4
"""Lists in flight: a connection more costs us as much to open as a kind takes to list."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """One read of the cluster, before anything is compared with it."""

    cohort: str
    uid: str
    """UID of the kube-system namespace: which cluster this is."""

    owned: dict[ObjectKey, Manifest] = field(repr=False)
    """Every object that carries the cohort's mark, by key."""

    namespaces: Mapping[str, Manifest] = field(repr=False)
    """Metadata of every namespace of the cluster, by name."""

    @property
    def own_namespaces(self) -> list[Manifest]:
        """The namespaces that carry the cohort's mark."""
        return [item for key, item in self.owned.items() if key.kind == "Namespace"]


class Listing:
    """The lists of a cohort, on their way. Nobody has to wait for them, also not at the end."""

    def __init__(self, client: Client, cohort: str) -> None:
        self._client, self._cohort = client, cohort
        self._kinds = deque(RESOURCES)
        self._lists: dict[str, list[Manifest]] = {}
        self._errors: list[Exception] = []
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(AT_ONCE)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        with suppress(IndexError):  # there is no kind left
            while not self._errors:
                kind = self._kinds.popleft()
                try:
                    self._lists[kind] = _list(self._client, kind, self._cohort)
                except Exception as error:  # noqa: BLE001  (told to whoever asks)
                    self._errors.append(error)

    def found(self, *, volumes: bool = False) -> Found:
        """Wait for them; where a namespace of the cohort says so, volumes are listed too.

        Args:
            volumes: List them whatever namespaces say.

        Raises:
            ClusterError: If the cluster cannot be reached, or a list is refused.
        """
        for thread in self._threads:
            thread.join()
        if self._errors:
            raise self._errors[0]
        if volumes or _says_volumes(self._cohort, self._lists["Namespace"]):
            for kind in VOLUMES:
                self._lists[kind] = _list(self._client, kind, self._cohort)
        return _found(self._cohort, self._lists)


def list_cohort(client: Client, cohort: str, *, volumes: bool = False) -> Found:
    """Read what runs of a cohort.

    Args:
        client: The cluster.
        cohort: The cohort's name.
        volumes: List volumes that are shared, whatever namespaces say of them.

    Raises:
        ClusterError: If the cluster cannot be reached, or a list is refused.
    """
    return Listing(client, cohort).found(volumes=volumes)


def _says_volumes(cohort: str, namespaces: Iterable[Manifest]) -> bool:
    return any(
        SHARED_VOLUMES in (item["metadata"].get("annotations") or {})
        for item in namespaces
        if belongs_to(cohort, item)
    )


def _found(cohort: str, lists: Mapping[str, list[Manifest]]) -> Found:
    namespaces = {item["metadata"]["name"]: item for item in lists["Namespace"]}
    system = namespaces.get("kube-system", {"metadata": {}})
    return Found(
        cohort=cohort,
        uid=system["metadata"].get("uid", ""),
        owned={
            key_of(item): item
            for items in lists.values()
            for item in items
            if belongs_to(cohort, item)
        },
        namespaces=namespaces,
    )


def look_for_strangers(client: Client, found: Found, wanted: Iterable[ObjectKey]) -> Live:
    """Say what stands in the place of missing objects.

    Args:
        client: The cluster.
        found: What was read of the cohort.
        wanted: Keys of the objects that the cohort is to have.

    Raises:
        ClusterError: If the cluster cannot be reached, or refuses to show one.
    """
    owned, foreign = dict(found.owned), {}
    wanted = list(wanted)
    for key in _going(found, wanted):
        foreign[key] = "is still being deleted; run this again when it is gone"
        del owned[key]
    missing = [key for key in wanted if key not in owned and key not in foreign]
    for key, item in _in_the_way(client, found.namespaces, missing):
        if made_by_us(item) and key.kind != "Namespace":
            owned[key] = item  # somebody took the label away; the next `up` puts it back
        else:
            foreign[key] = whose(item)
    return Live(owned=owned, foreign=foreign)


def _going(found: Found, wanted: Iterable[ObjectKey]) -> list[ObjectKey]:
    """Return our own namespaces that are wanted and whose deletion has begun."""
    return [
        key
        for key in wanted
        if key.kind == "Namespace"
        and key in found.owned
        and found.owned[key]["metadata"].get("deletionTimestamp")
    ]


def _list(client: Client, kind: str, cohort: str) -> list[Manifest]:
    """List a kind; all namespaces are listed, since foreign ones carry no mark."""
    everything = kind == "Namespace"
    try:
        items = client.pages(
            resource_of(kind).path(),
            selector="" if everything else selector(cohort),
            metadata_only=everything,
        )
        return [item | {"kind": kind} for item in items]  # items of a LIST carry no kind
    except ApiError as error:
        raise ClusterError(
            f"The cluster refuses to list {resource_of(kind).plural}: {error.message}",
            hint="See which rights Practicum needs with: practicum doctor",
        ) from None


def _in_the_way(
    client: Client, namespaces: Mapping[str, Manifest], missing: list[ObjectKey]
) -> list[tuple[ObjectKey, Manifest]]:
    """Find objects that have the name of a missing one of ours."""
    found = [
        (key, namespaces[key.name])
        for key in missing
        if key.kind == "Namespace" and key.name in namespaces
    ]
    unsure = [
        key
        for key in missing
        if key.kind != "Namespace"
        # Kubernetes makes this one in every namespace; it is there to be taken over.
        and (key.kind, key.name) != ("ServiceAccount", "default")
        and (not key.namespace or key.namespace in namespaces)
    ]
    asked = client.each(lambda key: read(client, key), unsure)
    return found + [(key, item) for key, item in asked if item is not None]


def read(client: Client, key: ObjectKey) -> Manifest | None:
    """Read one object; None when it does not exist.

    Raises:
        ClusterError: If the cluster refuses to show it.
    """
    try:
        return client.request("GET", path_of(key)) | {"kind": key.kind}
    except ApiError as error:
        if error.status == 404:
            return None
        raise ClusterError(f"The cluster refuses to show {key}: {error.message}") from None


def made_by_us(item: Manifest) -> bool:
    """Say whether Practicum has written fields of an object, whatever its labels say now."""
    return MANAGER in _managers(item)


def _managers(item: Manifest) -> set[str]:
    fields: list[dict[str, Any]] = item["metadata"].get("managedFields") or []
    return {str(entry.get("manager")) for entry in fields}


def whose(item: Manifest) -> str:
    """Tell a person whose an object is, from what the server knows of it."""
    metadata = item["metadata"]
    labels = metadata.get("labels") or {}
    if cohort := labels.get("practicum.dev/cohort"):
        return f"belongs to the cohort {cohort}"
    if made_by_us(item):
        return "is ours and somebody took its label practicum.dev/cohort away: put that back"
    managers = ", ".join(sorted(_managers(item))) or "somebody unknown"
    return f"was made by {managers} at {metadata.get('creationTimestamp', 'an unknown time')}"
