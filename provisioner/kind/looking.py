"""Ask an engine what there is of clusters."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from typing import Any

from ..errors import ToolError
from .docker import PATIENCE, Engine, parsed
from .found import (
    CLUSTER,
    COMPLETE,
    KINDS_LABEL,
    KINDS_ROLE,
    Found,
    Node,
    network_name,
)

POLL = 0.1

AT_ONCE = 8
"""Questions that an engine is asked at a time."""

# Of the engine itself, which has looked: a client that reached none says "no such file" too.
_NOT_THERE = re.compile(
    r"Error response from daemon: .*(Could not find the file|No such container"
    r"|not a directory|too many links|too many levels of symbolic links)",
    re.IGNORECASE,
)


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
            return list(parsed(told))


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
