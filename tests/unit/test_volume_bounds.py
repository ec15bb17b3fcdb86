"""A student decides what is in a volume: that costs its content, and never the whole archive."""

from __future__ import annotations

import hashlib
import os
import subprocess
from contextlib import nullcontext
from types import SimpleNamespace

import pyrage
import pytest

from provisioner import archive
from provisioner.archive import Content, Volume
from provisioner.cluster import ApiError, NotRunError
from provisioner.errors import MissingToolError, ToolError
from provisioner.kind.docker import Engine
from provisioner.kind.found import Node
from provisioner.kind.volumes import Place
from provisioner.lifecycle.archives import archiving, bounded, copying
from provisioner.lifecycle.archives.archiving import with_what_can_be_read
from provisioner.lifecycle.archives.bounded import UnreadableError
from provisioner.lifecycle.archives.copying import Copier, Pod
from provisioner.lifecycle.archives.one_archive import Source
from provisioner.lifecycle.own_clusters import keeping
from provisioner.lifecycle.own_clusters.filling import Filling
from provisioner.lifecycle.progress import Silent

from ..sample import cohort
from .test_archive import ABOUT, LISTS, PLACE

POD = Pod(name="copy", uid="ours", claim=(PLACE, "disk"), most=bounded.SLACK)


class Server:
    """Says which pod has a name, time after time; the last answer stays."""

    def __init__(self, *uids):
        self.uids = list(uids)

    def request(self, method, path):
        assert (method, path) == ("GET", f"/api/v1/namespaces/{PLACE}/pods/copy")
        uid = self.uids.pop(0) if len(self.uids) > 1 else self.uids[0]
        if uid is None:
            raise ApiError(404, "NotFound", "the pod is gone")
        return {"metadata": {"uid": uid}}


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Read a folder as if it were the volume that a pod mounts, with the real tar."""

    def read(*uids, command=("tar", "-C", tmp_path, "-cf", "-", ".")):
        monkeypatch.setattr(Copier, "_exec", lambda *_: list(command))
        reading = SimpleNamespace(client=Server(*(uids or ("ours",))))
        return list(Copier(reading=reading)._read(POD))

    return read


def test_what_fits_is_read_to_its_end(read, tmp_path):
    (tmp_path / "file").write_text("mine")

    assert archive.tree(read()).files == 1


def test_a_file_without_content_that_is_larger_than_the_volume_is_not_read_to_its_end(
    read, tmp_path, monkeypatch
):
    monkeypatch.setattr(bounded, "PATIENCE", 15.0)
    (tmp_path / "disk.img").touch()
    os.truncate(tmp_path / "disk.img", 1 << 28)

    with pytest.raises(UnreadableError, match="too large: more than 64 MiB"):
        read()


def test_a_volume_that_sends_nothing_is_not_waited_for(read, monkeypatch):
    monkeypatch.setattr(bounded, "PATIENCE", 0.5)

    with pytest.raises(UnreadableError, match="wrote nothing"):
        read(command=("sleep", "60"))


def test_a_volume_that_sends_a_little_now_and_then_is_not_waited_for(read, monkeypatch):
    monkeypatch.setattr(bounded, "PATIENCE", 0.5)

    with pytest.raises(UnreadableError, match="comes too slowly"):
        read(command=("sh", "-c", "while echo; do sleep 0.1; done"))


def test_the_reason_is_what_was_said_on_the_other_side(read):
    script = "echo 'tar: ./secret: Permission denied' >&2; echo more >&2; exit 2"

    with pytest.raises(UnreadableError) as caught:
        read(command=("sh", "-c", script))

    assert caught.value.why == "tar: ./secret: Permission denied"


@pytest.mark.parametrize(
    ("uids", "why"),
    [
        (("theirs",), "another pod in the place of ours"),
        (("ours", "theirs"), "another pod in the place of ours"),
        ((None,), "the pod is gone"),
    ],
)
def test_another_pod_of_the_name_is_not_believed(read, uids, why):
    """A student may delete our pod, and make one that is called so."""
    with pytest.raises(UnreadableError, match=why):
        read(*uids)


BOUND = {"metadata": {"name": "disk"}, "status": {"phase": "Bound"}}
OWN = {"kubeconfig": "~/.kube/config", "context": "course"}


class Busy:
    """Lists claims, and has no time for anything else."""

    def pages(self, path):
        assert path.endswith("/persistentvolumeclaims")
        return iter([BOUND])

    def request(self, *_, **__):
        raise ApiError(429, "TooManyRequests", "too many requests")


def test_a_server_that_is_busy_costs_one_volume_its_content_and_nothing_else():
    reading = SimpleNamespace(client=Busy(), cohort=cohort(cluster=OWN))

    with Copier(reading=reading).contents([PLACE]) as volumes:
        assert volumes.contents == ()
        assert "too many requests" in volumes.reasons[(PLACE, "disk")]


def test_an_image_may_be_pulled_first_and_a_cluster_that_runs_no_pod_costs_that_once(monkeypatch):
    waited = []

    def await_pod(client, namespace, pod, holds, seconds):
        waited.append(seconds)
        if len(waited) > 1:
            raise NotRunError("no node takes its pod")
        return {}

    made = {"metadata": {"uid": "u"}}
    for name, does in (("may", lambda *_: True), ("remove_pod", lambda *_: None),
                       ("make_in", lambda *_: made), ("await_pod", await_pod)):  # fmt: skip
        monkeypatch.setattr(copying.cluster, name, does)
    client = SimpleNamespace(pages=lambda path: iter([BOUND] if "claims" in path else []))
    copier = Copier(reading=SimpleNamespace(client=client, cohort=cohort(cluster=OWN)))

    for found in (1, 0, 0):
        with copier.contents([PLACE]) as volumes:
            assert len(volumes.contents) == found

    assert waited == [copying.PULLING, copying.PULLING, copying.SECONDS]


def test_a_student_whose_archive_is_refused_is_one_who_has_none():
    def archive(_):
        raise ApiError(429, "TooManyRequests", "too many requests")

    told = archiving._each(archive, Silent())(SimpleNamespace(name="ada"))

    assert told == "was not archived: too many requests"


def test_a_claim_bounds_what_is_read_of_it():
    claim = {"status": {"capacity": {"storage": "1Gi"}}}

    assert bounded.most_of(claim) == (1536 << 20) + bounded.SLACK
    assert bounded.most_of({}) == bounded.SLACK


class Work:
    """Makes an archive as a run does, without its folders."""

    def __init__(self, path, key):
        self._path, self._key = path, key

    def archive(self, _subject, source):
        packed = archive.pack(ABOUT, source.lists, source.volumes, source.reasons)
        archive.seal(self._path, packed, [self._key.to_public()])
        return archive.checked(self._path, self._key)


class Unreadable:
    def __init__(self, *claim):
        self._claim = claim

    def __iter__(self):
        yield b"some"
        raise UnreadableError(self._claim, "Permission denied")


KEY = pyrage.x25519.Identity.generate()


def made(tmp_path, *volumes):
    source = Source(lists=LISTS, cluster="uid", kubernetes="v1", volumes=volumes)
    return with_what_can_be_read(Work(tmp_path / "a", KEY), None, source)


def test_what_cannot_be_read_is_listed_and_all_else_is_archived(tmp_path):
    bad = Content(namespace=PLACE, claim="disk", pieces=Unreadable(PLACE, "disk"))
    good = Content(namespace=PLACE, claim="other", pieces=[b"tar"])

    found = made(tmp_path, good, bad)

    assert [one.claim for one in found.volumes] == ["other"]
    assert found.objects == 5
    [why] = [one.why for one in found.left_out if one.name == "disk"]
    assert why.endswith("it could not be read: Permission denied")


def test_what_else_fails_makes_no_archive(tmp_path):
    def pieces():
        yield b"some"
        raise ToolError("the disk is full")

    with pytest.raises(ToolError, match="disk is full"):
        made(tmp_path, Content(namespace=PLACE, claim="disk", pieces=pieces()))


# In a cluster of one's own

NODE = Node(name="node", image="", role="control-plane", running=True, bindings={})


def claim_and_volume(claim, **spec):
    metadata = {"name": claim, "namespace": PLACE}
    return {"metadata": metadata}, {"spec": spec}


@pytest.fixture
def keep(tmp_path, monkeypatch):
    """Keep a cluster with some volumes, in which a script does what its engine is told."""

    def keep(script, *pairs):
        docker = tmp_path / "docker"
        docker.write_text(f"#!/bin/sh\n{script}\n")
        docker.chmod(0o755)
        found = SimpleNamespace(nodes=(NODE,))
        reading = SimpleNamespace(
            site=lambda _: SimpleNamespace(engine=Engine()), cluster=lambda _: found
        )
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        monkeypatch.setattr(keeping.waking, "awake", lambda *_: nullcontext(reading))
        monkeypatch.setattr(keeping, "bound", lambda *_: iter(pairs))
        monkeypatch.setattr(keeping, "_look_around", lambda *_, **__: None)
        monkeypatch.setattr(keeping, "_subject", lambda *_: None)
        monkeypatch.setattr(keeping, "cluster", SimpleNamespace(uid_of=str, version=str))
        monkeypatch.setattr(keeping.access, "client_of", lambda *_: None)
        monkeypatch.setattr(keeping.whole_cluster, "namespaces", lambda _: {})
        monkeypatch.setattr(keeping.whole_cluster, "listings", lambda *_: LISTS)
        monkeypatch.setattr(keeping, "Lists", lambda *given: given[-1])
        return keeping._keep_one(reading, "s1", Work(tmp_path / "a", KEY))

    return keep


# docker exec NODE sh -c SCRIPT sh PATH
VERSION = 'echo \'{"Server": {"Version": "20.10"}}\''
HERE = f'[ "$1" = version ] || {{ shift 2; exec "$@"; }}; {VERSION}'


def test_of_a_cluster_of_ones_own_is_kept_what_can_be_read_and_the_rest_is_named(keep, tmp_path):
    (tmp_path / "good").mkdir()
    (tmp_path / "good" / "file").write_text("mine")
    found = keep(
        HERE,
        claim_and_volume("disk", hostPath={"path": str(tmp_path / "gone")}),
        claim_and_volume("other", hostPath={"path": str(tmp_path / "good")}),
    )

    assert [one.claim for one in found.volumes] == ["other"]
    assert found.objects == 5
    [why] = [one.why for one in found.left_out if one.name == "disk"]
    assert "could not be read" in why
    assert "gone: Cannot open: No such file or directory" in why


def test_a_volume_that_lies_elsewhere_is_named_with_the_reason(keep):
    found = keep(HERE, claim_and_volume("disk", nfs={"server": "nas"}))

    [why] = [one.why for one in found.left_out if one.name == "disk"]
    assert why.endswith("its content lies in no node's own files")


def test_a_volume_without_end_in_a_cluster_of_ones_own_is_left(keep, monkeypatch):
    monkeypatch.setattr(keeping, "WHATEVER_IT_SAYS", 1 << 20)
    found = keep("exec head -c 99M /dev/zero", claim_and_volume("disk", hostPath={"path": "/d"}))

    [why] = [one.why for one in found.left_out if one.name == "disk"]
    assert why.endswith("it is too large: more than 1 MiB as a tar file")


def test_an_engine_that_is_gone_says_nothing_of_a_volume(keep):
    """Else `down` would delete what could have been kept."""
    gone = "echo 'Cannot connect to the Docker daemon' >&2; exit 1"

    with pytest.raises(MissingToolError, match="No container engine answers"):
        keep(gone, claim_and_volume("disk", hostPath={"path": "/d"}))


@pytest.mark.parametrize(
    ("there", "holds"), [("mine", True), ("more than that" * 1000, False), ("hers", False)]
)
def test_no_more_of_a_volume_is_read_than_the_archive_has_of_it(tmp_path, there, holds):
    def packed(text):
        (tmp_path / "file").write_text(text)
        command = ["tar", "-C", tmp_path, "--mtime=@0", "-cf", "-", "file"]
        return subprocess.run(command, check=True, capture_output=True).stdout

    wanted, now = packed("mine"), packed(there)
    said = Volume(namespace=PLACE, claim="disk", size=len(wanted), parts=1,
                  sha256=hashlib.sha256(wanted).hexdigest())  # fmt: skip
    read = []

    def pour(*_, timeout):
        for piece in (now[i : i + 512] for i in range(0, len(now), 512)):
            read.append(piece)
            yield piece

    filling = Filling(engine=SimpleNamespace(pour=pour), nodes=(), admin=None, types={})
    assert filling._holds(Place(node="n", path="/d"), said) is holds
    assert len(read) * 512 <= len(wanted) + 512
