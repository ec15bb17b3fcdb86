"""Does the ceiling hold: to the last object, and when all come at once?

Tried with real objects in the scratch neighbour's namespace, since a dry run uses nothing
up. The kind is the cheapest that the cohort allows: nothing runs because of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..cluster import ApiError, Client
from ..errors import ClusterError
from ..manifest import Manifest
from .finding import Finding
from .scene import Scene

AT_ONCE = 20
LEFT = 5
"""How many of those may be admitted."""

REFUSED = "exceeded quota"


@dataclass(frozen=True, eq=False)
class Kind:
    """A kind of object that costs nothing to have."""

    quota: str
    path: str
    body: Manifest


KINDS = (
    Kind(
        "count/poddisruptionbudgets.policy",
        "/apis/policy/v1/namespaces/{}/poddisruptionbudgets",
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "spec": {"minAvailable": 1, "selector": {"matchLabels": {"verify": "none"}}},
        },
    ),
    Kind(
        "count/configmaps",
        "/api/v1/namespaces/{}/configmaps",
        {"apiVersion": "v1", "kind": "ConfigMap"},
    ),
    Kind(
        "count/secrets",
        "/api/v1/namespaces/{}/secrets",
        {"apiVersion": "v1", "kind": "Secret", "type": "Opaque"},
    ),
)


def fairness(scene: Scene) -> Iterator[Finding]:
    """Fill a quota to its end with requests that come at once, and try one more."""
    client, namespace = scene.identities["neighbour"], scene.neighbour.namespace
    try:
        kind, free = _choose(client, namespace)
        filler = [f"verify-fill-{number}" for number in range(free - LEFT)]
        filled = _create(client, kind, namespace, filler)
        rush = [f"verify-rush-{number}" for number in range(AT_ONCE)]
        answers = _create(client, kind, namespace, rush)
        over = _create(client, kind, namespace, ["verify-over"])
    except ClusterError as error:
        yield _finding(("ISO-30", "ISO-32"), "the quota's end", f"failed to prove: {error}")
        return
    admitted = sum(not why for why in answers.values())
    wanted = min(LEFT, free)
    yield _finding(
        ("ISO-32",),
        f"{AT_ONCE} requests at once where {wanted} objects were left ({kind.quota})",
        "" if admitted == wanted else f"ResourceQuota: {admitted} were admitted",
    )
    yield _finding(
        ("ISO-30",),
        f"all up to the quota is accepted ({kind.quota})",
        next((f"ResourceQuota: within the quota refused: {w}" for w in filled.values() if w), ""),
    )
    yield _finding(("ISO-30",), f"one over the quota ({kind.quota})", _over(answers, over))


def _over(answers: Mapping[str, str], over: Mapping[str, str]) -> str:
    refusals = [why for why in (*answers.values(), *over.values()) if why]
    if not over["verify-over"]:
        return "ResourceQuota: one over the quota was accepted"
    odd = [why for why in refusals if REFUSED not in why]
    return f"ResourceQuota: something else refused it: {odd[0]}" if odd else ""


def _choose(client: Client, namespace: str) -> tuple[Kind, int]:
    """Choose the kind of which the least is left, so that little is to be filled up."""
    path = f"/api/v1/namespaces/{namespace}/resourcequotas"
    status: dict[str, dict[str, str]] = {"hard": {}, "used": {}}
    for quota in client.pages(path):
        for side, amounts in status.items():
            amounts.update((quota.get("status") or {}).get(side) or {})
    free = {
        kind: int(status["hard"][kind.quota]) - int(status["used"][kind.quota])
        for kind in KINDS
        if kind.quota in status["hard"]
    }
    some = {kind.quota: (kind, count) for kind, count in free.items() if count > 0}
    if not some:
        raise ClusterError("no quota counts anything that could be tried")
    enough = [pair for pair in some.values() if pair[1] >= LEFT]
    return min(enough or some.values(), key=lambda pair: pair[1])


def _create(client: Client, kind: Kind, namespace: str, names: Iterable[str]) -> dict[str, str]:
    """Create objects at once; returns the refusal of each, empty where it was accepted."""

    def create(name: str) -> str:
        body: dict[str, Any] = {**kind.body, "metadata": {"name": name}}
        try:
            client.request("POST", kind.path.format(namespace), body=body)
        except ApiError as error:
            return error.message
        return ""

    return dict(client.each(create, names))


def _finding(ids: tuple[str, ...], about: str, why: str) -> Finding:
    return Finding(
        about=f"neighbour: {about}",
        requirements=ids,
        verdict="failed" if why else "passed",
        why=why,
        standards=("MTB-PL1-CC-FNS-1", "MTB-PL1-CC-FNS-2"),
        topic="fairness",
    )
