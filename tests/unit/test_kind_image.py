"""The node image: what its name follows from, and how the images inside it are written."""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
import threading
from dataclasses import replace

import pytest

from provisioner.errors import MissingToolError
from provisioner.kind import container_image, image, recipe
from provisioner.kind.container_image import Program
from provisioner.kind.docker import Engine
from provisioner.toolchain import _tools, cache, lock
from provisioner.toolchain.node_pins import NODE_PINS
from provisioner.toolchain.pins import PINS


def test_every_program_of_a_node_is_built_static_from_a_pin():
    for pin in NODE_PINS.values():
        assert pin.static
        assert pin.accepts.holds(pin.version)
        assert (_tools() / pin.module / "go.sum").is_file()


def test_a_static_program_is_not_taken_for_one_that_needs_a_library():
    static = NODE_PINS["etcd"]

    assert replace(static, static=False) == PINS["etcd"]
    assert cache.digest(static, _tools()) != cache.digest(PINS["etcd"], _tools())


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("SUITE", "trixie"),
        ("PACKAGES", ("systemd",)),
        ("SETUP", "true"),
        ("PRELOAD", "true"),
        ("NETWORK", "{}"),
        ("SETTINGS", {}),
    ],
)
def test_another_recipe_has_another_name(monkeypatch, part, value):
    before = recipe.image_name()

    monkeypatch.setattr(recipe, part, value)

    assert recipe.image_name() != before


def test_another_program_gives_another_name(monkeypatch):
    before = recipe.image_name()

    monkeypatch.setitem(NODE_PINS, "coredns", replace(NODE_PINS["coredns"], version="1.12.2"))

    assert recipe.image_name() != before


def test_an_image_holds_its_program_and_starts_it(tmp_path):
    (tmp_path / "program").write_bytes(b"binary")
    program = Program(file=tmp_path / "program", inside="/usr/local/bin/etcd")

    container_image.write(program, "example.test/etcd:1", tmp_path / "etcd.tar")

    with tarfile.open(tmp_path / "etcd.tar") as archive:
        [manifest] = json.load(archive.extractfile("manifest.json"))
        config = archive.extractfile(manifest["Config"]).read()
        layer = archive.extractfile(manifest["Layers"][0]).read()
    assert manifest["RepoTags"] == ["example.test/etcd:1"]
    assert manifest["Config"] == hashlib.sha256(config).hexdigest() + ".json"
    told = json.loads(config)
    assert told["config"]["Entrypoint"] == ["/usr/local/bin/etcd"]
    assert told["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["etcd.tar", "program"]


def test_an_image_is_the_same_wherever_it_is_written(tmp_path):
    digests = set()
    for name, when in (("one", 1), ("two", 2_000_000_000)):
        (tmp_path / name).write_bytes(b"binary")
        os.utime(tmp_path / name, (when, when))
        program = Program(file=tmp_path / name, inside="/pause", links=(("bin/sh", "pause"),))
        container_image.write(program, "example.test/pause:1", tmp_path / f"{name}.tar")
        with tarfile.open(tmp_path / f"{name}.tar") as archive:
            digests.add(json.load(archive.extractfile("manifest.json"))[0]["Config"])

    assert len(digests) == 1


@pytest.mark.parametrize(
    ("text", "mirror"),
    [
        ("Types: deb\nURIs: http://mirror.test/debian\nSuites: x\n", "http://mirror.test/debian"),
        ("deb [arch=amd64] https://mirror.test/debian/ x main\n", "https://mirror.test/debian/"),
        ("deb http://mirror.test/ubuntu x main\n", ""),
        ("Types: deb\nURIs: http://mirror.test/debian-security\nSuites: x\n", ""),
    ],
)
def test_packages_come_from_where_this_machine_takes_them(monkeypatch, tmp_path, text, mirror):
    (tmp_path / "sources").write_text(text)
    monkeypatch.setattr(image, "SOURCES", (tmp_path / "none", tmp_path / "sources"))

    assert image._machines_mirror() == mirror


def test_without_docker_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(MissingToolError, match="There is no docker command"):
        image.build(Engine(), print)


def test_an_engine_that_does_not_answer_is_told_apart(monkeypatch, docker):
    docker("echo 'Cannot connect to the Docker daemon' >&2; exit 1")

    with pytest.raises(MissingToolError, match="No container engine answers"):
        image.build(Engine("tcp://127.0.0.1:1"), print)


def test_what_is_missing_to_build_with_is_named(monkeypatch, docker, tmp_path):
    docker("")

    with pytest.raises(MissingToolError) as caught:
        image.build(Engine(), print)

    assert "debootstrap, util-linux" in caught.value.message


def test_of_two_who_build_one_waits(monkeypatch, docker, tmp_path):
    docker("")
    said: list[str] = []
    waits = threading.Event()

    def say(line: str) -> None:
        said.append(line)
        waits.set()

    def build() -> None:
        with pytest.raises(MissingToolError):
            image.build(Engine(), say)

    second = threading.Thread(target=build)
    with lock.held(image._folder() / "lock", say=print, what="building the node image"):
        second.start()
        assert waits.wait(60)
        assert said == [f"waiting for process {os.getpid()}, building the node image"]
    second.join(60)
    assert not second.is_alive()


def test_what_a_killed_build_left_is_thrown_away(monkeypatch, docker):
    docker("")
    left = image._folder() / "unfinished-abc" / "root"
    left.mkdir(parents=True)

    with pytest.raises(MissingToolError):
        image.build(Engine(), print)

    assert not left.exists()


def test_a_finished_archive_is_handed_to_the_engine_and_not_built_again(docker):
    calls = docker("")
    archive = image._folder() / f"{recipe.digest()}.tar"
    archive.parent.mkdir(parents=True)
    archive.write_bytes(b"")

    built = image.build(Engine("tcp://engine.test:1"), lambda _: None)

    assert built.name == recipe.image_name()
    last = calls.read_text().splitlines()[-1]
    assert last == f"tcp://engine.test:1 load --input {archive}"


VERSION = '[ "$1" != version ] || echo \'{"Server": {"Version": "20.10"}}\''


@pytest.fixture
def docker(monkeypatch, tmp_path):
    """Put a docker on an otherwise empty PATH; it notes what it is called with."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))

    def put(steps: str):
        path = tmp_path / "bin" / "docker"
        path.parent.mkdir()
        path.write_text(
            f'#!/bin/sh\necho "$DOCKER_HOST $*" >>{tmp_path}/calls\n{steps}\n{VERSION}\n'
        )
        path.chmod(0o755)
        return tmp_path / "calls"

    return put
