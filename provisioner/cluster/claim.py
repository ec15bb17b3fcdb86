"""One run at a time in the whole cluster: who it is stands on the cohort's identity namespace.

The lock of a home cannot be seen from another machine. So a run that changes something
writes itself into an annotation, under the version of the namespace that it has read: of
two at once, the server takes one. The run renews it; one that was killed stops doing so,
and its claim can be taken over after a minute. How old a claim is, is told by the server's
clock alone: ours may be an hour off.

Why no Lease: the role of who runs a course would have to allow them in the whole cluster,
since the namespace is not there before the first run. An annotation takes no further right,
and goes with the namespace.

A namespace takes the cluster 5 s or more to end, so `down` deletes this one along with all
others. So that the claim does not go before them, a finalizer of ours ties it: what is being
deleted can still be changed, and without its last finalizer it is gone at once. Whatever run
lets go of its claim takes the finalizer off too, so no killed one leaves it there for good.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from ..errors import ClusterError, LockedError
from ..manifest import TIE, Manifest, ObjectKey
from .answers import ApiError
from .client import Client
from .observe import read
from .resources import path_of

ANNOTATION = "run.practicum.dev/claim"
"""Not below our own prefix: the plan takes whatever is there for a part of the object."""

MANAGER = "practicum-claim"
SECONDS = 60.0
"""How long a claim holds that is not renewed."""

MERGE = "application/merge-patch+json"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A run, as it stands in the cluster."""

    run: str
    """Random: tells it from every other."""

    host: str
    pid: int
    place: str
    """The home: within one its lock counts. What earlier versions wrote here may be the same
    on two machines; it is taken for another home's, and ends by itself."""

    since: str
    renewed: int = 0
    """How often, so that each time there is something to write."""

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.since}"


def claim_of(namespace: Manifest) -> Claim | None:
    """Return who claims a cohort, by its identity namespace; None for nobody."""
    text = (namespace["metadata"].get("annotations") or {}).get(ANNOTATION)
    try:
        return Claim(**json.loads(text)) if text else None
    except (ValueError, TypeError):
        return None  # somebody's hand; nobody is named, so nobody holds it


def take(client: Client, namespace: Manifest, claim: Claim) -> Manifest | None:
    """Claim a cohort.

    Args:
        client: The cluster.
        namespace: The identity namespace as the plan was made from it.
        claim: Who we are.

    Returns:
        The namespace as it is now; None when it has gone since.

    Raises:
        LockedError: If another run holds it, or one has come between.
        ClusterError: If the cluster refuses.
    """
    other = claim_of(namespace)
    if other and other.place != claim.place and not _is_over(client, namespace):
        raise _held(other)
    try:
        return write(client, namespace, claim)
    except ApiError as error:
        if error.status == 404:
            return None
        if error.status != 409:
            raise ClusterError(f"The run cannot be noted: {error.message}") from None
    now = read(client, ObjectKey("Namespace", "", namespace["metadata"]["name"]))
    other = claim_of(now) if now else None
    if other and other.run == claim.run:
        return now  # the server took it, its answer was lost, and it was sent once more
    if other:
        raise _held(other)
    if now:
        refuse_going(now)
    raise LockedError(
        "Another run has changed this cohort since it was read.",
        hint="Run the same command again; it sees what there is now.",
    )


def is_going(namespace: Manifest) -> bool:
    """Say whether the deletion of a namespace has begun."""
    return bool(namespace["metadata"].get("deletionTimestamp"))


def is_tied(namespace: Manifest) -> bool:
    """Say whether a namespace stays until its claim lets it go."""
    return TIE in (namespace["metadata"].get("finalizers") or [])


def refuse_going(namespace: Manifest) -> None:
    """Stop where the namespace of a claim is being deleted, and with it whatever is made now.

    Raises:
        LockedError: If that is so.
    """
    if is_going(namespace):
        raise LockedError(
            f"The cohort is being taken down: {namespace['metadata']['name']} is still going.",
            hint="Run the same command again when it has gone.",
        )


def write(
    client: Client, namespace: Manifest, claim: Claim | None, *, tied: bool | None = None
) -> Manifest:
    """Put a claim on a namespace, or take it away, unless the namespace has changed.

    Args:
        client: The cluster.
        namespace: As it was read.
        claim: Who holds it from now on.
        tied: Whether the namespace is to stay until it is let go of; None changes nothing.

    Raises:
        ApiError: If it has (409), or the server refuses.
        ClusterError: If the server cannot be reached.
    """
    text = json.dumps(asdict(claim)) if claim else None
    metadata = namespace["metadata"]
    body: dict[str, Any] = {
        "metadata": {
            "resourceVersion": metadata["resourceVersion"],
            "uid": metadata["uid"],
            "annotations": {ANNOTATION: text},
            **_tie(namespace, tied),
        }
    }
    key = ObjectKey("Namespace", "", metadata["name"])
    query = {"fieldManager": MANAGER}
    return client.request("PATCH", path_of(key), body=body, query=query, content=MERGE)


def _tie(namespace: Manifest, tied: bool | None) -> dict[str, Any]:  # noqa: FBT001
    """Return the finalizers to write, if others than there are."""
    if tied in (None, is_tied(namespace)) or (tied and is_going(namespace)):
        return {}  # the server takes none on what is going already
    others = [one for one in namespace["metadata"].get("finalizers") or [] if one != TIE]
    return {"finalizers": [*others, *([TIE] if tied else [])]}


def _held(other: Claim) -> LockedError:
    return LockedError(
        f"Another operator's run holds this cohort: {other}.",
        hint="Wait until it ends. If it was killed, its claim is over"
        f" {SECONDS:g} seconds after its last sign of life: run this again then.",
    )


def _is_over(client: Client, namespace: Manifest) -> bool:
    fields: list[dict[str, Any]] = namespace["metadata"].get("managedFields") or []
    times = [str(entry.get("time")) for entry in fields if entry.get("manager") == MANAGER]
    if not times:
        return False  # we cannot tell, and a live run is never robbed
    age = client.server_time() - datetime.fromisoformat(max(times))
    return age.total_seconds() > SECONDS
