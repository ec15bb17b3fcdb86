"""Pods of our own: made, awaited, taken away, and why one does not run."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

from ..manifest import Manifest
from .answers import ApiError
from .client import Client

PATIENCE = 90.0
"""Seconds in which an image must be there and its pod have run."""

POLL = 0.3
COUNTED = 15.0
"""Seconds in which a quota must have noticed that something is gone."""

_NEVER = {
    "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull",
    "CreateContainerConfigError", "CreateContainerError", "RunContainerError",
}  # fmt: skip
"""Reasons for which a container that waits will not start by waiting on."""


class NotRunError(Exception):
    """A pod could not be made, or did not run; says why."""


def make(client: Client, namespace: str, plural: str, body: Manifest) -> Manifest:
    """Make an object; what has just gone still counts against the quota for a moment.

    Raises:
        NotRunError: If the server refuses it.
        ClusterError: If the server cannot be reached.
    """
    deadline = time.monotonic() + COUNTED
    while True:
        try:
            return client.request("POST", f"/api/v1/namespaces/{namespace}/{plural}", body=body)
        except ApiError as error:
            if "exceeded quota" not in error.message or time.monotonic() > deadline:
                raise NotRunError(error.message) from None
        time.sleep(POLL)


def remove_pod(client: Client, namespace: str, name: str) -> None:
    """Delete a pod; one that is gone, or may not be deleted, is left at that.

    Raises:
        ClusterError: If the server cannot be reached.
    """
    with suppress(ApiError):
        client.request("DELETE", f"/api/v1/namespaces/{namespace}/pods/{name}")


def await_pod(
    client: Client,
    namespace: str,
    name: str,
    holds: Callable[[Manifest], bool],
    seconds: float = PATIENCE,
) -> Manifest:
    """Wait until something holds of a pod, and return it.

    Raises:
        NotRunError: If it will not, or has not in time.
        ClusterError: If the server cannot be reached.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            live = client.request("GET", f"/api/v1/namespaces/{namespace}/pods/{name}")
        except ApiError as error:
            raise NotRunError(f"the pod {name} cannot be seen: {error.message}") from None
        if holds(live):
            return live
        late = time.monotonic() > deadline
        if (why := _why_not(live)) and (late or _is_hopeless(live)):
            raise NotRunError(why)
        if late:
            raise NotRunError(f"the pod {name} has not run for {seconds:.0f} s")
        time.sleep(POLL)


def is_ready(pod: Manifest) -> bool:
    """Say whether all its containers run."""
    return bool(containers(pod)) and all(one.get("ready") for one in containers(pod))


def has_ended(pod: Manifest) -> bool:
    """Say whether all its containers have ended."""
    return bool(containers(pod)) and all("terminated" in one["state"] for one in containers(pod))


def containers(pod: Manifest) -> list[Manifest]:
    """Return what the node says of its containers; nothing before one took it."""
    return list((pod.get("status") or {}).get("containerStatuses") or [])


def _is_hopeless(pod: Manifest) -> bool:
    waiting = [(one["state"].get("waiting") or {}).get("reason") for one in containers(pod)]
    return bool(_NEVER.intersection(waiting))


def _why_not(pod: Manifest) -> str:
    for one in containers(pod):
        waiting = one["state"].get("waiting") or {}
        if waiting.get("reason") in _NEVER:
            return f"{waiting['reason']}: {waiting.get('message', one.get('image', ''))}"
    for condition in pod["status"].get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return f"no node takes its pod: {condition.get('message', '')}"
    return ""
