"""Read what the cluster's nodes have, and what pods outside a class take of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from typing import Any

from .. import quantity
from ..capacity import Amounts, Place, Room
from ..errors import ClusterError
from ..manifest import Manifest
from .answers import ApiError
from .client import Client
from .footprint import LIMITED, footprint

UNTOLD = frozenset({"requests.storage"})
"""How much there is for volumes, no node says."""

KEEPS_OUT = ("NoSchedule", "NoExecute")
ALWAYS = {"requests.cpu": "cpu", "requests.memory": "memory",
          "requests.ephemeral-storage": "ephemeral storage", "pods": "room for pods"}  # fmt: skip
"""What every student's pod takes some of: their namespaces have defaults for it."""

Taken = dict[str, dict[str, Decimal]]
"""What pods take, by node; of those that wait, under the empty name."""


def read_room(client: Client, cohort: str, inside: Collection[str]) -> Room:
    """Read what there is for a class.

    Args:
        client: The cluster.
        cohort: The class's name.
        inside: Namespaces of the class: what runs in them is what it needs, so it takes
            nothing from it.

    Raises:
        ClusterError: If nodes or pods cannot be listed.
    """
    try:
        taken = _taken(client, cohort, inside)
        places = tuple(_place(node, taken) for node in _list(client, cohort, "nodes"))
    except ValueError as error:
        raise ClusterError(f"An amount on a node or a pod {error}.") from None
    return Room(places=places, waiting=taken[""], untold=UNTOLD)


def _taken(client: Client, cohort: str, inside: Collection[str]) -> Taken:
    taken: Taken = defaultdict(lambda: defaultdict(Decimal))
    for pod in _list(client, cohort, "pods"):
        over = pod.get("status", {}).get("phase") in ("Succeeded", "Failed")
        if not over and pod["metadata"]["namespace"] not in inside:
            for key, amount in footprint(pod).items():
                taken[pod["spec"].get("nodeName") or ""][key] += amount
    return taken


def _list(client: Client, cohort: str, plural: str) -> Iterator[Manifest]:
    try:
        yield from client.pages(f"/api/v1/{plural}")
    except ApiError as error:
        raise ClusterError(
            f"The cluster refuses to list {plural}: {error.message}",
            hint=f"Its administrator can give that right: practicum role {cohort}",
        ) from None


def _place(node: Manifest, taken: Taken) -> Place:
    name = node["metadata"]["name"]
    has = _has(node.get("status", {}).get("allocatable") or {})
    used = taken[name]
    why = _left_out(node) or _full(has, used)
    return Place(name=name, has=has, used=used, left_out=why)


def _has(allocatable: Mapping[str, str]) -> Amounts:
    amounts = {name: quantity.parse(text) for name, text in allocatable.items()}
    return {
        **{f"requests.{name}": amount for name, amount in amounts.items() if name != "pods"},
        **{f"limits.{name}": amounts[name] for name in LIMITED if name in amounts},
        **{name: amount for name, amount in amounts.items() if name == "pods"},
    }


def _left_out(node: Manifest) -> str:
    """Say why no pod of a student would be put on a node; empty where one would."""
    spec, status = node.get("spec", {}), node.get("status", {})
    if node["metadata"].get("deletionTimestamp"):
        return "is being deleted"
    if spec.get("unschedulable"):
        return "is cordoned"
    if not any(_is_ready(condition) for condition in status.get("conditions") or []):
        return "is not ready"
    taints = [one["key"] for one in spec.get("taints") or [] if one.get("effect") in KEEPS_OUT]
    return f"has the taint {taints[0]}" if taints else ""


def _is_ready(condition: Mapping[str, Any]) -> bool:
    return (condition["type"], condition["status"]) == ("Ready", "True")


def _full(has: Amounts, used: Amounts) -> str:
    """Say what a node has nothing left of: the rest of it is of no use then."""
    nothing = Decimal(0)
    gone = [what for key, what in ALWAYS.items() if has.get(key, nothing) <= used.get(key, nothing)]
    return f"has no {gone[0]} left" if gone else ""
