"""A course of kind clusters where something is wrong: one student fails with a line, others are done."""

from __future__ import annotations

import base64
import json
import platform
import socket
import tarfile
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from provisioner import toolchain
from provisioner.kind import container_image
from provisioner.kind.cluster import Clusters
from provisioner.kind.looking import look
from provisioner.lifecycle.own_clusters.planning import ANEW

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
def port(life: OnKind) -> Iterator[int]:
    """A port out of the course's range on which somebody else listens; no container, so unseen."""
    with socket.socket() as taken:
        for number in range(life.settings["kind"]["port_range"]["last"], 0, -1):
            with suppress(OSError):
                taken.bind(("127.0.0.1", number))
                break
        taken.listen()
        yield taken.getsockname()[1]


@pytest.fixture
def foreign_image(engine, tmp_path, monkeypatch) -> Iterator[str]:
    """An image that says it is for another processor than that of this machine."""
    other = {"x86_64": "aarch64", "aarch64": "x86_64"}[platform.machine()]
    name, layer = f"practicum/kind-node:{uuid.uuid4().hex[:8]}", tmp_path / "layer"
    tarfile.open(layer, "w").close()
    with monkeypatch.context() as patch:
        patch.setattr(platform, "machine", lambda: other)
        container_image.pack(layer, {}, name, tmp_path / "image.tar")
    engine.run("load", "--input", tmp_path / "image.tar")
    yield name
    engine.run("rmi", "--force", name)


def berth(life: OnKind, id: str, **said: object) -> dict[str, object]:
    usual = {"id": id, "engine": "local", "cluster": life.course.namespace(id), "image": ""}
    return {**usual, "ports": [], **said}


def write_berths(life: OnKind, **berths: object) -> None:
    path: Path = life.course.folder / "clusters.json"
    path.write_text(json.dumps({"version": 1, "students": berths}))


def test_who_fails_is_told_why_and_the_others_are_done(life: OnKind, port: int, foreign_image: str):
    course, engine = life.course, life.engine
    away = {"name": "lab1", "ssh": "nobody@127.0.0.1:1"}
    kind = {**life.settings["kind"], "image": None, "engines": ["local", away]}
    kind = {key: value for key, value in kind.items() if value}
    course.write(["1", "2", "3", "4", "5", "6"], cluster=None, backend="kind", kind=kind)
    write_berths(
        life,
        s2=berth(life, "2", ports=[[port, 30080]]),
        s3=berth(life, "3", image=NONE),
        s4=berth(life, "4", engine="lab1"),
        s5=berth(life, "5"),
        s6=berth(life, "6", image=foreign_image),
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
        assert why.keys() == {"2", "3", "4", "5", "6"}
        assert f"that the cluster {course.namespace('2')} is to have is taken: {port}" in why["2"]
        assert f"has no image {NONE}" in why["3"]
        assert f"The image {foreign_image} is made for" in why["6"]
        assert "the engine lab1 (nobody@127.0.0.1:1) does not answer" in why["4"]
        assert "is somebody else's cluster; it is not touched" in why["5"]
        assert life.left() == [course.namespace("1")]
        phases = {one["id"]: one["phase"] for one in course.json("status", course.name)["students"]}
        assert phases == {
            "1": "ready", "2": "missing", "3": "missing", "4": "unreachable", "5": "foreign",
            "6": "missing",
        }  # fmt: skip
        assert engine.run("ps", "--all", "--quiet", "--no-trunc", "--filter", f"id={theirs}")

        no_credential_is_kept(life)
        what_runs_is_held_against_what_is_wanted(life)
        an_engine_that_is_not_seen_proves_nothing(life)
    finally:
        engine.run("rm", "--volumes", theirs)


def no_credential_is_kept(life: OnKind) -> None:
    """Neither in Pulumi's state nor in a log nor in a kubeconfig that somebody forgot."""
    kind = toolchain.find("kind")["kind"].path
    clusters = Clusters(engine=life.engine, kind=kind, say=lambda _: None)
    name = life.course.namespace("1")
    user = yaml.safe_load(clusters.kubeconfig(name))["users"][0]["user"]
    secrets = (user["client-key-data"], base64.b64decode(user["client-key-data"]).decode())
    files = [path for path in life.course.home.rglob("*") if path.is_file()]
    kept = "\n".join(path.read_text(errors="replace") for path in files)

    assert name in kept  # that is where it would be
    assert not any(secret in kept for secret in secrets)
    assert "PRIVATE KEY" not in kept


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
