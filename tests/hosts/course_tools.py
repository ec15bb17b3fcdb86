"""Containers, kubectl and the git server on a prepared host, used for real."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from .course import ADA, BEN, CHO
from .play import play

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def image(course):
    """An image of one static program, made where no registry can be reached."""
    host = course.hosts[0]
    host.shell(f"apt-get install -q -y busybox-static && python3 - <<'X'\n{IMAGE}\nX")
    host.shell("chmod 0644 /tmp/image.tar")


def test_containerd_runs_a_container_from_an_imported_image(course, image):
    said = course.hosts[0].shell(
        "ctr images import /tmp/image.tar >/dev/null &&"
        "ctr run --rm docker.io/lab/hello:1 hello /bin/busybox echo it runs"
    )

    assert said == "it runs\n"


def test_containerd_is_configured_as_a_whole(course):
    said = course.hosts[0].shell(
        "containerd config dump; cat /etc/containerd/certs.d/docker.io/hosts.toml"
    )

    assert 'sandbox_image = "registry.k8s.io/pause:3.10.1"' in said
    assert "SystemdCgroup = true" in said
    assert "https://m.example" in said


def test_no_student_can_reach_the_host_s_own_docker(course):
    assert course.hosts[0].shell("systemctl is-active docker docker.socket || true").split() == (
        ["inactive", "inactive"]
    )
    assert course.login(ADA, "docker --host unix:///run/docker.sock ps").returncode != 0


ALONE = str(Path(__file__).with_name("plays") / "docker-alone.yml")
MARK = "/etc/docker/made-by-practicum"
THEIRS = '{"data-root": "/srv/docker"}\n'


def test_a_docker_that_somebody_else_set_up_is_left_alone(course):
    host = course.hosts[0]
    ours = host.shell(f"mv {MARK} /tmp/mark; cat /etc/docker/daemon.json")
    host.write("/etc/docker/daemon.json", THEIRS)
    host.shell("systemctl enable --now docker")

    outcome = play(ALONE, [host], {})

    assert (outcome.failed(), outcome.changes("lab1")) == (set(), [])
    assert host.shell("systemctl is-active docker; cat /etc/docker/daemon.json") == (
        f"active\n{THEIRS}"
    )
    host.shell(f"mv /tmp/mark {MARK}")
    assert play(ALONE, [host], {}).failed() == set()
    assert host.shell("systemctl is-active docker || true; cat /etc/docker/daemon.json") == (
        f"inactive\n{ours}"
    )


PACKAGE = "Package: docker-ce\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b>\nDescription: a\n"


def test_the_packages_of_docker_com_are_not_taken_the_place_of(course):
    host = course.hosts[1]
    host.shell("mkdir -p /tmp/ce/DEBIAN")
    host.write("/tmp/ce/DEBIAN/control", PACKAGE)
    host.shell("dpkg-deb --build /tmp/ce /tmp/ce.deb && dpkg --install /tmp/ce.deb")

    refused = play(ALONE, [host], {}, user="ops")

    host.shell("dpkg --purge docker-ce")
    assert "packages of docker.com" in refused.failure("lab2")


def test_a_student_s_own_docker_runs_a_container_with_their_rights(course, image):
    said = course.as_student(
        ADA,
        'bash -lc "systemctl --user start docker && docker load --quiet --input /tmp/image.tar'
        " && docker run --rm --network none lab/hello:1 /bin/busybox echo it runs"
        ' && ps -o user= -C dockerd"',
    )

    assert said.splitlines()[1:] == ["it runs", "s20210001"]


def test_kubectl_is_the_pinned_one(course):
    assert "v1.36.4" in course.as_student(ADA, "kubectl version --client")


def test_kind_is_the_pinned_one(course):
    assert "v0.30.0" in course.hosts[1].shell("kind version")


@pytest.fixture(scope="module")
def clone(course) -> Callable[[int, str], subprocess.CompletedProcess[str]]:
    """Clone a repository of the host's git server as a student, from where they work."""

    def run(number: int, name: str) -> subprocess.CompletedProcess[str]:
        host = course.hosts[0]
        known = course.folder / "known"
        known.write_text(host.known_hosts())
        ssh = f"ssh -F none -i {course.keys[number]} -o IdentitiesOnly=yes -o IdentityAgent=none "
        ssh += f"-o BatchMode=yes -o UserKnownHostsFile={known}"
        url = f"ssh://gitolite3@{host.address}:{host.port}/mls26/{name}"
        folder = course.folder / f"clone-{number}-{name}"
        return subprocess.run(
            ["git", "clone", "--quiet", url, str(folder)], capture_output=True, text=True,
            check=False, timeout=60, env={"PATH": "/usr/bin:/bin", "GIT_SSH_COMMAND": ssh},
        )  # fmt: skip

    return run


def test_everybody_has_a_repository_and_groups_share_one(clone):
    assert clone(ADA, "s20210001").returncode == 0
    assert clone(BEN, "group-g1").returncode == 0


def test_nobody_reads_another_s_repository(clone):
    for number, name in ((BEN, "s20210001"), (CHO, "group-g1")):
        done = clone(number, name)

        assert done.returncode != 0
        assert "DENIED" in done.stderr


IMAGE = r"""
import hashlib, io, json, tarfile
layer = io.BytesIO()
with tarfile.open(fileobj=layer, mode="w") as archive:
    archive.add("/bin/busybox", "bin/busybox")
content = layer.getvalue()
config = json.dumps({
    "architecture": "amd64", "os": "linux", "config": {"Cmd": ["/bin/busybox", "sh"]},
    "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(content).hexdigest()]},
}).encode()
manifest = [{"Config": "config.json", "RepoTags": ["docker.io/lab/hello:1"], "Layers": ["layer.tar"]}]
with tarfile.open("/tmp/image.tar", "w") as image:
    for name, data in (("layer.tar", content), ("config.json", config),
                       ("manifest.json", json.dumps(manifest).encode())):
        entry = tarfile.TarInfo(name)
        entry.size = len(data)
        image.addfile(entry, io.BytesIO(data))
"""
