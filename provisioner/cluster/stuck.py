"""Say what keeps a namespace from going: the condition, the objects, the finalizers, the API.

The namespace controller says in conditions at which step it is held up. What it does not
say is looked up: which objects are left with which finalizers, and which APIService is
dead. Nothing is forced here; ``finalize`` is for somebody who asked for it by name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..manifest import Manifest, ObjectKey
from .answers import ApiError
from .client import METADATA_ONLY, Client
from .observe import read
from .resources import RESOURCES
from .served_types import Type, listable

API_SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
DISCOVERY = "NamespaceDeletionDiscoveryFailure"
CONDITIONS = (
    DISCOVERY,
    "NamespaceDeletionGroupVersionParsingFailure",
    "NamespaceDeletionContentFailure",
    "NamespaceContentRemaining",
    "NamespaceFinalizersRemaining",
)
FEW = 10
"""Objects that are named before the rest is counted."""


def why_stuck(client: Client, name: str) -> str:
    """Say in one line what keeps a namespace from going.

    Raises:
        ClusterError: If the cluster cannot be reached.
    """
    live = read(client, ObjectKey("Namespace", "", name))
    if live is None:
        return "it went just now"
    holds = held_by(live)
    dead = list(dead_services(client)) if any(DISCOVERY in hold for hold in holds) else []
    reasons = [*dead, *_own_finalizers(live), *_some(remaining(client, name)), *holds]
    return "; ".join(reasons) or "it is still terminating, and the server gives no reason"


def held_by(namespace: Manifest) -> list[str]:
    """Return the conditions that say at which step a namespace is held up, as they are told."""
    return [
        f"{condition['type']}: {condition.get('message')}"
        for condition in (namespace.get("status") or {}).get("conditions") or []
        if condition.get("type") in CONDITIONS and condition.get("status") == "True"
    ]


def dead_services(client: Client) -> Iterator[str]:
    """Yield every APIService that does not answer, with what stands behind it."""
    try:
        services = list(client.pages(API_SERVICES))
    except ApiError as error:
        yield f"APIServices cannot be listed: {error.message}"
        return
    for service in services:
        for condition in (service.get("status") or {}).get("conditions") or []:
            if condition.get("type") == "Available" and condition.get("status") != "True":
                behind = (service.get("spec") or {}).get("service") or {}
                yield (
                    f"APIService {service['metadata']['name']} is dead"
                    f" (service {behind.get('namespace')}/{behind.get('name')}):"
                    f" {condition.get('reason')}"
                )


def remaining(client: Client, namespace: str) -> list[str]:
    """Return every object that is left in a namespace, with its finalizers, and what is unknown.

    Raises:
        ClusterError: If the cluster cannot be reached.
    """
    types, silent = listable(client)
    inside = sorted(type for type in types if type.namespaced)
    found = [f"{version} does not answer, so nobody knows what it has here" for version in silent]
    for _, left in client.each(lambda type: _left(client, type, namespace), inside):
        found += left
    return found


def finalize(client: Client, live: Manifest) -> str:
    """Let go of a namespace in which nothing remains, whatever finalizers it has itself.

    Args:
        client: The cluster.
        live: The namespace as it was read, with the UID that it must still have.

    Returns:
        Why it was not done; empty when it was.

    Raises:
        ClusterError: If the cluster cannot be reached.
    """
    name, uid = live["metadata"]["name"], live["metadata"]["uid"]
    now = read(client, ObjectKey("Namespace", "", name))
    if now is None or now["metadata"]["uid"] != uid:
        return ""
    if not now["metadata"].get("deletionTimestamp"):
        return "its deletion has not begun"
    if left := remaining(client, name):
        return f"not forced, for something remains: {'; '.join(_some(left))}"
    path = RESOURCES["Namespace"].path(name=name)
    # The resource version goes along: whatever has changed since stops it.
    try:
        if now["metadata"].get("finalizers"):
            bare = now | {"metadata": now["metadata"] | {"finalizers": []}}
            now = client.request("PUT", path, body=_whole(bare))
        if now["spec"].get("finalizers"):
            client.request("PUT", f"{path}/finalize", body=_whole(now | {"spec": {}}))
    except ApiError as error:
        return "" if error.status == 404 else f"not forced: {error.message}"
    return ""


def _whole(live: Manifest) -> Manifest:
    return live | {"apiVersion": "v1", "kind": "Namespace"}


def _own_finalizers(live: Manifest) -> Iterator[str]:
    own = list(live["metadata"].get("finalizers") or [])
    own += [one for one in (live.get("spec") or {}).get("finalizers") or [] if one != "kubernetes"]
    if own:
        yield f"the namespace itself has the finalizer {', '.join(own)}"


def _left(client: Client, type: Type, namespace: str) -> list[str]:
    query: dict[str, Any] = {"limit": "500"}
    try:
        page = client.request("GET", type.path(namespace), query=query, accept=METADATA_ONLY)
    except ApiError as error:
        return [] if error.status in (404, 405) else [f"{type} cannot be listed: {error.message}"]
    return [_described(type, item["metadata"]) for item in page.get("items") or []]


def _described(type: Type, metadata: dict[str, Any]) -> str:
    holds = metadata.get("finalizers") or []
    return f"{type} {metadata['name']}" + (
        f" has the finalizer {', '.join(holds)}" if holds else ""
    )


def _some(lines: list[str]) -> list[str]:
    # What has a finalizer is why; the rest waits for it.
    lines = sorted(lines, key=lambda line: "finalizer" not in line)
    rest = len(lines) - FEW
    return [*lines[:FEW], *([f"and {rest} more"] if rest > 0 else [])]
