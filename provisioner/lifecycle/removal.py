"""Take away what is ours and not wanted, each object by its UID."""

from __future__ import annotations

from collections.abc import Container, Iterable

from .. import cluster
from ..manifest import Manifest
from ..plan import Part
from .progress import Progress, Silent

SECONDS = 300.0
"""How long namespaces get to go; on a stock cluster seven go a second (measured)."""


LONGER = 15.0
"""How long namespaces get of which none goes, where their deletion had begun before."""


def remove_surplus(
    client: cluster.Client,
    parts: Iterable[Part],
    progress: Progress | None,
    *,
    forced: Container[str] = (),
) -> dict[str, str]:
    """Delete the surplus of some students, and wait until their namespaces are gone.

    Args:
        client: The cluster.
        parts: The students.
        progress: Told what happens.
        forced: Students, by name, whose namespace is let go of by force, as ``force`` does.

    Returns:
        Why it did not work, by the student's name.
    """
    parts = [part for part in parts if part.surplus]
    progress = progress or Silent()
    if parts:
        progress.step("Removing what is no longer wanted", len(parts))
    why: dict[str, str] = {}
    owners = {live["metadata"]["uid"]: part.name for part in parts for live in part.surplus}
    # What lies in a namespace that goes is taken along by it.
    lives = [live for part in parts for live in part.surplus if not _goes_along(live, part)]
    refused = refusals(client, lives)
    why |= {owners[uid]: refusal for uid, refusal in refused.items()}
    namespaces = [live for live in lives if live["kind"] == "Namespace" and goes(live, refused)]
    by_name = {live["metadata"]["name"]: owners[live["metadata"]["uid"]] for live in namespaces}
    fresh = not all(map(cluster.is_going, namespaces))
    seconds = SECONDS if fresh else LONGER
    for part in parts:
        if part.name not in by_name.values():
            progress.advance(part.name)
    stuck = cluster.await_gone(
        client, namespaces, seconds=seconds, renewed=not fresh, gone=progress.advance
    )
    held = [live for live in namespaces if live["metadata"]["name"] in stuck]
    stuck |= force(client, [ns for ns in held if owners[ns["metadata"]["uid"]] in forced], stuck)
    why |= {by_name[name]: reason for name, reason in stuck.items()}
    left = volumes_left(client, [live for live in lives if goes(live, refused)])
    return why | {owners[uid]: reason for uid, reason in left.items() if owners[uid] not in why}


def volumes_left(client: cluster.Client, lives: Iterable[Manifest]) -> dict[str, str]:
    """Wait for volumes and claims among what was deleted: the cluster lets go of them later.

    Returns:
        What is still there, by UID, with what holds it.
    """
    kinds = ("PersistentVolume", "PersistentVolumeClaim")
    volumes = [live for live in lives if live["kind"] in kinds]
    return cluster.await_absent(client, volumes, seconds=LONGER)


def refusals(client: cluster.Client, lives: Iterable[Manifest]) -> dict[str, str]:
    """Delete objects, each by its UID; returns why the server refused, by UID."""
    answers = client.each(lambda live: cluster.delete(client, live), lives)
    return {live["metadata"]["uid"]: refusal for live, refusal in answers if refusal}


def goes(live: Manifest, refused: Container[str]) -> bool:
    """Say whether a namespace is to be waited for: one whose deletion is refused stays."""
    return live["metadata"]["uid"] not in refused or cluster.is_going(live)


def force(
    client: cluster.Client, namespaces: list[Manifest], stuck: dict[str, str]
) -> dict[str, str]:
    """Let go of stuck namespaces in which nothing remains but finalizers of their own.

    Args:
        client: The cluster.
        namespaces: Those that somebody named, as they were read.
        stuck: Why namespaces are stuck; those that go are taken out.

    Returns:
        Why those that were named are still there.
    """
    answers = client.each(lambda live: cluster.finalize(client, live), namespaces)
    refused = {live["metadata"]["name"]: why for live, why in answers if why}
    let_go = [live for live in namespaces if live["metadata"]["name"] not in refused]
    for live in let_go:
        stuck.pop(live["metadata"]["name"], None)
    return refused | cluster.await_gone(client, let_go, seconds=LONGER)


def _goes_along(live: Manifest, part: Part) -> bool:
    going = {item["metadata"]["name"] for item in part.surplus if item["kind"] == "Namespace"}
    return live["metadata"].get("namespace") in going
