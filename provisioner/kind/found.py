"""What is there of a cluster: its nodes, and its network, which says whose it is.

kind lets nobody label its containers. So each cluster gets a network of its own, which is
made first and removed last, and which carries the labels. Students' nodes then do not meet
each other on kind's common network either.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .wanted import Port, Wanted

CLUSTER = "practicum.cluster"
COHORT = "practicum.cohort"
STUDENT = "practicum.student"
RECIPE = "practicum.recipe"
NAMES = "practicum.names"
MAKER = "practicum.maker"
KINDS_LABEL = "io.x-k8s.kind.cluster"
KINDS_ROLE = "io.x-k8s.kind.role"
API_PORT = "6443/tcp"

COMPLETE = "/kind/practicum-complete"
"""In the first node, once kind has ended well: a cluster without it was cut short."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """A node's container."""

    name: str
    image: str
    role: str
    running: bool
    bindings: Mapping[str, Any]
    """Ports as the engine has them: ``{"6443/tcp": [{"HostIp", "HostPort"}]}``."""

    id: str = ""
    """The engine's own, which no other container has or gets."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What the engine has under a cluster's name; it may be nothing."""

    name: str
    nodes: tuple[Node, ...]
    labels: Mapping[str, str] | None
    """Of the cluster's network; None when there is none."""

    complete: bool
    """Whether kind had made all of it."""

    since: datetime | None = None
    """When the network was made, by the engine's clock: known of a single cluster alone."""

    def __bool__(self) -> bool:
        return bool(self.nodes) or self.labels is not None

    def belongs_to(self, cohort: str, student: str) -> bool:
        """Say whether it is this student's; a cluster that others made is nobody's of ours."""
        mine = {CLUSTER: self.name, COHORT: cohort, STUDENT: student}
        return self.labels is not None and mine.items() <= self.labels.items()

    @property
    def first(self) -> Node | None:
        """The node with the API server."""
        return next((node for node in self.nodes if node.role == "control-plane"), None)

    @property
    def runs(self) -> bool | str:
        """Whether its nodes run; ``some`` where only some do, which nobody wants."""
        states = {node.running for node in self.nodes}
        return "some" if len(states) > 1 else states == {True}

    @property
    def running(self) -> bool:
        """Whether every node runs."""
        return self.runs is True

    @property
    def server(self) -> str:
        """Where the API server answers on the host."""
        bound = self.first.bindings.get(API_PORT) if self.first else None
        return f"https://{bound[0]['HostIp']}:{bound[0]['HostPort']}" if bound else ""

    @property
    def host_ports(self) -> set[int]:
        """Ports of the host that its nodes have, also while they are stopped."""
        bound = (
            one for node in self.nodes for all_ in node.bindings.values() for one in all_ or []
        )
        return {int(one["HostPort"]) for one in bound if one["HostPort"]}

    def as_wanted(self) -> Wanted:
        """Describe it in the words in which one is asked for."""
        labels = self.labels or {}
        bound = self.first.bindings.get(API_PORT) if self.first else None
        return Wanted(
            name=self.name,
            cohort=labels.get(COHORT, ""),
            student=labels.get(STUDENT, ""),
            image=self.first.image if self.first else "",
            workers=sum(node.role == "worker" for node in self.nodes),
            ports=_ports(self.first.bindings) if self.first else (),
            address=bound[0]["HostIp"] if bound else Wanted.address,
            server_port=int(bound[0]["HostPort"]) if bound else 0,
            names=tuple(filter(None, labels.get(NAMES, "").split(","))),
            running=self.running,
        )


def network_name(cluster: str) -> str:
    """Return the name of a cluster's own network."""
    return f"kind-{cluster}"


def _ports(bindings: Mapping[str, Any]) -> tuple[Port, ...]:
    found = []
    for inside, bound in bindings.items():
        number, _, protocol = inside.partition("/")
        if inside != API_PORT:
            found += [Port(int(one["HostPort"]), int(number), protocol.upper()) for one in bound]
    return tuple(sorted(found))
