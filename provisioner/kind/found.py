"""What is there of a cluster: its nodes, and its network, which says whose it is.

kind lets nobody label its containers. So each cluster gets a network of its own, which is
made first and removed last, and which carries the labels. Students' nodes then do not meet
each other on kind's common network either.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ..errors import ToolError
from .docker import PATIENCE, Engine
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

POLL = 0.1

AT_ONCE = 8
"""Questions that an engine is asked at a time."""

COMPLETE = "/kind/practicum-complete"
"""In the first node, once kind has ended well: a cluster without it was cut short."""

# Of the engine itself, which has looked: a client that reached none says "no such file" too.
_NOT_THERE = re.compile(
    r"Error response from daemon: .*(Could not find the file|No such container"
    r"|not a directory|too many links|too many levels of symbolic links)",
    re.IGNORECASE,
)


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


def look(engine: Engine, name: str) -> Found:
    """Ask the engine what there is of a cluster.

    Raises:
        ToolError: If it cannot be asked.
    """
    nodes = tuple(_nodes(engine, name))  # before the network, which is made before them
    network = next(iter(_networks(engine, f"name=^{network_name(name)}$")), None)
    found = Found(
        name=name,
        nodes=nodes,
        labels=dict(network["Labels"] or {}) if network else None,
        since=datetime.fromisoformat(network["Created"]) if network else None,
        complete=False,
    )
    return replace(found, complete=found.first is not None and _has_mark(engine, found.first))


def look_at_all(engine: Engine) -> dict[str, Found]:
    """Ask the engine for every cluster that it has, ours or not, by name: in a few questions.

    Raises:
        ToolError: If it cannot be asked.
    """
    nodes: dict[str, list[Node]] = {}
    for told in _inspected(engine, f"label={KINDS_LABEL}"):
        nodes.setdefault(told["Config"]["Labels"][KINDS_LABEL], []).append(_node(told))
    labels = _all_labels(engine)
    found = {
        name: Found(
            name=name,
            nodes=tuple(sorted(nodes.get(name, []), key=lambda node: node.name)),
            labels=labels.get(name),
            complete=False,
        )
        for name in nodes.keys() | labels.keys()
    }
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(found, pool.map(lambda one: _marked(engine, one), found.values()),
                        strict=True))  # fmt: skip


def _marked(engine: Engine, found: Found) -> Found:
    """Say of a cluster that carries our labels whether it is whole."""
    ours = found.first if found.labels and CLUSTER in found.labels else None
    return replace(found, complete=ours is not None and _has_mark(engine, ours))


def _all_labels(engine: Engine) -> dict[str, dict[str, str]]:
    """Return the labels of every cluster's own network, by the cluster's name."""
    prefix = network_name("")
    told = _networks(engine, f"name=^{prefix}")
    named = {str(one["Name"]).removeprefix(prefix): dict(one["Labels"] or {}) for one in told}
    return {name: labels for name, labels in named.items() if name}


def _networks(engine: Engine, filtered: str) -> list[dict[str, Any]]:
    return _seen(engine, ("network", "ls"), ("network", "inspect"), filtered)


def _nodes(engine: Engine, name: str) -> list[Node]:
    told = _inspected(engine, f"label={KINDS_LABEL}={name}")
    return [_node(one) for one in sorted(told, key=lambda one: str(one["Name"]))]


def _inspected(engine: Engine, filtered: str) -> list[dict[str, Any]]:
    return _seen(engine, ("ps", "--all"), ("inspect", "--type", "container"), filtered)


def _seen(
    engine: Engine, listing: tuple[str, ...], inspecting: tuple[str, ...], filtered: str
) -> list[dict[str, Any]]:
    """Look at what is listed; what is just being made or removed is listed, but not to be seen."""
    deadline = time.monotonic() + PATIENCE
    while True:
        command = (*listing, "--quiet", "--filter", filtered)
        listed = engine.run(*command, timeout=PATIENCE).split()
        if not listed:
            return []
        try:
            told = engine.run(*inspecting, *listed, timeout=PATIENCE)
        except ToolError:
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL)
        else:
            return list(json.loads(told))


def _node(told: Mapping[str, Any]) -> Node:
    return Node(
        name=told["Name"].lstrip("/"),
        image=told["Config"]["Image"],
        role=told["Config"]["Labels"].get(KINDS_ROLE, ""),
        running=told["State"]["Running"],
        bindings=told["HostConfig"]["PortBindings"] or {},
        id=told["Id"],
    )


def _has_mark(engine: Engine, node: Node) -> bool:
    """Say whether the mark is there; not that it is not where the engine did not say so.

    Raises:
        ToolError: If the engine does not say.
    """
    # Unlike exec, cp works on a node that is stopped. Only its first piece is read: the node is
    # its student's, and the file there may be of any size.
    command = ("cp", f"{node.name}:{COMPLETE}", "-")
    try:
        with closing(engine.pour(*command, timeout=PATIENCE)) as pieces:
            return next(pieces, None) is not None
    except ToolError as error:
        if _NOT_THERE.search(error.details or ""):
            return False
        raise


def _ports(bindings: Mapping[str, Any]) -> tuple[Port, ...]:
    found = []
    for inside, bound in bindings.items():
        number, _, protocol = inside.partition("/")
        if inside != API_PORT:
            found += [Port(int(one["HostPort"]), int(number), protocol.upper()) for one in bound]
    return tuple(sorted(found))
