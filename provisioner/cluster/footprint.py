"""What a pod reserves of its node, counted as the scheduler counts it.

Containers add up. Init containers run before them one at a time, so the largest counts; one
that goes on beside the others (``restartPolicy: Always``) adds up too. What the pod itself
asks for stands above its containers, and a runtime's overhead comes on top.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from .. import quantity
from ..capacity import Amounts

NOTHING = Decimal(0)
LIMITED = ("cpu", "memory", "ephemeral-storage")
"""What can be promised twice; devices cannot."""


def footprint(pod: Mapping[str, Any]) -> Amounts:
    """Return what a pod reserves, under the names that a quota has for it.

    Raises:
        ValueError: If the cluster gives what is no quantity.
    """
    spec = pod["spec"]
    requests = _of_pod(spec, "requests")
    limits = {**requests, **_of_pod(spec, "limits")}
    return {
        "pods": Decimal(1),
        **{f"requests.{name}": amount for name, amount in requests.items()},
        # What has no limit counts with its request: how much it will take, nobody knows.
        **{f"limits.{name}": limits[name] for name in LIMITED if name in limits},
    }


def _of_pod(spec: Mapping[str, Any], side: str) -> dict[str, Decimal]:
    total: dict[str, Decimal] = {}
    for container in spec["containers"]:
        total = _sum(total, _of(container, side))
    beside: dict[str, Decimal] = {}
    first: dict[str, Decimal] = {}
    for container in spec.get("initContainers") or []:
        mine = _sum(beside, _of(container, side))
        if container.get("restartPolicy") == "Always":
            beside = mine
        first = _larger(first, mine)
    of_all = _larger(_sum(total, beside), first)
    whole = {**of_all, **_of(spec, side)}
    return _sum(whole, _parsed(spec.get("overhead"))) if whole else whole


def _of(container: Mapping[str, Any], side: str) -> dict[str, Decimal]:
    return _parsed((container.get("resources") or {}).get(side))


def _parsed(amounts: Mapping[str, str] | None) -> dict[str, Decimal]:
    return {name: quantity.parse(text) for name, text in (amounts or {}).items()}


def _sum(one: Amounts, other: Amounts) -> dict[str, Decimal]:
    return {n: one.get(n, NOTHING) + other.get(n, NOTHING) for n in {**one, **other}}


def _larger(one: Amounts, other: Amounts) -> dict[str, Decimal]:
    return {n: max(one.get(n, NOTHING), other.get(n, NOTHING)) for n in {**one, **other}}
