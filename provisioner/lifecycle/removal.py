"""Take away what is ours and not wanted, each object by its UID."""

from __future__ import annotations

from collections.abc import Iterable

from .. import cluster
from ..manifest import Manifest
from ..plan import Part
from .progress import Progress

SECONDS = 300.0
"""How long namespaces get to go; on a stock cluster seven go a second (measured)."""


def remove_surplus(
    client: cluster.Client, parts: Iterable[Part], progress: Progress | None
) -> dict[str, str]:
    """Delete the surplus of some students, and wait until their namespaces are gone.

    Returns:
        Why it did not work, by the student's name.
    """
    parts = [part for part in parts if part.surplus]
    if progress and parts:
        progress.step("Removing what is no longer wanted", len(parts))
    why: dict[str, str] = {}
    owners = {live["metadata"]["uid"]: part.name for part in parts for live in part.surplus}
    # What lies in a namespace that goes is taken along by it.
    lives = [live for part in parts for live in part.surplus if not _goes_along(live, part)]
    for live, refusal in client.each(lambda live: cluster.delete(client, live), lives):
        if refusal:
            why[owners[live["metadata"]["uid"]]] = refusal
    namespaces = [live for live in lives if live["kind"] == "Namespace"]
    stuck = cluster.await_gone(client, namespaces, seconds=SECONDS)
    by_name = {live["metadata"]["name"]: owners[live["metadata"]["uid"]] for live in namespaces}
    return why | {by_name[name]: reason for name, reason in stuck.items()}


def _goes_along(live: Manifest, part: Part) -> bool:
    going = {item["metadata"]["name"] for item in part.surplus if item["kind"] == "Namespace"}
    return live["metadata"].get("namespace") in going
