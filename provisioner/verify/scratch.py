"""Make the scratch environments of a verification, and take them away again."""

from __future__ import annotations

from .. import cluster, manifest, names
from ..cluster import ApiError, Client
from ..cohort import Cohort, Record
from ..errors import ClusterError
from ..manifest import Manifest

NOT_TRIED = frozenset({"PersistentVolume", "PersistentVolumeClaim"})
"""Of what the course shares no attack is about, and volumes would lie outside of namespaces."""

PATIENCE = 60
"""Seconds that controllers get to fill a quota, and to take a namespace down."""


def make(
    admin: Client,
    cohort: Cohort,
    pair: tuple[Record, Record],
    made: list[Manifest],
    without: frozenset[str],
) -> None:
    """Make two environments, but for some kinds; what is to be deleted goes into ``made``.

    Raises:
        ClusterError: If the server refuses.
    """
    for record in pair:
        made.append(cluster.apply(admin, environment(cohort, record)[0]))
    rest = [
        rendered
        for record in pair
        for rendered in environment(cohort, record)[1:]
        if rendered["kind"] not in without
    ]
    fill(admin, cohort, rest, made)


def environment(cohort: Cohort, record: Record) -> list[Manifest]:
    """Render a scratch environment."""
    rendered = manifest.environment(cohort, record)
    return [one for one in rendered if one["kind"] not in NOT_TRIED]


def fill(admin: Client, cohort: Cohort, rest: list[Manifest], made: list[Manifest]) -> None:
    """Make what is in scratch namespaces, and note what lies outside of them.

    Raises:
        ClusterError: If the server refuses.
    """
    identity = names.identity_namespace(cohort.name)
    # Half an environment is never open: the bindings come last, as in `up`.
    for binding in (False, True):
        todo = [one for one in rest if (one["kind"] == "RoleBinding") is binding]
        for _, live in admin.each(lambda one: cluster.apply(admin, one), todo):
            if live["metadata"]["namespace"] == identity:
                made.append(live)


def await_quota(admin: Client, namespace: str) -> None:
    """Wait until a controller has counted: before that, every create is refused.

    Raises:
        ClusterError: If none does.
    """
    path = f"/api/v1/namespaces/{namespace}/resourcequotas"
    for event in admin.watch(path, query={}, seconds=PATIENCE):
        if (event["object"].get("status") or {}).get("used"):
            return
    raise ClusterError(
        f"The quota of {namespace} is never counted.",
        hint="Look whether kube-controller-manager runs.",
    )


def clear(admin: Client, made: list[Manifest]) -> None:
    """Delete what was made, by UID: tokens first, then what they opened.

    Raises:
        ClusterError: If something is left.
    """
    made.sort(key=lambda live: live["kind"] != "Secret")
    refused = [delete(admin, live) for live in made]
    namespaces = [live for live in made if live["kind"] == "Namespace"]
    stuck = cluster.await_gone(admin, namespaces, seconds=PATIENCE)
    left = [why for why in refused if why] + [f"{name}: {why}" for name, why in stuck.items()]
    if left:
        raise ClusterError(
            f"The verification could not clear up after itself: {'; '.join(left)}.",
            hint="What is left is taken away by the next: practicum up",
        )


def delete(admin: Client, live: Manifest) -> str:
    """Delete what was made, by UID; returns why not."""
    if live["kind"] != "Secret":
        return cluster.delete(admin, live)
    metadata = live["metadata"]
    path = f"/api/v1/namespaces/{metadata['namespace']}/secrets/{metadata['name']}"
    try:
        admin.request("DELETE", path, body={"preconditions": {"uid": metadata["uid"]}})
    except ApiError as error:
        return "" if error.status == 404 else error.message
    return ""
