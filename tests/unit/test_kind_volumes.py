"""Where a volume lies, and what a machine has: read from what the cluster and the engine say."""

from __future__ import annotations

import pytest

from provisioner.kind.found import Node
from provisioner.kind.volumes import Place, place_of


def node(name: str) -> Node:
    return Node(name=name, image="node:1", role="worker", running=True, bindings={})


ONE, TWO = (node("a"),), (node("a"), node("b"))


def volume(on: str = "", **spec):
    if on:
        expression = {"key": "kubernetes.io/hostname", "operator": "In", "values": [on]}
        terms = [{"matchExpressions": [expression]}]
        spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": terms}}
    return {"spec": spec}


@pytest.mark.parametrize(
    ("given", "nodes", "place"),
    [
        (volume(hostPath={"path": "/data"}), ONE, Place(node="a", path="/data")),
        (volume(on="b", local={"path": "/data"}), TWO, Place(node="b", path="/data")),
        (volume(on="b", hostPath={"path": "/data"}), TWO, Place(node="b", path="/data")),
    ],
)
def test_a_volume_in_a_nodes_files_has_a_place(given, nodes, place):
    assert place_of(given, nodes) == place


@pytest.mark.parametrize(
    ("given", "nodes"),
    [
        (volume(nfs={"path": "/data", "server": "nas"}), ONE),
        (volume(hostPath={"path": "data"}), ONE),
        (volume(hostPath={"path": "--help"}), ONE),
        (volume(hostPath={"path": "/data"}), TWO),
        (volume(on="c", hostPath={"path": "/data"}), TWO),
        ({}, ONE),
    ],
)
def test_one_that_lies_elsewhere_is_told(given, nodes):
    assert isinstance(place_of(given, nodes), str)
