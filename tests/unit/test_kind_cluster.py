"""What a cluster is to be: read from a resource's inputs, checked, and told to kind."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace

import pytest

from provisioner.kind import pod_routes
from provisioner.kind.found import Found, Node
from provisioner.kind.wanted import Port, Wanted
from provisioner.pulumi_provider import differing

INPUTS = {
    "name": "course-s1",
    "cohort": "course",
    "student": "s1",
    "image": "node:1",
    "workers": 1.0,
    "ports": [{"host": 20002.0, "node": 30002.0}, {"host": 20001.0, "node": 53.0, "protocol": "UDP"}],
}  # fmt: skip
WANTED = Wanted.from_inputs(INPUTS)


def test_the_numbers_of_a_resource_are_floats_and_are_read_as_what_they_are():
    assert (WANTED.workers, WANTED.ports) == (
        1,
        (Port(20001, 53, "UDP"), Port(20002, 30002, "TCP")),
    )
    assert Wanted.from_inputs(WANTED.to_outputs()) == WANTED


def test_kind_is_told_of_the_nodes_and_ports_and_of_no_mount():
    told = json.loads(WANTED.kind_config())

    assert [node["role"] for node in told["nodes"]] == ["control-plane", "worker"]
    assert {node["image"] for node in told["nodes"]} == {"node:1"}
    assert told["networking"]["apiServerAddress"] == "127.0.0.1"
    assert told["nodes"][0]["extraPortMappings"] == [
        {
            "hostPort": 20001,
            "containerPort": 53,
            "protocol": "UDP",
            "listenAddress": "127.0.0.1",
        },
        {
            "hostPort": 20002,
            "containerPort": 30002,
            "protocol": "TCP",
            "listenAddress": "127.0.0.1",
        },
    ]
    assert "ount" not in WANTED.kind_config()


@pytest.mark.parametrize(
    ("workers", "nodes"),
    [
        (0, ["c-control-plane"]),
        (1, ["c-control-plane", "c-worker"]),
        (3, ["c-control-plane", "c-worker", "c-worker2", "c-worker3"]),
    ],
)
def test_nodes_are_called_as_kind_calls_them(workers, nodes):
    assert replace(WANTED, name="c", workers=workers).nodes == nodes


class Nodes:
    """Notes what runs in which node; the first says what ranges there are."""

    def __init__(self, ranges):
        self.ranges, self.told = ranges, {}

    def inside(self, node, *command, timeout):
        self.told.setdefault(node, []).append(command)
        return self.ranges if node == "a" and len(self.told[node]) == 1 else ""


RANGES = "10.244.0.0/24 a\n10.244.1.0/24 b\n"


@pytest.mark.parametrize(
    ("ranges", "names", "keep"),
    [(RANGES, ["a", "b"], ["a", "b"]), ("", ["a", "b"], []), (RANGES, ["a"], [])],
)
def test_nodes_of_our_image_keep_routes_to_each_other_and_no_others_do(ranges, names, keep):
    nodes = Nodes(ranges)

    pod_routes.keep(nodes, names)

    kept = {node for node, told in nodes.told.items() for one in told if one[-1] == RANGES.strip()}
    assert sorted(kept) == keep


def test_a_node_is_told_the_ranges_of_the_others_alone(tmp_path):
    script = pod_routes._KEEP.split("cat >")[0].replace("/kind/", f"{tmp_path}/")
    command = ["bash", "-c", script, "bash", RANGES.strip()]

    subprocess.run(command, check=True, env={**os.environ, "HOSTNAME": "a"})

    assert (tmp_path / "pod-ranges").read_text() == "10.244.1.0/24 b\n"


def test_a_port_that_is_given_is_told_to_kind_and_one_that_is_not_is_no_difference():
    """kind looks for a free one on our machine: on a host over SSH that says nothing."""
    told = json.loads(replace(WANTED, server_port=31000).kind_config())
    assert told["networking"]["apiServerPort"] == 31000
    assert "apiServerPort" not in WANTED.kind_config()

    seen = {**WANTED.to_outputs(), "server_port": 41001, "complete": True}
    assert differing.properties(seen, WANTED.to_outputs()) == ([], [])
    wanted = replace(WANTED, server_port=31000).to_outputs()
    assert differing.properties(seen, wanted) == (["server_port"], ["server_port"])


def test_certificates_hold_what_kind_gives_them_and_the_names_of_ours():
    told = json.loads(replace(WANTED, address="192.0.2.7", names=("l.example.org",)).kind_config())

    [_, patch] = told["kubeadmConfigPatches"]
    names = json.loads(patch)["apiServer"]["certSANs"]
    assert names == ["localhost", "127.0.0.1", "192.0.2.7", "l.example.org"]
    assert "certSANs" not in WANTED.kind_config()


def test_where_there_is_one_of_each_nobody_waits_for_a_leader():
    """In kubeadm's form of the version that kind writes, so that another one leaves it out."""
    [told] = json.loads(WANTED.kind_config())["kubeadmConfigPatches"]

    patch = json.loads(told)
    assert patch.pop("kind") == "ClusterConfiguration"
    assert patch.pop("apiVersion") == "kubeadm.k8s.io/v1beta3"
    assert patch == {
        name: {"extraArgs": {"leader-elect": "false"}}
        for name in ("controllerManager", "scheduler")
    }


@pytest.mark.parametrize(
    ("change", "mistake"),
    [
        ({"name": "a" * 51}, "name"),
        ({"name": "-a"}, "name"),
        ({"name": "a_b"}, "name"),
        ({"name": ""}, "name"),
        ({"workers": -1}, "workers"),
        ({"address": "0.0.0"}, "address"),
        ({"address": "host; rm"}, "address"),
        ({"names": ("a b",)}, "names"),
        ({"server_port": 80}, "server_port"),
        ({"ports": (Port(70000, 1),)}, "ports"),
        ({"ports": (Port(2000, 0),)}, "ports"),
        ({"ports": (Port(2000, 1), Port(2000, 2))}, "ports"),
    ],
)
def test_a_mistake_is_named(change, mistake):
    assert [name for name, _ in replace(WANTED, **change).mistakes()] == [mistake]


def test_what_is_right_has_no_mistake():
    fine = replace(WANTED, name="a" * 50, ports=(Port(2000, 1), Port(2000, 1, "UDP")))

    assert list(fine.mistakes()) == []


def test_only_whether_it_runs_leaves_the_recipe_as_it_is():
    assert replace(WANTED, running=False).digest() == WANTED.digest()
    for change in (
        {"image": "node:2"},
        {"workers": 2},
        {"ports": ()},
        {"address": "0.0.0.0"},
        {"student": "s2"},
    ):
        assert replace(WANTED, **change).digest() != WANTED.digest()


def test_every_property_is_either_fixed_or_can_be_changed():
    assert {*differing.FIXED, *differing.CHANGEABLE} == WANTED.to_outputs().keys()


@pytest.mark.parametrize("name", differing.FIXED)
def test_what_kind_cannot_change_makes_a_new_cluster(name):
    seen = {**WANTED.to_outputs(), "complete": True, "server": "https://127.0.0.1:1"}

    wanted = {**WANTED.to_outputs(), "server_port": 1}
    seen = {**seen, "server_port": 1, name: "other"}
    assert differing.properties(seen, wanted) == ([name], [name])


def test_an_unchanged_cluster_has_no_difference():
    seen = {**WANTED.to_outputs(), "complete": True, "server": "https://127.0.0.1:1"}

    assert differing.properties(seen, WANTED.to_outputs()) == ([], [])


def found(labels: dict[str, str] | None = None, *, running: bool = True) -> Found:
    bindings = {
        "6443/tcp": [{"HostIp": "127.0.0.1", "HostPort": "41001"}],
        "53/udp": [{"HostIp": "127.0.0.1", "HostPort": "20001"}],
        "30002/tcp": [{"HostIp": "127.0.0.1", "HostPort": "20002"}],
    }
    first = Node(name="a", image="node:1", role="control-plane", running=running, bindings=bindings)
    worker = replace(first, name="b", role="worker", bindings={})
    return Found(name="course-s1", nodes=(first, worker), labels=labels, complete=True)


OURS = {"practicum.cluster": "course-s1", "practicum.cohort": "course", "practicum.student": "s1"}


def test_what_is_found_is_described_as_it_was_wanted():
    assert found(OURS).as_wanted() == replace(WANTED, server_port=41001)
    assert found(OURS).server == "https://127.0.0.1:41001"


@pytest.mark.parametrize(
    "labels",
    [
        None,
        {},
        {**OURS, "practicum.student": "s2"},
        {**OURS, "practicum.cohort": "other"},
        {**OURS, "practicum.cluster": "other"},
    ],
)
def test_a_cluster_without_all_of_our_labels_is_not_ours(labels):
    assert found(OURS).belongs_to("course", "s1")
    assert not found(labels).belongs_to("course", "s1")
