"""A server and a node that are a student's may say anything: no more of it is read than anybody needs."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator

import pytest

from provisioner import shell
from provisioner.cluster import Access, Client, allowance
from provisioner.cluster.client import FEW
from provisioner.errors import ClusterError, ToolError
from provisioner.kind.cluster import Clusters
from provisioner.kind.docker import Engine

from .conftest import Answer

SMALL = Answer(body={"kind": "Pod"})
LARGE = Answer(body={"kind": "Pod", "rest": "x" * 100_000})


@pytest.fixture
def theirs(server, monkeypatch) -> Iterator[Client]:
    """A client of a student's own server, of which little is read."""
    monkeypatch.setattr(allowance, "ANSWER", 50_000)
    monkeypatch.setattr(allowance, "SECONDS", 0.5)
    client = Client(Access(server=server.url, ca="", token="canary", bounded=True))
    yield client
    client._session.connections.pool.clear()


def test_what_is_small_is_read_as_it_is(server, theirs):
    server.will("GET", SMALL)

    assert [theirs.request("GET", "/a") for _ in range(3)] == [{"kind": "Pod"}] * 3


@pytest.mark.parametrize(
    "answer",
    [
        LARGE,
        Answer(status=403, body=LARGE.body),
        Answer(status=503, body=LARGE.body),  # which is skipped, and asked for again
        Answer(chunks=[b"x" * 10_000] * 10),
        Answer(body={}, headers={"Long": "x" * 60_000}),
    ],
    ids=["whole", "refusal", "passing", "chunks", "headers"],
)
def test_an_answer_that_is_too_large_is_left(server, theirs, answer):
    server.will("GET", answer)

    with pytest.raises(ClusterError, match="more than anybody reads"):
        theirs.request("GET", "/a")


def test_a_page_of_a_list_that_is_too_large_is_left(server, theirs):
    server.will("GET", Answer(body={"metadata": {}, "items": ["x" * 100_000]}))

    with pytest.raises(ClusterError, match="more than anybody reads"):
        list(theirs.pages("/api/v1/pods"))


def test_other_servers_may_say_as_much_as_they_want(server, client, theirs):
    server.will("GET", LARGE)

    assert client.request("GET", "/a") == LARGE.body


def test_an_answer_that_drips_is_left(server, theirs):
    def drops():
        while True:
            time.sleep(0.05)
            yield b" "

    server.will("GET", Answer(chunks=drops(), cut=True))

    with pytest.raises(ClusterError, match=r"longer than 0.5 s for one answer"):
        theirs.request("GET", "/a")


def test_answers_without_end_are_left(server, monkeypatch):
    monkeypatch.setattr(allowance, "IN_ALL", 3_000)
    one, other = (Client(Access(server=server.url, ca="", bounded=True)) for _ in "12")
    server.will("GET", SMALL)

    with pytest.raises(ClusterError, match="more than anybody reads"):
        [one.request("GET", "/a") for _ in range(100)]
    assert other.request("GET", "/a")  # another student's
    for client in (one, other):
        client._session.connections.pool.clear()


def test_nobody_is_sent_elsewhere_and_nothing_is_unpacked(server, theirs):
    elsewhere = Answer(status=302, body={"own": "answer"}, headers={"Location": "/elsewhere"})
    packed = Answer(body=gzip.compress(b"{}"), headers={"Content-Encoding": "gzip"})
    server.will("GET", elsewhere, packed)

    assert theirs.request("GET", "/a") == {"own": "answer"}
    with pytest.raises(ClusterError, match="no Kubernetes API server"):
        theirs.request("GET", "/a")

    assert [asked.path for asked in server.asked] == ["/a", "/a"]


def test_lists_come_in_pages_of_which_each_fits(server, theirs):
    server.will("GET", Answer(body={"metadata": {}, "items": []}))

    assert list(theirs.pages("/api/v1/pods")) == []

    assert server.asked[0].path.endswith(f"limit={FEW}")
    assert FEW * (3 << 19) < allowance.IN_ALL  # an object may have 1.5 MiB


# Nodes


@pytest.fixture
def node(tmp_path, monkeypatch):
    """Have an engine in whose nodes a script runs, whatever is to."""

    def node(script: str) -> Engine:
        docker = tmp_path / "docker"
        docker.write_text(f"#!/bin/sh\n{script}\n")
        docker.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        return Engine()

    return node


def test_what_a_node_says_is_read_to_its_end_and_no_further(node):
    assert node("echo fine").inside("n", "true", timeout=5) == "fine\n"

    with pytest.raises(ToolError, match="says more than anybody reads"):
        node("exec cat /dev/zero").inside("n", "true", timeout=5)
    with pytest.raises(ToolError, match="wrote nothing"):
        node("exec sleep 60").inside("n", "true", timeout=0.3)
    with pytest.raises(ToolError, match="took longer"):
        node("while echo; do sleep 0.05; done").inside("n", "true", timeout=0.3)


def test_a_kubeconfig_without_end_fails_its_student_alone(node, tmp_path):
    """kind would hold all of it, and take the machine's memory for it."""
    of_engine = Clusters(engine=node("exec cat /dev/zero"), kind=tmp_path, say=lambda _: None)

    with pytest.raises(ToolError, match="says more than anybody reads"):
        of_engine.kubeconfig("a")


def test_what_is_said_beside_is_read_and_only_its_end_is_kept():
    script = "head -c 3M /dev/zero | tr '\\0' x >&2; echo last >&2; exit 3"

    for call in (
        lambda: list(shell.pour("sh", "-c", script, timeout=20)),
        lambda: shell.feed("sh", "-c", script, pieces=[]),
    ):
        with pytest.raises(ToolError) as raised:
            call()
        assert raised.value.details.endswith("xlast")
        assert len(raised.value.details) <= shell.TAIL
