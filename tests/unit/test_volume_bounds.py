"""A student decides what is in a volume: that costs its content, and never the whole archive."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pyrage
import pytest

from provisioner import archive
from provisioner.archive import Content
from provisioner.cluster import ApiError
from provisioner.errors import ToolError
from provisioner.lifecycle import archiving, bounded, copying
from provisioner.lifecycle.archiving import with_what_can_be_read
from provisioner.lifecycle.bounded import UnreadableError
from provisioner.lifecycle.copying import Copier, Pod
from provisioner.lifecycle.one_archive import Source
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
    monkeypatch.setattr(copying, "seconds_for", lambda _: 15.0)
    (tmp_path / "disk.img").touch()
    os.truncate(tmp_path / "disk.img", 1 << 42)

    with pytest.raises(UnreadableError, match="larger than the volume: more than 64 MiB"):
        read()


def test_a_volume_that_sends_nothing_is_not_waited_for(read, monkeypatch):
    monkeypatch.setattr(copying, "seconds_for", lambda _: 0.5)

    with pytest.raises(UnreadableError, match="took longer"):
        read(command=("sleep", "60"))


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


def made(tmp_path, *volumes):
    source = Source(lists=LISTS, cluster="uid", kubernetes="v1", volumes=volumes)
    work = Work(tmp_path / "a", pyrage.x25519.Identity.generate())
    return with_what_can_be_read(work, None, source)


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
