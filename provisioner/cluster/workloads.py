"""Bring what runs in a namespace to rest, and wake it as it was.

What a count was before stands as an annotation on the object itself, written in the same
request that makes it zero: a second operator can wake what the first one put to rest, and
a run that is killed between two objects is gone on with. The annotation has a prefix of its
own, because controllers copy annotations (a Deployment's to its ReplicaSets) and the
cohort's policies keep everybody from writing ours.

A HorizontalPodAutoscaler does nothing for what has no replicas, so it is left as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import ClusterError
from ..manifest import Manifest
from .answers import ApiError
from .client import Client

FORMER = "suspended.practicum.dev/former"
"""Replicas as they were, or that a job ran."""

WHEN_SCALED = "suspended.practicum.dev/when-scaled"
"""What was to become of a StatefulSet's volumes: at rest they are always kept."""

MANAGER = "practicum-suspend"
MERGE = "application/merge-patch+json"
TRIES = 5

Patch = dict[str, Any]
_COUNT = re.compile("[0-9]{1,6}")


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of workload: how it is put to rest, and how it is woken."""

    root: str
    plural: str
    rest: Callable[[Manifest], Patch | None]
    wake: Callable[[Manifest], Patch | None]

    def path(self, namespace: str, name: str = "") -> str:
        """Return the path of one object, or of all in a namespace."""
        return f"{self.root}/namespaces/{namespace}/{self.plural}" + (f"/{name}" if name else "")


@dataclass(frozen=True, kw_only=True)
class Running:
    """What runs in a namespace."""

    workloads: tuple[str, ...] = ()
    """What would go to rest, as ``deployments/web``."""

    bare: tuple[str, ...] = ()
    """Names of pods that nobody would make again."""


def running(client: Client, namespace: str) -> Running:
    """Say what runs in a namespace; there may be no such namespace.

    Raises:
        ClusterError: If the cluster refuses to tell.
    """
    workloads = [
        f"{kind.plural}/{live['metadata']['name']}"
        for kind in KINDS
        for live in _list(client, kind.path(namespace))
        if kind.rest(live)
    ]
    bare = [pod["metadata"]["name"] for pod in _bare_pods(client, namespace)]
    return Running(workloads=tuple(workloads), bare=tuple(bare))


def put_to_rest(client: Client, namespace: str, *, keep_pods: bool = False) -> Running:
    """Stop what runs in a namespace; done twice, the second time finds nothing to do.

    Args:
        client: The cluster.
        namespace: Where the quota has no room for pods any more.
        keep_pods: Leave pods that nobody owns: what is ended of these does not come back.

    Returns:
        What was stopped.

    Raises:
        ClusterError: If the cluster refuses.
    """
    stopped = _change_all(client, namespace, lambda kind: kind.rest)
    bare = [] if keep_pods else list(_bare_pods(client, namespace))
    for pod in bare:
        _end(client, namespace, pod)
    return Running(workloads=stopped, bare=tuple(pod["metadata"]["name"] for pod in bare))


def wake(client: Client, namespace: str) -> tuple[str, ...]:
    """Bring back what was put to rest; returns what that was.

    Raises:
        ClusterError: If the cluster refuses.
    """
    return _change_all(client, namespace, lambda kind: kind.wake)


def _change_all(
    client: Client, namespace: str, how: Callable[[Kind], Callable[[Manifest], Patch | None]]
) -> tuple[str, ...]:
    return tuple(
        f"{kind.plural}/{live['metadata']['name']}"
        for kind in KINDS
        for live in _list(client, kind.path(namespace))
        if _change(client, kind, live, how(kind))
    )


def _change(
    client: Client, kind: Kind, live: Manifest, how: Callable[[Manifest], Patch | None]
) -> bool:
    """Patch one object if it is still as it was read; controllers may write at the same time."""
    path = kind.path(live["metadata"]["namespace"], live["metadata"]["name"])
    for _ in range(TRIES):
        patch = how(live)
        if patch is None:
            return False
        patch["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"]
        try:
            client.request(
                "PATCH", path, body=patch, query={"fieldManager": MANAGER}, content=MERGE
            )
        except ApiError as error:
            if error.status == 404:
                return False
            if error.status != 409:
                raise ClusterError(f"{kind.plural}: {error.message}") from None
            if (now := _again(client, kind, live["metadata"])) is None:
                return False
            live = now
        else:
            return True
    raise ClusterError(f"{path} changes faster than it can be changed.")


def _again(client: Client, kind: Kind, metadata: Mapping[str, Any]) -> Manifest | None:
    """Read one object anew: a list of that name, since whoever suspends may list and not get."""
    name = f"metadata.name={metadata['name']}"
    return next(iter(_list(client, kind.path(metadata["namespace"]), fields=name)), None)


def _list(client: Client, path: str, *, fields: str = "") -> list[Manifest]:
    try:
        return list(client.pages(path, fields=fields))
    except ApiError as error:
        raise ClusterError(f"What runs cannot be listed: {error.message}") from None


def _bare_pods(client: Client, namespace: str) -> Iterator[Manifest]:
    """Yield pods that live and have no owner; those of an owner go and come with it."""
    for pod in _list(client, f"/api/v1/namespaces/{namespace}/pods"):
        over = pod.get("status", {}).get("phase") in ("Succeeded", "Failed")
        leaves = pod["metadata"].get("deletionTimestamp")
        if not (over or leaves or pod["metadata"].get("ownerReferences")):
            yield pod


def _end(client: Client, namespace: str, pod: Manifest) -> None:
    body = {"preconditions": {"uid": pod["metadata"]["uid"]}}
    path = f"/api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}"
    try:
        client.request("DELETE", path, body=body)
    except ApiError as error:
        if error.status != 404:
            raise ClusterError(f"pods: {error.message}") from None


def _notes(live: Manifest) -> dict[str, str]:
    return live["metadata"].get("annotations") or {}


def _patch(notes: dict[str, str | None], spec: dict[str, Any]) -> Patch:
    return {"metadata": {"annotations": notes}, "spec": spec}


def _scaled_down(live: Manifest) -> Patch | None:
    replicas = live["spec"].get("replicas", 1)
    if replicas == 0 or live["metadata"].get("ownerReferences"):
        return None  # whoever owns it is scaled instead
    return _patch({FORMER: str(replicas)}, {"replicas": 0})


def _scaled_up(live: Manifest) -> Patch | None:
    former = _notes(live).get(FORMER)
    if former is None or live["metadata"].get("ownerReferences"):
        return None
    # A student may have written the annotation; a number that no server takes stops nobody.
    at_rest = live["spec"].get("replicas") == 0 and _COUNT.fullmatch(former)
    return _patch({FORMER: None}, {"replicas": int(former)} if at_rest else {})


def _set_scaled_down(live: Manifest) -> Patch | None:
    """Scale a StatefulSet down, and never let its volumes be deleted by that."""
    patch = _scaled_down(live)
    policy = live["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    if patch and policy.get("whenScaled") == "Delete":
        patch["metadata"]["annotations"][WHEN_SCALED] = "Delete"
        patch["spec"]["persistentVolumeClaimRetentionPolicy"] = {"whenScaled": "Retain"}
    return patch


def _set_scaled_up(live: Manifest) -> Patch | None:
    patch = _scaled_up(live)
    if patch and _notes(live).get(WHEN_SCALED) == "Delete":
        patch["metadata"]["annotations"][WHEN_SCALED] = None
        patch["spec"]["persistentVolumeClaimRetentionPolicy"] = {"whenScaled": "Delete"}
    return patch


def _paused(live: Manifest) -> Patch | None:
    if live["spec"].get("suspend") or _has_finished(live):
        return None
    return _patch({FORMER: "running"}, {"suspend": True})


def _unpaused(live: Manifest) -> Patch | None:
    if FORMER not in _notes(live):
        return None
    return _patch({FORMER: None}, {} if _has_finished(live) else {"suspend": False})


def _has_finished(live: Manifest) -> bool:
    conditions = (live.get("status") or {}).get("conditions") or []
    return any(
        one.get("type") in ("Complete", "Failed") and one.get("status") == "True"
        for one in conditions
    )


APPS, BATCH = "/apis/apps/v1", "/apis/batch/v1"
KINDS = (
    # What makes others comes before what it makes.
    Kind(root=BATCH, plural="cronjobs", rest=_paused, wake=_unpaused),
    Kind(root=BATCH, plural="jobs", rest=_paused, wake=_unpaused),
    Kind(root=APPS, plural="deployments", rest=_scaled_down, wake=_scaled_up),
    Kind(root=APPS, plural="statefulsets", rest=_set_scaled_down, wake=_set_scaled_up),
    Kind(root=APPS, plural="replicasets", rest=_scaled_down, wake=_scaled_up),
)
"""All that a student's Role and quota let them have; neither DaemonSets nor
ReplicationControllers are among it."""


def woken(type: str, item: Manifest) -> Manifest:
    """Return an object as it was before it was put to rest; the given one is not changed.

    Args:
        type: Plural and group, as ``deployments.apps``.
        item: The object, from an archive that was made while its student was suspended.
    """
    how = next((k for k in KINDS if type == f"{k.plural}.{k.root.split('/')[2]}"), None)
    patch = how.wake(item) if how else None
    return item if patch is None else _merged(item, patch)


def _merged(item: Manifest, patch: Patch) -> Manifest:
    """Return an object with a merge patch (RFC 7396) in it."""
    changed = dict(item)
    for key, value in patch.items():
        if value is None:
            changed.pop(key, None)
        else:
            inner = isinstance(value, dict)
            changed[key] = _merged(changed.get(key) or {}, value) if inner else value
    return changed
