"""The rehearsal control plane: up, the same, repaired, side by side, and gone.

Real processes. What is only read is asked of the control plane that all tests share;
what breaks things has a rehearsal of its own.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest

from provisioner import rehearsal, toolchain
from provisioner.errors import ToolError
from provisioner.rehearsal.layout import PROGRAMS

from ..waiting import until
from .rehearsed import ask_etcd, of_this_machine, pids

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.cluster


@pytest.fixture
def home(tmp_path):
    """A home for a rehearsal that a test breaks; whatever happens, nothing of it stays."""
    yield tmp_path / "home"
    rehearsal.down(tmp_path / "home")


def test_status_tells_what_runs_and_how_to_reach_it(control_plane):
    status = rehearsal.status(control_plane.home)

    assert status.running
    assert status.version.startswith("1.34.")
    assert status.server.startswith("https://127.0.0.1:")
    assert status.kubeconfig == control_plane.kubeconfig
    assert [process.name for process in status.processes] == list(PROGRAMS)
    assert "never run a container" in status.note


def test_a_second_up_is_the_same_rehearsal(control_plane):
    before = pids(control_plane.home)
    said = []

    again = rehearsal.up(control_plane.home, said.append)

    assert pids(control_plane.home) == before
    assert again.kubeconfig == control_plane.kubeconfig
    assert said == []


def test_kubectl_works_with_its_kubeconfig_and_sees_ready_nodes(control_plane, kubectl):
    nodes = json.loads(kubectl(control_plane.kubeconfig, "get", "nodes", "-o", "json"))["items"]

    ready = [
        node["metadata"]["name"]
        for node in nodes
        for condition in node["status"]["conditions"]
        if condition["type"] == "Ready" and condition["status"] == "True"
    ]
    assert ready == ["rehearsal-1", "rehearsal-2", "rehearsal-3"]


def test_the_kubeconfig_is_private_complete_and_has_one_context(control_plane, kubectl):
    view = kubectl(control_plane.kubeconfig, "config", "view", "-o", "json")
    config = json.loads(view)

    assert [context["name"] for context in config["contexts"]] == ["rehearsal"]
    assert "insecure-skip-tls-verify" not in view
    assert "certificate-authority-data" in config["clusters"][0]["cluster"]
    assert stat.S_IMODE(control_plane.kubeconfig.stat().st_mode) == 0o600


def test_nothing_of_it_can_be_read_by_others(control_plane):
    keys = list((control_plane.folder / "pki").glob("*.key"))

    assert stat.S_IMODE(control_plane.folder.stat().st_mode) == 0o700
    assert len(keys) == 10
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}


def test_it_listens_on_loopback_alone(control_plane):
    listening = [
        connection.laddr.ip
        for pid in pids(control_plane.home).values()
        for connection in psutil.Process(pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]

    assert len(listening) == 3
    assert set(listening) == {"127.0.0.1"}


def test_nobody_gets_in_without_a_certificate(control_plane):
    ports = json.loads((control_plane.folder / "rehearsal.json").read_text())["ports"]
    trust = ssl.create_default_context(cafile=control_plane.folder / "pki/etcd-ca.crt")

    with pytest.raises((ssl.SSLError, ConnectionError), match=r"(?i)certificate required|reset"):
        ask_etcd(ports["etcd"], trust)
    pki = control_plane.folder / "pki"
    trust.load_cert_chain(pki / "etcd-client.crt", pki / "etcd-client.key")
    assert b"200 OK" in ask_etcd(ports["etcd"], trust)

    trust = ssl.create_default_context(cafile=control_plane.folder / "pki/ca.crt")
    with pytest.raises(urllib.error.HTTPError, match="401") as refused:
        urllib.request.urlopen(f"{control_plane.server}/api", context=trust)
    refused.value.close()


def test_the_processes_get_a_scrubbed_environment(control_plane):
    for pid in pids(control_plane.home).values():
        assert set(psutil.Process(pid).environ()) == {"PATH", "HOME", "TMPDIR"}


def test_the_audit_log_has_every_request_and_no_content(control_plane, kubectl):
    mark = control_plane.mark()

    kubectl(
        control_plane.kubeconfig,
        *("create", "secret", "generic", "audited", "--from-literal=a=c3RyaWN0bHk"),
    )
    kubectl(control_plane.kubeconfig, "delete", "secret", "audited")

    events = control_plane.since(mark)
    ours = [event for event in events if event.get("objectRef", {}).get("name") == "audited"]
    assert [event["verb"] for event in ours] == ["create", "delete", "get"]
    assert ours[0]["user"]["username"] == "rehearsal-admin"
    assert not any("requestObject" in event or "responseObject" in event for event in events)
    assert "c3RyaWN0bHk" not in (control_plane.folder / "audit.log").read_text()


def test_the_controllers_act_under_identities_of_their_own(control_plane):
    users = {event["user"].get("username") for event in control_plane.audit()}

    assert "system:serviceaccount:kube-system:service-account-controller" in users


def test_a_pod_is_scheduled_and_said_to_run(control_plane, kubectl):
    config = control_plane.kubeconfig
    kubectl(config, "run", "simulated", "--image=registry.example/none:1")

    kubectl(config, "wait", "--for=condition=Ready", "pod/simulated", "--timeout=110s")

    kubectl(config, "delete", "pod", "simulated", "--wait=false")


@pytest.mark.parametrize("victim", ["kube-controller-manager", "etcd"])
def test_a_killed_process_is_noticed_and_repaired_with_the_objects_kept(
    home, control_plane, kubectl, victim, monkeypatch, tmp_path
):
    """With a second rehearsal beside it, which must not notice anything."""
    binaries = {name: tool.path for name, tool in toolchain.find(*PROGRAMS).items()}
    monkeypatch.setenv("HOME", str(tmp_path / "person"))  # the toolchain's cache is elsewhere now
    first = rehearsal.up(home, binaries=binaries)
    kubectl(first.kubeconfig, "create", "namespace", "survivor")
    before, beside = pids(home), pids(control_plane.home)
    os.kill(before[victim], signal.SIGKILL)
    psutil.wait_procs([psutil.Process(before[victim])], timeout=20)

    assert not rehearsal.status(home).running
    said = []
    again = rehearsal.up(home, said.append, binaries=binaries)

    assert "starting the rehearsal again; 4 of its processes were running" in said
    assert rehearsal.status(home).running
    assert set(pids(home).values()).isdisjoint(before.values())
    assert again == first
    assert "survivor" in kubectl(first.kubeconfig, "get", "namespaces")
    assert "survivor" not in kubectl(control_plane.kubeconfig, "get", "namespaces")
    assert pids(control_plane.home) == beside
    assert not (tmp_path / "person").exists()

    assert rehearsal.down(home)

    assert of_this_machine(home) == []
    assert list(home.iterdir()) == []
    assert pids(control_plane.home) == beside
    assert not rehearsal.down(home)


def test_stopped_and_started_it_moves_when_its_port_was_taken(home, kubectl):
    first = rehearsal.up(home)
    kubectl(first.kubeconfig, "create", "namespace", "survivor")
    (home / "rehearsal/rehearsal.json").rename(home / "kept.json")  # as if it were lost
    rehearsal.down(home, keep_data=True)
    assert of_this_machine(home) == []
    (home / "kept.json").rename(home / "rehearsal/rehearsal.json")

    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", int(first.server.rsplit(":", 1)[1])))
        squatter.listen()
        again = rehearsal.up(home)

    assert again.server != first.server
    assert "survivor" in kubectl(again.kubeconfig, "get", "namespaces")


UP = """
import pathlib, sys
from provisioner import rehearsal, toolchain
programs = {name: tool.path for name, tool in toolchain.find(*rehearsal.layout.PROGRAMS).items()}
home, server = map(pathlib.Path, sys.argv[1:])
rehearsal.up(home, binaries=programs | {"kube-apiserver": server})
"""


@pytest.fixture
def half_way(home, tmp_path):
    """An `up` that waits for its API server, which never is ready."""
    server = tmp_path / "kube-apiserver"
    server.write_text(f"#!{sys.executable}\nimport signal\nsignal.pause()\n")
    server.chmod(0o755)
    starting = subprocess.Popen(
        [sys.executable, "-c", UP, home, server], cwd=ROOT, stderr=subprocess.DEVNULL
    )
    until(lambda: len(rehearsal.status(home).processes) >= 2, "etcd and it run", run=starting)
    yield starting
    starting.kill()
    starting.wait()


@pytest.mark.parametrize(
    ("stop", "left"), [(signal.SIGINT, 0), (signal.SIGKILL, 2)], ids=["Ctrl-C", "kill -9"]
)
def test_an_up_that_is_stopped_half_way_leaves_nothing_that_down_does_not_find(
    home, half_way, stop, left
):
    half_way.send_signal(stop)
    half_way.wait(120)

    assert len(of_this_machine(home)) == left
    rehearsal.down(home)
    assert of_this_machine(home) == []
    assert not (home / "rehearsal").exists()


def test_a_failed_start_shows_the_lines_that_matter_and_leaves_no_process(home, tmp_path):
    found = toolchain.find(*PROGRAMS)
    broken = tmp_path / "kube-apiserver"
    broken.write_text(
        "#!/bin/sh\n"
        "echo 'I1123 09:00:00.000000 1 server.go:1] all is well'\n"
        'echo \'E1123 09:00:00.000001 1 run.go:72] "command failed" err="no such flag"\'\n'
        "exit 1\n"
    )
    broken.chmod(0o755)
    binaries = {name: tool.path for name, tool in found.items()} | {"kube-apiserver": broken}

    with pytest.raises(ToolError, match="kube-apiserver ended while it started") as caught:
        rehearsal.up(home, binaries=binaries)

    assert "no such flag" in caught.value.details
    assert "all is well" not in caught.value.details
    assert str(home / "rehearsal/logs/kube-apiserver.log") in caught.value.hint
    assert of_this_machine(home) == []
    assert not rehearsal.status(home).running
