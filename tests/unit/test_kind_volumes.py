"""Where a volume lies, and what a machine has: read from what the cluster and the engine say."""

from __future__ import annotations

import subprocess

import pytest

from provisioner.kind.found import Node
from provisioner.kind.volumes import Place, fill, is_empty, place_of


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


class Here:
    """Runs on this machine what an engine would run in a node."""

    def inside(self, _node, *command, timeout):
        return subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=timeout
        ).stdout

    def feed(self, _exec, _interactive, _node, *command, pieces):
        subprocess.run(command, check=True, input=b"".join(pieces))


def test_a_look_makes_nothing_and_who_fills_a_volume_makes_its_folder(tmp_path):
    missing = tmp_path / "pvc" / "a"
    place = Place(node="a", path=str(missing))

    assert is_empty(Here(), place)
    assert not missing.exists()

    (tmp_path / "file").write_text("work")
    packed = subprocess.run(
        ["tar", "--create", "--directory", str(tmp_path), "file"], check=True, capture_output=True
    ).stdout
    fill(Here(), place, [packed])
    assert (missing / "file").read_text() == "work"
    assert not is_empty(Here(), place)
