"""What volumes hold, in an archive: cut into parts, checked, and read without being held."""

from __future__ import annotations

import hashlib
import json
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pyrage
import pytest

from provisioner import archive
from provisioner.archive import Content, packing
from provisioner.errors import InputError, ToolError

from .test_archive import ABOUT, LISTS, PLACE, forged

TAR = bytes(range(256)) * 1000


@pytest.fixture
def key():
    return pyrage.x25519.Identity.generate()


def sealed(folder: Path, key, pieces, monkeypatch, part=100_000) -> Path:
    monkeypatch.setattr(packing, "PART", part)
    volume = Content(namespace=PLACE, claim="disk", pieces=pieces)
    path = folder / "a.tar.gz.age"
    archive.seal(path, archive.pack(ABOUT, LISTS, [volume]), [key.to_public()])
    return path


def test_what_a_volume_held_comes_out_as_it_went_in(tmp_path, key, monkeypatch):
    path = sealed(
        tmp_path, key, (TAR[at : at + 999] for at in range(0, len(TAR), 999)), monkeypatch
    )

    found = archive.checked(path, key)
    [volume] = found.volumes

    assert b"".join(archive.content_of(path, key, volume)) == TAR
    assert (volume.size, volume.parts) == (len(TAR), 3)
    assert volume.sha256 == hashlib.sha256(TAR).hexdigest()
    assert found.objects == 5
    assert "disk" not in {one.name for one in found.left_out}


def test_an_empty_stream_is_a_volume_of_no_part(tmp_path, key, monkeypatch):
    [volume] = archive.checked(sealed(tmp_path, key, [], monkeypatch), key).volumes

    assert (volume.size, volume.parts) == (0, 0)


def test_the_students_copy_has_the_volumes_too(tmp_path, key, monkeypatch):
    whole = sealed(tmp_path, key, [TAR], monkeypatch)
    path = tmp_path / "copy.tar.gz.age"

    archive.seal(path, archive.own_part(archive.opened(whole, key)), [key.to_public()])

    [volume] = archive.checked(path, key).volumes
    assert b"".join(archive.content_of(path, key, volume)) == TAR


def test_unpacked_parts_are_a_tar_file_together(tmp_path, key, monkeypatch):
    path = sealed(tmp_path, key, [TAR], monkeypatch)

    archive.unpack(path, key, tmp_path / "out")

    parts = sorted((tmp_path / "out" / "volumes" / PLACE / "disk").glob("content.tar.*"))
    assert b"".join(part.read_bytes() for part in parts) == TAR


def test_an_archive_without_volumes_is_what_it_was(tmp_path, key):
    path = tmp_path / "a"
    archive.seal(path, archive.pack(ABOUT, LISTS), [key.to_public()])

    manifest = json.loads(dict(archive.opened(path, key))[archive.FILE])

    assert manifest["format"] == 1
    assert "volumes" not in manifest


def test_a_volume_that_breaks_off_leaves_no_archive(tmp_path, key, monkeypatch):
    def pieces():
        yield TAR
        raise ToolError("the node went away")

    with pytest.raises(ToolError, match="went away"):
        sealed(tmp_path, key, pieces(), monkeypatch)

    assert list(tmp_path.iterdir()) == []


def changed(manifest, **fields):
    return manifest | {"volumes": [manifest["volumes"][0] | fields]}


FORGERIES = {
    "one part more": lambda m: changed(m, parts=4),
    "one part less": lambda m: changed(m, parts=2),
    "more parts than files": lambda m: changed(m, parts=1 << 40),
    "another claim": lambda m: changed(m, claim="other"),
    "no volume at all": lambda m: m | {"volumes": []},
}


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES)
def test_what_is_said_of_a_volume_must_be_so(tmp_path, key, monkeypatch, forgery):
    members = dict(archive.opened(sealed(tmp_path, key, [TAR], monkeypatch), key))
    told = json.dumps(forgery(json.loads(members[archive.FILE]))).encode()

    path = forged(tmp_path / "forged", key, [*list(members.items())[:-1], (archive.FILE, told)])

    with pytest.raises(InputError, match="is not what Practicum wrote"):
        archive.checked(path, key)


def test_parts_in_another_order_are_noticed(tmp_path, key, monkeypatch):
    path = sealed(tmp_path, key, [TAR], monkeypatch)
    [volume] = archive.checked(path, key).volumes

    with pytest.raises(InputError, match="was changed"):
        list(archive.content_of(path, key, replace(volume, sha256="0" * 64)))


def test_no_more_than_a_few_parts_are_held_at_a_time(tmp_path, key, monkeypatch):
    monkeypatch.setattr(packing, "PART", 1 << 20)
    volume = Content(namespace=PLACE, claim="disk", pieces=(bytes(1 << 18) for _ in range(256)))
    tracemalloc.start()
    for _ in archive.pack(ABOUT, LISTS, [volume]):
        pass
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert most < 16 << 20  # of 64 MiB


PV = {
    "metadata": {"name": "disk", "uid": "1", "finalizers": ["kubernetes.io/pv-protection"]},
    "spec": {
        "hostPath": {"path": "/var/disk"},
        "claimRef": {"namespace": "shop", "name": "disk", "uid": "2", "resourceVersion": "3"},
    },
    "status": {"phase": "Bound"},
}


def test_a_volume_comes_back_for_the_claim_of_the_same_name():
    assert archive.portable("persistentvolumes", PV) == {
        "metadata": {"name": "disk"},
        "spec": {
            "hostPath": {"path": "/var/disk"},
            "claimRef": {"namespace": "shop", "name": "disk"},
        },
    }
    assert archive.why_not("persistentvolumes", PV, set()) == ""


def test_a_volume_that_a_provisioner_made_is_left_to_it():
    made = {
        **PV,
        "metadata": {"name": "pvc-1", "annotations": {"pv.kubernetes.io/provisioned-by": "x"}},
    }

    assert "makes it again" in archive.why_not("persistentvolumes", made, set())


@pytest.mark.parametrize(("namespace", "skipped"), [("default", True), ("shop", False)])
def test_the_api_servers_own_service_makes_itself(namespace, skipped):
    service = {"metadata": {"name": "kubernetes", "namespace": namespace}}

    assert bool(archive.why_not("services", service, set())) is skipped


def test_what_others_need_comes_first():
    types = ["deployments.apps", "persistentvolumeclaims", "toys.example.org", "configmaps",
             "customresourcedefinitions.apiextensions.k8s.io", "persistentvolumes", "namespaces"]  # fmt: skip

    assert sorted(types, key=archive.order)[:5] == [
        "namespaces", "customresourcedefinitions.apiextensions.k8s.io", "persistentvolumes",
        "configmaps", "persistentvolumeclaims",
    ]  # fmt: skip
