"""A student's own machine: `join` with the real kubectl, on the real API server."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest
import yaml

from provisioner import toolchain

pytestmark = pytest.mark.cluster

AGED, SSH, LOCKED = (f"2026000{n}" for n in range(1, 4))
PASSPHRASE = "canary-passphrase-of-a-student"
OTHER = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "home",
    "clusters": [{"name": "home", "cluster": {"server": "https://127.0.0.1:1"}}],
    "users": [{"name": "home", "user": {"token": "canary-of-another-cluster"}}],
    "contexts": [{"name": "home", "context": {"cluster": "home", "user": "home"}}],
}


@pytest.fixture(scope="module")
def course(new_course, tmp_path_factory):
    course = new_course([AGED, SSH, LOCKED])
    course.give_key(AGED)
    course.private = tmp_path_factory.mktemp("private")
    for id, passphrase in ((SSH, ""), (LOCKED, PASSPHRASE)):
        key = course.private / id
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", key]
        subprocess.run(command, check=True)
        (course.folder / "keys" / id).write_text(key.with_suffix(".pub").read_text())
    course.up()
    course.json("handout", course.name)
    return course


@pytest.fixture
def machine(tmp_path):
    """A home of the student's own, with another cluster in it, and kubectl on PATH."""
    home = tmp_path / "home"
    (home / ".kube").mkdir(parents=True)
    (home / ".ssh").mkdir()
    (home / ".kube" / "config").write_text(yaml.safe_dump(OTHER))
    kubectl = toolchain.find(toolchain.KUBECTL)[toolchain.KUBECTL].path
    (home / "bin").mkdir()
    (home / "bin" / "kubectl").symlink_to(kubectl)
    return home


def environment(home):
    return {"HOME": str(home), "PATH": f"{home}/bin:{os.environ['PATH']}"}


def handed_out(course, id):
    return str(course.home / "handout" / course.name / f"{id}.kubeconfig.age")


def join(course, id, home, *arguments):
    command = [sys.executable, "-m", "provisioner", "join", handed_out(course, id), *arguments]
    return subprocess.run(
        command, env=environment(home), capture_output=True, text=True, check=False, timeout=120,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def kubectl(home, *arguments):
    return subprocess.run(
        ["kubectl", *arguments],
        env=environment(home), capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def test_with_the_usual_key_kubectl_works_and_the_other_cluster_stays(course, machine):
    key = course.private / SSH
    (machine / ".ssh" / "id_ed25519").write_bytes(key.read_bytes())

    done = join(course, SSH, machine)

    assert done.returncode == 0, done.stderr
    assert "you may work there" in done.stdout
    assert f"your namespace is {course.namespace(SSH)}" in done.stdout
    assert "kubectl config use-context home" in done.stdout
    made = kubectl(machine, "create", "configmap", "mine")
    assert made.returncode == 0, made.stderr
    there = course.admin("get", "configmap", "mine", "-n", course.namespace(SSH), "-o", "name")
    assert there.strip() == "configmap/mine"
    after = yaml.safe_load((machine / ".kube" / "config").read_text())
    assert next(one["name"] for one in after["contexts"]) == "home"
    assert after["users"][0] == OTHER["users"][0]


def test_an_age_key_that_is_named_opens_it(course, machine):
    key = machine / "key.txt"
    key.write_text(f"# my key\n{course.keys[AGED]}\n")

    done = join(course, AGED, machine, "--identity", str(key))

    assert done.returncode == 0, done.stderr
    assert kubectl(machine, "get", "pods").returncode == 0


def test_a_passphrase_is_asked_for_and_kept_nowhere(course, machine):
    key = course.private / LOCKED
    command = ["-m", "provisioner", "join", handed_out(course, LOCKED), "--identity", str(key)]

    terminal = pexpect.spawn(sys.executable, command, env=environment(machine), timeout=120)
    terminal.expect("Passphrase of ")
    terminal.sendline("wrong")
    terminal.expect("Passphrase of ")
    terminal.sendline(PASSPHRASE)
    said = terminal.read().decode()
    terminal.close()

    assert terminal.exitstatus == 0, said
    assert PASSPHRASE not in said
    assert kubectl(machine, "get", "pods").returncode == 0
    for path in machine.rglob("*"):
        assert not path.is_file() or PASSPHRASE.encode() not in path.read_bytes(), path


def test_somebody_elses_file_stays_shut_and_nothing_is_changed(course, machine):
    (machine / ".ssh" / "id_ed25519").write_bytes((course.private / SSH).read_bytes())
    before = (machine / ".kube" / "config").read_bytes()

    done = join(course, AGED, machine)

    assert done.returncode == 3
    assert "is not the key that it is encrypted to" in done.stderr
    assert "an age key" in done.stderr
    assert (machine / ".kube" / "config").read_bytes() == before


def test_access_that_was_taken_back_is_told_as_that(course, machine, wait_until):
    key = machine / "key.txt"
    key.write_text(str(course.keys[AGED]))
    folder = machine / "kept.kubeconfig.age"
    folder.write_bytes(Path(handed_out(course, AGED)).read_bytes())
    assert join(course, AGED, machine, "-i", str(key)).returncode == 0
    course.json("revoke", course.name, AGED)
    wait_until(lambda: kubectl(machine, "get", "pods").returncode != 0)

    done = subprocess.run(
        [sys.executable, "-m", "provisioner", "join", str(folder), "-i", str(key)],
        env=environment(machine), capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 7
    assert "it has ended, or was replaced" in done.stdout
    assert "Ask for a new hand-out" in done.stdout
