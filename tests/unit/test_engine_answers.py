"""Engines that are not quite Docker, or answer in something else: each is one clear line."""

from __future__ import annotations

import json

import pytest

from provisioner.errors import MissingToolError, ToolError
from provisioner.kind import docker as door
from provisioner.kind import machine
from provisioner.kind.docker import Engine
from provisioner.kind.looking import look_at_all

DOCKER = {"Server": {"Version": "20.10.24", "Components": [{"Name": "Engine"}]}}
PODMANS_COMMAND = {"Client": {"APIVersion": "4.3.1", "Version": "4.3.1", "OsArch": "linux/amd64"}}
PODMANS_SOCKET = {
    "Client": {"Version": "28.2.2"},
    "Server": {
        "Version": "4.3.1",
        "Components": [{"Name": "Podman Engine"}, {"Name": "Conmon"}, {"Name": "Engine"}],
    },
}
"""What Podman 4.3.1 says where its own command is called docker, and where Docker's asks it."""


@pytest.fixture
def docker(tmp_path, monkeypatch):
    """Have a docker that says one thing, whatever it is asked."""
    path, said = tmp_path / "docker", tmp_path / "said"
    path.write_text(f"#!/bin/sh\nexec cat {said}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return lambda text: said.write_text(text if isinstance(text, str) else json.dumps(text))


def test_an_old_docker_and_one_that_tells_its_parts_are_taken(docker):
    for said in (DOCKER, {"Server": {"Version": "20.10.24"}}):
        docker(said)
        assert Engine().require() == "20.10.24"


@pytest.mark.parametrize(
    "said", [PODMANS_COMMAND, PODMANS_SOCKET, [], {"Server": None}, {"Server": {"Components": [1]}}]
)
def test_what_takes_dockers_place_is_refused_by_name(docker, said):
    docker(said)

    with pytest.raises(MissingToolError, match="Podman"):
        Engine().require()


def test_a_command_that_says_something_else_is_no_engine(docker):
    docker("Welcome to lab1\n")

    with pytest.raises(MissingToolError, match="No container engine answers") as caught:
        Engine().require()

    assert "Welcome to lab1" in (caught.value.details or "")


@pytest.mark.parametrize("said", [{"host": {"arch": "amd64"}}, [], {"NCPU": 2}, "<html>"])
def test_an_engine_that_does_not_say_what_its_machine_is(docker, said):
    docker(said)

    with pytest.raises(ToolError, match=r"does not (say what its machine is|answer in JSON)"):
        machine.information(Engine())


def test_clusters_of_an_engine_that_answers_in_something_else(docker):
    docker("Welcome to lab1\n")

    with pytest.raises(ToolError, match="does not answer in JSON"):
        look_at_all(Engine())


@pytest.mark.parametrize(
    "said", ["", "Welcome to lab1\n", "MemTotal: 9 kB\n", "MemAvailable:\n", "MemAvailable: x kB\n"]
)
@pytest.mark.parametrize("address", ["ssh://lab1", "unix:///x", "tcp://lab1:1"])
def test_a_host_that_does_not_say_how_much_memory_it_has(
    docker, tmp_path, monkeypatch, said, address
):
    docker(said)
    (tmp_path / "ssh").symlink_to(tmp_path / "docker")
    monkeypatch.setattr(door, "MEMORY", str(tmp_path / "said"))

    with pytest.raises(ToolError, match="how much memory"):
        Engine(address).free_memory()


def test_a_machine_without_linuxs_file_is_asked_by_its_engine(docker, tmp_path, monkeypatch):
    docker("4096\n")
    monkeypatch.setattr(door, "MEMORY", str(tmp_path / "none"))

    assert Engine("unix:///x").free_memory() == 4096


def test_an_engine_that_does_not_know_the_time(docker):
    docker("Welcome to lab1\n")

    with pytest.raises(ToolError, match="what time it is"):
        Engine().now()
