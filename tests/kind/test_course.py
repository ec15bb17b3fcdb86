"""A course of kind clusters where something is wrong: one student fails with a line, others are done."""

from __future__ import annotations

import json
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioner.kind.found import look
from provisioner.lifecycle.own_clusters.reading import ANEW

from ..both.life import OnKind

# The image takes 13 minutes to make where it is not cached.
pytestmark = [pytest.mark.kind, pytest.mark.timeout(1800)]

PARTIAL = 6
MISSING = 4
NONE = "practicum/kind-node:none"


@pytest.fixture
def life(engine, node_image, tmp_path) -> Iterator[OnKind]:
    made = OnKind.make(f"kc{uuid.uuid4().hex[:6]}", tmp_path, engine, node_image)
    yield made
    made.end()


@pytest.fixture
def port() -> Iterator[int]:
    """A port of this machine on which somebody else listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def berth(life: OnKind, id: str, **said: object) -> dict[str, object]:
    usual = {"id": id, "engine": "local", "cluster": life.course.namespace(id), "image": ""}
    return {**usual, "ports": [], **said}


def write_berths(life: OnKind, **berths: object) -> None:
    path: Path = life.course.folder / "clusters.json"
    path.write_text(json.dumps({"version": 1, "students": berths}))


def test_who_fails_is_told_why_and_the_others_are_done(life: OnKind, port: int):
    course, engine = life.course, life.engine
    away = {"name": "lab1", "ssh": "nobody@127.0.0.1:1"}
    kind = {"ports": [30080], "engines": ["local", away]}
    course.write(["1", "2", "3", "4", "5"], cluster=None, backend="kind", kind=kind)
    write_berths(
        life,
        s2=berth(life, "2", ports=[[port, 30080]]),
        s3=berth(life, "3", image=NONE),
        s4=berth(life, "4", engine="lab1"),
        s5=berth(life, "5"),
        s1=berth(life, "1"),
    )
    theirs = engine.run(
        *("create", "--label", f"io.x-k8s.kind.cluster={course.namespace('5')}"),
        *("--entrypoint", "true", life.settings["kind"]["image"]),
    ).strip()
    try:
        done = course.up(code=PARTIAL)

        assert done["created"] == 1
        why = {one["id"]: one["error"].splitlines()[-1] for one in done["failed"]}
        assert why.keys() == {"2", "3", "4", "5"}
        assert f"that the cluster {course.namespace('2')} is to have is taken: {port}" in why["2"]
        assert f"has no image {NONE}" in why["3"]
        assert "the engine lab1 (nobody@127.0.0.1:1) does not answer" in why["4"]
        assert "is somebody else's cluster; it is not touched" in why["5"]
        assert life.left() == [course.namespace("1")]
        phases = {one["id"]: one["phase"] for one in course.json("status", course.name)["students"]}
        assert phases == {
            "1": "ready", "2": "missing", "3": "missing", "4": "unreachable", "5": "foreign",
        }  # fmt: skip
        assert engine.run("ps", "--all", "--quiet", "--no-trunc", "--filter", f"id={theirs}")

        what_runs_is_held_against_what_is_wanted(life)
        an_engine_that_is_not_seen_proves_nothing(life)
    finally:
        engine.run("rm", "--volumes", theirs)


def what_runs_is_held_against_what_is_wanted(life: OnKind) -> None:
    course, engine = life.course, life.engine
    node = f"{course.namespace('1')}-control-plane"
    cluster = f"KindCluster/{course.namespace('1')}"

    engine.run("exec", node, "rm", "/kind/practicum-complete")
    assert course.changes()["1"] == [f"{cluster} spec.complete", ANEW]
    engine.run("exec", node, "touch", "/kind/practicum-complete")
    assert course.changes()["1"] == []

    engine.run("stop", node)
    assert course.changes()["1"] == [f"{cluster} spec.running"]
    done = course.up("1")
    assert (done["changed"], done["failed"]) == (1, [])
    assert life.is_running("1")


def an_engine_that_is_not_seen_proves_nothing(life: OnKind) -> None:
    course = life.course

    receipt = course.down("--no-archive", code=8)

    assert not receipt["proved"]
    assert any("not searched: the engine lab1" in line for line in receipt["remaining"])
    assert life.left() == []
    assert look(life.engine, course.namespace("5")).nodes


def test_without_an_engine_a_command_says_so_and_exits_4(life: OnKind, monkeypatch):
    life.course.write(["1"], **life.settings)
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")

    done = life.course.run("plan", life.course.name, code=MISSING)

    assert "No container engine answers" in done.stderr
    assert "Hint: Start Docker" in done.stderr
    monkeypatch.undo()


def test_more_than_there_is_memory_for_is_refused_with_numbers(life: OnKind):
    kind = {**life.settings["kind"], "memory": "9000Gi"}
    life.course.write(["1", "2"], **{**life.settings, "kind": kind})

    done = life.course.run("up", life.course.name, "--yes", code=3)

    assert "2 cluster(s) of 9000.0 GiB need 18000.0 GiB" in done.stderr
    assert "room for 0" in done.stderr
    assert not (life.course.folder / "clusters.json").exists()


@pytest.mark.parametrize("command", ["verify", "render", "adopt", "keys audit"])
def test_what_is_about_namespaces_is_refused_in_one_line(life: OnKind, command: str):
    life.course.write(["1"], **life.settings)

    done = life.course.run_any(*command.split(), life.course.name)

    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
