"""Change single objects directly: the few writes that do not go through Pulumi."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from ..errors import ClusterError
from ..manifest import MANAGER, Manifest, key_of
from .answers import ApiError
from .client import Client
from .observe import read
from .resources import RESOURCES, path_of
from .stuck import why_stuck

APPLY = "application/apply-patch+yaml"  # JSON is YAML
MERGE = "application/merge-patch+json"
PAUSE = 0.2
IN_USE = ("kubernetes.io/pvc-protection", "kubernetes.io/pv-protection")


def check(client: Client, manifest: Manifest) -> str:
    """Ask the server whether it would take an object, by a server-side dry run.

    Returns:
        The server's reason for refusing; empty when it would take it.
    """
    query = {"dryRun": "All", "fieldManager": MANAGER, "force": "true"}
    try:
        client.request(
            "PATCH", path_of(key_of(manifest)), body=manifest, query=query, content=APPLY
        )
    except ApiError as error:
        return f"{key_of(manifest)}: {error.message}"
    return ""


def apply(client: Client, manifest: Manifest) -> Manifest:
    """Make an object as rendered, or make it so again, as its owner.

    Raises:
        ClusterError: If the server refuses.
    """
    query = {"fieldManager": MANAGER, "force": "true"}
    key = key_of(manifest)
    try:
        live = client.request("PATCH", path_of(key), body=manifest, query=query, content=APPLY)
    except ApiError as error:
        raise ClusterError(f"{key} cannot be made: {error.message}") from None
    return live | {"kind": key.kind}


def take_away(client: Client, live: Manifest, patch: Mapping[str, Any]) -> None:
    """Remove what others added to an object of ours, if it is still as we read it.

    Raises:
        ClusterError: If the server refuses, or the object has changed since.
    """
    metadata = dict(patch.get("metadata", {}))
    metadata["resourceVersion"] = live["metadata"]["resourceVersion"]
    try:
        client.request(
            "PATCH",
            path_of(key_of(live)),
            body={**patch, "metadata": metadata},
            query={"fieldManager": MANAGER},
            content=MERGE,
        )
    except ApiError as error:
        raise ClusterError(f"{key_of(live)} cannot be repaired: {error.message}") from None


def delete(client: Client, live: Manifest) -> str:
    """Delete exactly the object that was read, never another of the same name.

    Returns:
        The server's reason for refusing; empty when the object goes or is gone.
    """
    body = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "preconditions": {"uid": live["metadata"]["uid"]},
        "propagationPolicy": "Background",
    }
    try:
        client.request("DELETE", path_of(key_of(live)), body=body)
    except ApiError as error:
        return "" if error.status == 404 else f"{key_of(live)}: {error.message}"
    return ""


def await_gone(
    client: Client,
    namespaces: Iterable[Manifest],
    *,
    seconds: float,
    renewed: bool = False,
    gone: Callable[[str], None] = lambda _: None,
) -> dict[str, str]:
    """Wait until namespaces have gone, by one LIST and one watch for all of them.

    Args:
        client: The cluster.
        namespaces: As they were read, with their UIDs.
        seconds: How long to wait at most.
        renewed: Whether that is anew from each look at which one more has gone.
        gone: Told the name of each namespace as it goes.

    Returns:
        The namespaces that did not go, with what the server says holds them.
    """
    waiting = {item["metadata"]["uid"]: item["metadata"]["name"] for item in namespaces}
    deadline = time.monotonic() + seconds
    path = RESOURCES["Namespace"].path()
    while waiting and time.monotonic() < deadline:
        before = len(waiting)
        version, there = _uids(client, path)
        for uid in [uid for uid in waiting if uid not in there]:
            gone(waiting.pop(uid))
        if waiting:
            _follow(client, path, version, waiting, gone, deadline)
        if renewed and len(waiting) < before:
            deadline = time.monotonic() + seconds
    return dict(client.each(lambda name: why_stuck(client, name), waiting.values()))


def await_absent(client: Client, lives: Iterable[Manifest], *, seconds: float) -> dict[str, str]:
    """Wait until single objects have gone whose deletion was asked for.

    Returns:
        What is still there, by UID, with what the server says holds it.

    Raises:
        ClusterError: If the cluster cannot be reached, or refuses to show one.
    """
    left = {live["metadata"]["uid"]: key_of(live) for live in lives}
    deadline = time.monotonic() + seconds
    holds: dict[str, str] = {}
    while left:
        seen = client.each(lambda item: read(client, item[1]), left.items())
        there = {uid: live for (uid, _), live in seen if live and live["metadata"]["uid"] == uid}
        left = {uid: key for uid, key in left.items() if uid in there}
        holds = {uid: f"{left[uid]} is held: {_holders(live)}" for uid, live in there.items()}
        if time.monotonic() > deadline:
            break
        if left:
            time.sleep(PAUSE)
    return holds


def _holders(live: Manifest) -> str:
    finalizers = live["metadata"].get("finalizers") or ["by nothing that is said"]
    return ", ".join("it is in use" if one in IN_USE else one for one in finalizers)


def _uids(client: Client, path: str) -> tuple[str, set[str]]:
    answer = client.request("GET", path, query={"limit": "1"})
    there = {item["metadata"]["uid"] for item in client.pages(path, metadata_only=True)}
    return answer["metadata"]["resourceVersion"], there


def _follow(
    client: Client,
    path: str,
    version: str,
    waiting: dict[str, str],
    gone: Callable[[str], None],
    deadline: float,
) -> None:
    seconds = max(1, min(60, int(deadline - time.monotonic())))
    query = {"resourceVersion": version}
    # A watch may break or be too old at any time; the caller then lists again.
    with suppress(ClusterError):
        for event in client.watch(path, query=query, seconds=seconds):
            uid = event["object"].get("metadata", {}).get("uid")
            if event["type"] == "DELETED" and uid in waiting:
                gone(waiting.pop(uid))
            if event["type"] == "ERROR" or not waiting:
                return
