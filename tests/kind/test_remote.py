"""Clusters on an engine that is reached over SSH, and that students reach by its own name.

The other host is this machine, behind a real SSH server: docker's way there is the one to any
host. What another machine would add, its own clock, disk and memory, is not shown here.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from provisioner import toolchain
from provisioner.kind.cluster import Clusters
from provisioner.kind.docker import Engine

from ..both.life import OnKind
from ..cluster import runs
from ..waiting import until

# The image takes 13 minutes to make where it is not cached.
pytestmark = [pytest.mark.kind, pytest.mark.timeout(1800)]

NAME = "lab1.example.org"


class Sshd:
    """An SSH server of this user's own, and an ``ssh`` that knows it."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self.folder, self.engine = folder, engine
        self.port = _free_port()
        for key in ("host", "user"):
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key)]
            subprocess.run(command, check=True)
        (folder / "authorized").write_text((folder / "user.pub").read_text())
        (folder / "sshd.conf").write_text(self._server())
        (folder / "ssh.conf").write_text(self._client())
        (folder / "bin").mkdir()
        wrapper = folder / "bin" / "ssh"
        wrapper.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {folder}/ssh.conf "$@"\n')
        wrapper.chmod(0o755)
        self.process: subprocess.Popen[bytes] | None = None

    def _server(self) -> str:
        address = self.engine.address or os.environ.get("DOCKER_HOST", "")
        docker = f" DOCKER_HOST={address}" if address else ""
        return (
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self.folder}/host\n"
            f"AuthorizedKeysFile {self.folder}/authorized\nPidFile none\nStrictModes no\n"
            f"PermitRootLogin prohibit-password\nMaxStartups 100\nMaxSessions 100\n"
            # What a shell of this user's own would do first is cut short where the server is killed.
            f"SetEnv HOME={self.folder}{docker}\n"
        )

    def _client(self) -> str:
        host = (self.folder / "host.pub").read_text().rsplit(" ", 1)[0]
        (self.folder / "known").write_text(f"[127.0.0.1]:{self.port} {host}\n")
        return (
            f"IdentityFile {self.folder}/user\nIdentitiesOnly yes\nBatchMode yes\n"
            f"UserKnownHostsFile {self.folder}/known\nStrictHostKeyChecking yes\n"
            # As the how-to says: one connection for the hundred commands of a cluster.
            f"ControlMaster auto\nControlPath {self.folder}/shared\nControlPersist 60\n"
        )

    def start(self) -> None:
        Path("/run/sshd").mkdir(exist_ok=True)
        command = [
            _sshd(),
            "-D",
            "-f",
            str(self.folder / "sshd.conf"),
            "-E",
            str(self.folder / "log"),
        ]
        self.process = subprocess.Popen(command)
        deadline = time.monotonic() + 90
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            assert time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(0.05)

    def stop(self) -> None:
        if self.process:
            runs.kill_family(self.process)
            self.process = None


def _sshd() -> str:
    """Return the server's program; install it where ``PRACTICUM_TEST_INSTALL=1`` says so."""
    where = f"{os.environ.get('PATH', '')}:/usr/sbin"
    if not shutil.which("sshd", path=where) and os.environ.get("PRACTICUM_TEST_INSTALL") == "1":
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
        for command in (["update"], ["install", "-y", "--no-install-recommends", "openssh-server"]):
            subprocess.run(["apt-get", "-q", *command], env=env, check=True, capture_output=True)
    found = shutil.which("sshd", path=where)
    if found is None or os.geteuid():
        pytest.skip("there is no sshd here that this user could start")
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def sshd(engine, monkeypatch) -> Iterator[Sshd]:
    with tempfile.TemporaryDirectory(prefix="practicum-sshd-") as folder:
        server = Sshd(Path(folder), engine)
        server.start()
        monkeypatch.setenv("PATH", f"{folder}/bin:{os.environ['PATH']}")
        yield server
        server.stop()


@pytest.fixture
def bridge(engine) -> str:
    """An address of the engine's host that is not loopback."""
    told = engine.run("network", "inspect", "bridge", "--format", "{{json .IPAM.Config}}")
    return str(json.loads(told)[0]["Gateway"])


@pytest.fixture
def life(engine, node_image, sshd, bridge, tmp_path) -> Iterator[OnKind]:
    """A course of one student, whose cluster is to be on an engine over SSH."""
    life = OnKind.make(f"kr{uuid.uuid4().hex[:6]}", tmp_path, engine, node_image)
    course = life.course
    lab = {"name": "lab1", "ssh": f"root@127.0.0.1:{sshd.port}", "address": bridge, "reach": NAME}
    kind = {"engines": ["local", lab], "image": node_image}
    course.write(["1"], cluster=None, backend="kind", kind=kind)
    berth = {"id": "1", "engine": "lab1", "cluster": course.namespace("1"), "image": node_image}
    file = {"version": 1, "students": {"s1": berth}}
    (course.folder / "clusters.json").write_text(json.dumps(file))
    yield life
    if sshd.process is None:
        sshd.start()
    life.end()


SEARCHED = {"containers on lab1", "networks on lab1", "volumes on lab1"}


def test_an_engine_over_ssh_is_searched_and_is_told_when_its_host_is_gone(life: OnKind, sshd):
    """The quick form: no cluster is made there."""
    course = life.course
    assert course.actions() == {"1": "create"}
    receipt = course.down("--no-archive")
    assert receipt["proved"]
    assert set(receipt["searched"]) >= SEARCHED

    sshd.stop()
    is_told_as_unreachable(life)
    receipt = course.down("--no-archive", code=8)
    assert any("not searched: the engine lab1" in line for line in receipt["remaining"])


@pytest.mark.soak
def test_a_cluster_over_ssh_is_reached_by_its_name_and_is_told_when_its_host_is_gone(
    life: OnKind, sshd, bridge
):
    course = life.course
    the_host_is_gone_in_the_middle(life, sshd)

    assert course.up()["created"] == 1  # what was half made is made anew
    assert course.up()["processes"] == 0
    found = life.found("1")
    assert found.server.startswith(f"https://{bridge}:")
    the_certificate_holds_the_name(life, found.server, bridge)

    receipt = course.down("--no-archive")
    assert receipt["proved"]
    assert set(receipt["searched"]) >= SEARCHED
    assert life.left() == []


def the_host_is_gone_in_the_middle(life: OnKind, sshd: Sshd) -> None:
    course = life.course
    run = runs.start_up(course)
    until(life.left, "something is there", run=run)
    sshd.stop()
    told, said = run.communicate(timeout=400)

    assert run.returncode == 6, said
    assert "0 created" in told
    assert "  ! 1: " in told
    is_told_as_unreachable(life)
    sshd.start()


def is_told_as_unreachable(life: OnKind) -> None:
    [student] = life.course.json("status", life.course.name)["students"]
    assert student["phase"] == "unreachable"
    assert "lab1" in student["changes"][0]


def the_certificate_holds_the_name(life: OnKind, server: str, bridge: str) -> None:
    kind = toolchain.find("kind")["kind"].path
    clusters = Clusters(engine=life.engine, kind=kind, say=lambda _: None)
    kubeconfig = yaml.safe_load(clusters.kubeconfig(life.course.namespace("1")))
    ca = kubeconfig["clusters"][0]["cluster"]["certificate-authority-data"]
    trust = ssl.create_default_context()
    trust.load_verify_locations(cadata=base64.b64decode(ca).decode())
    port = int(server.rpartition(":")[2])
    for name in (NAME, bridge):
        assert shake_hands(trust, (bridge, port), name)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(trust, (bridge, port), "lab2.example.org")


def shake_hands(trust: ssl.SSLContext, place: tuple[str, int], name: str) -> object:
    with (
        socket.create_connection(place, 10) as raw,
        trust.wrap_socket(raw, server_hostname=name) as secure,
    ):
        return secure.getpeercert()
