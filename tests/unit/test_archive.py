"""The archive's format: whole or not, whose key, what was tampered with, what can be restored."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from pathlib import Path

import pyrage
import pytest

from provisioner import archive
from provisioner.archive import About, Listing
from provisioner.errors import ClusterError, InputError

ABOUT = About(
    cohort="mls26",
    student="20260001",
    generation=1,
    namespaces={"mls26--s20260001": "uid-1"},
    cluster="uid-0",
    kubernetes="v1.34.9",
    practicum="0.1",
    time="2026-11-23T12:00:00+00:00",
)
PLACE = "mls26--s20260001"
OURS = {"practicum.dev/cohort": "mls26"}


def thing(name, kind="ConfigMap", **fields):
    metadata = {"name": name, "namespace": PLACE, "uid": f"uid-{name}", **fields.pop("meta", {})}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **fields}


def listing(type, *items, **fields):
    return Listing(namespace=PLACE, type=type, resource_version="7", items=items, **fields)


LISTS = (
    listing(
        "configmaps",
        thing("work", data={"수업": "a\nb: [1]\n", "no": "no"}),
        thing("x" * 253),
        thing("practicum", meta={"labels": OURS}),
    ),
    listing("events", skipped=3, why="messages"),
    listing(
        "persistentvolumeclaims",
        thing("disk", status={"capacity": {"storage": "2Gi"}}, spec={"volumeName": "pv-1"}),
    ),
    listing("pods"),
    listing(
        "secrets",
        thing("mine", type="Opaque", data={"k": "djE="}),
        thing("token", type="kubernetes.io/service-account-token"),
        thing("seen", type="practicum.dev/credential", meta={"labels": OURS}),
    ),
)


@pytest.fixture
def key():
    return pyrage.x25519.Identity.generate()


@pytest.fixture
def sealed(tmp_path: Path, key) -> Path:
    path = tmp_path / "a.tar.gz.age"
    archive.seal(path, archive.pack(ABOUT, LISTS), [key.to_public()])
    return path


def test_what_goes_in_comes_out(sealed, key):
    members = dict(archive.opened(sealed, key))
    work = archive.Member(f"objects/{PLACE}/configmaps/work.yaml", b"")

    found = archive.Member(work.path, members[work.path])

    assert found.object == LISTS[0].items[0]
    assert found.type == "configmaps"
    assert list(members)[-1] == archive.FILE
    assert f"practicum/{PLACE}/configmaps/practicum.yaml" in members


@pytest.mark.parametrize("content", [b"", b"- a", b"x: 2024-99-99", b"x: " + b"[" * 100_000])
def test_a_member_that_is_no_object_is_told_as_such(content):
    member = archive.Member(f"objects/{PLACE}/configmaps/work.yaml", content)

    with pytest.raises(InputError, match="is no object"):
        _ = member.object


def test_the_manifest_counts_every_list_and_tells_what_is_not_in(sealed, key):
    found = archive.checked(sealed, key)

    assert {one.type: one.count for one in found.lists} == {
        "configmaps": 3, "events": 3, "persistentvolumeclaims": 1, "pods": 0, "secrets": 3,
    }  # fmt: skip
    assert {one.resource_version for one in found.lists} == {"7"}
    left = {(one.type, one.name): one.why for one in found.left_out}
    assert left["events", ""] == "messages"
    assert left["persistentvolumeclaims", "disk"].endswith(
        "not included, only the claim: 2Gi, volume pv-1"
    )
    assert "token of the cluster" in left["secrets", "token"]
    assert "of the course" in left["secrets", "seen"]
    assert len(found.files) == 5


def test_the_students_copy_is_without_what_the_course_set_up(sealed, key, tmp_path):
    path = tmp_path / "copy.tar.gz.age"

    archive.seal(path, archive.own_part(archive.opened(sealed, key)), [key.to_public()])

    found = archive.checked(path, key)
    assert {path.split("/")[0] for path in found.files} == {"objects"}
    assert ("configmaps", 1) in {(one.type, one.count) for one in found.left_out}


def test_standard_tools_open_it(sealed, key):
    plain = pyrage.decrypt(sealed.read_bytes(), [key])

    listed = subprocess.run(["tar", "-tz"], input=plain, capture_output=True, check=True)

    assert archive.FILE in listed.stdout.decode().splitlines()


def test_it_is_private_and_nothing_else_is_left_beside_it(sealed):
    assert sealed.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in sealed.parent.iterdir()] == [sealed.name]


def test_what_fails_while_it_is_read_leaves_no_file(tmp_path, key):
    def items():
        yield thing("work")
        raise ClusterError("the cluster went away")

    lists = [Listing(namespace=PLACE, type="configmaps", resource_version="1", items=items())]

    with pytest.raises(ClusterError, match="went away"):
        archive.seal(tmp_path / "a", archive.pack(ABOUT, lists), [key.to_public()])

    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_no_file_and_is_told(key):
    with pytest.raises(InputError, match="cannot be written"):
        archive.seal(Path("/proc/a"), archive.pack(ABOUT, LISTS), [key.to_public()])


DAMAGES = {
    "cut off": lambda data: data[:-40],
    "cut in the header": lambda data: data[:60],
    "a changed bit": lambda data: data[:-60] + bytes([data[-60] ^ 1]) + data[-59:],
    "empty": lambda data: b"",
    "no archive": lambda data: b"PK\x03\x04 a zip file",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_archive_is_told_in_one_line(sealed, key, damage):
    sealed.write_bytes(damage(sealed.read_bytes()))

    with pytest.raises(InputError, match=r"is damaged, cut off, or no archive") as raised:
        archive.checked(sealed, key)

    assert "\n" not in raised.value.message


def test_another_key_opens_nothing(sealed):
    with pytest.raises(InputError, match="does not open with this key"):
        archive.checked(sealed, pyrage.x25519.Identity.generate())


def forged(path: Path, key, members) -> Path:
    """An archive that somebody made who knows the public key."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, content in members:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    path.write_bytes(pyrage.encrypt(out.getvalue(), [key.to_public()]))
    return path


def link(name):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
    return info


def fewer(members):
    found = json.loads(members[archive.FILE])
    path = f"objects/{PLACE}/configmaps/work.yaml"
    del found["files"][path]
    kept = {name: content for name, content in members.items() if name != path}
    return [*list(kept.items())[:-1], (archive.FILE, json.dumps(found).encode())]


def later(members):
    found = json.loads(members[archive.FILE]) | {"format": 99}
    return [*list(members.items())[:-1], (archive.FILE, json.dumps(found).encode())]


WORK = f"objects/{PLACE}/configmaps/work.yaml"
FORGERIES = {
    "changed": (lambda m: list((m | {WORK: b"a: b"}).items()), "work.yaml was changed"),
    "missing": (lambda m: [i for i in m.items() if i[0] != WORK], "work.yaml is missing"),
    "added": (
        lambda m: [(f"objects/{PLACE}/pods/p.yaml", b""), *m.items()], "p.yaml is in no list"
    ),
    "twice": (lambda m: [(WORK, m[WORK]), *m.items()], "is there twice"),
    "after the manifest": (lambda m: [*m.items(), (WORK, b"")], "follows the manifest"),
    "no manifest": (lambda m: list(m.items())[:-1], r"manifest.json is missing"),
    "fewer than were listed": (fewer, r"configmaps in \S+: 2 of 3 object"),
    "a later format": (later, "later Practicum"),
    "a manifest that is none": (lambda m: [(archive.FILE, b"[]")], "not what Practicum writes"),
    "an absolute path": (lambda m: [("/etc/x.yaml", b""), *m.items()], "something else than"),
    "a path that escapes": (
        lambda m: [("objects/../../x/y.yaml", b""), *m.items()], "something else than"
    ),
    "a name of dots": (
        lambda m: [(f"objects/{PLACE}/../x.yaml", b""), *m.items()], "something else than"
    ),
    "a link": (lambda m: [(link(WORK), b""), *m.items()], "something else than"),
}  # fmt: skip


@pytest.mark.parametrize(("forge", "why"), FORGERIES.values(), ids=FORGERIES)
def test_what_practicum_did_not_write_is_refused_and_not_unpacked(
    sealed, key, tmp_path, forge, why
):
    path = forged(tmp_path / "forged", key, forge(dict(archive.opened(sealed, key))))

    with pytest.raises(InputError, match=why):
        archive.unpack(path, key, tmp_path / "out")

    assert not (tmp_path / "out").exists()


def test_forging_nothing_is_accepted(sealed, key, tmp_path):
    path = forged(tmp_path / "again", key, archive.opened(sealed, key))

    assert archive.checked(path, key) == archive.checked(sealed, key)


def test_unpacked_it_is_private_and_equal(sealed, key, tmp_path):
    folder = tmp_path / "out"

    archive.unpack(sealed, key, folder)

    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / WORK).read_bytes() == dict(archive.opened(sealed, key))[WORK]
    with pytest.raises(InputError, match="is not empty"):
        archive.unpack(sealed, key, folder)


def test_a_private_key_is_read_from_an_age_file(tmp_path, key):
    path = tmp_path / "key"
    path.write_text(f"# created: today\n# public key: {key.to_public()}\n{key}\n")
    path.chmod(0o600)

    assert str(archive.identity(path)) == str(key)


@pytest.mark.parametrize(
    ("content", "mode", "why"),
    [
        ("AGE-SECRET-KEY-1NONE\n", 0o600, "holds no private key"),
        ("ssh-ed25519 AAAA\n", 0o600, "holds no private key"),
        ("\xff", 0o644, "can be read by others"),
    ],
)
def test_what_is_no_private_key_is_told_without_its_content(tmp_path, content, mode, why):
    path = tmp_path / "key"
    path.write_text(content)
    path.chmod(mode)

    with pytest.raises(InputError, match=why) as raised:
        archive.identity(path)

    assert content.strip() not in raised.value.message


# Restoring


def owned(name, uid, **fields):
    owner = {"kind": "Deployment", "name": "web", "uid": uid, "controller": True}
    return thing(name, meta={"ownerReferences": [owner]}, **fields)


COMPLETE = {"conditions": [{"type": "Complete", "status": "True"}]}
NOT_RESTORED = {
    "ours": ("configmaps", thing("q", meta={"labels": OURS}), "Practicum makes it"),
    "everywhere": ("configmaps", thing("kube-root-ca.crt"), "in every namespace"),
    "the default account": ("serviceaccounts", thing("default"), "in every namespace"),
    "a controller's": ("replicasets.apps", owned("web-1", "uid-web"), "Deployment/web makes it"),
    "an endpoint slice": ("endpointslices.discovery.k8s.io", thing("web-x"), "for its Service"),
    "a pod that ended": ("pods", thing("p", status={"phase": "Succeeded"}), "would run again"),
    "a job that ended": ("jobs.batch", thing("j", status=COMPLETE), "would run again"),
}


@pytest.mark.parametrize(("type", "item", "why"), NOT_RESTORED.values(), ids=NOT_RESTORED)
def test_what_makes_itself_is_not_restored(type, item, why):
    assert why in archive.why_not(type, item, {"uid-web"})


@pytest.mark.parametrize(
    ("type", "item"),
    [
        ("configmaps", thing("work")),
        ("replicasets.apps", owned("web-1", "uid-of-nobody")),
        ("pods", thing("p", status={"phase": "Running"})),
        ("jobs.batch", thing("j", status={"active": 1})),
    ],
)
def test_what_the_student_made_is_restored(type, item):
    assert archive.why_not(type, item, {"uid-web"}) == ""


def test_what_the_cluster_filled_in_is_taken_away():
    service = thing(
        "web",
        spec={"clusterIP": "10.0.0.9", "clusterIPs": ["10.0.0.9"], "ports": [{"nodePort": 1}]},
        status={"loadBalancer": {}},
        meta={"resourceVersion": "9", "creationTimestamp": "t", "finalizers": ["x"]},
    )

    found = archive.portable("services", service)

    assert found["spec"] == {"ports": [{}]}
    assert found["metadata"] == {"name": "web"}
    assert "status" not in found
    assert service["spec"]["clusterIP"], "the given one is as it was"


def test_a_headless_service_stays_headless():
    service = thing("db", spec={"clusterIP": "None", "clusterIPs": ["None"]})

    assert archive.portable("services", service)["spec"] == {"clusterIP": "None"}


def test_a_pod_loses_node_priority_and_the_token_that_was_mounted():
    token = {"name": "kube-api-access-x", "projected": {}}
    mounts = [{"name": "kube-api-access-x"}, {"name": "data"}]
    spec = {
        "nodeName": "n1", "priority": 0, "preemptionPolicy": "Never", "serviceAccount": "default",
        "volumes": [token, {"name": "data"}],
        "containers": [{"name": "c", "volumeMounts": mounts}],
    }  # fmt: skip

    found = archive.portable("pods", thing("p", spec=spec))["spec"]

    assert found == {
        "volumes": [{"name": "data"}],
        "containers": [{"name": "c", "volumeMounts": [{"name": "data"}]}],
    }


def test_a_job_gets_its_selector_anew_and_a_claim_another_volume():
    labels = {"job-name": "j", "batch.kubernetes.io/controller-uid": "u", "app": "a"}
    job = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}}}

    found = archive.portable("jobs.batch", thing("j", spec=job, meta={"labels": labels}))
    claim = archive.portable("persistentvolumeclaims", thing("c", spec={"volumeName": "pv"}))

    assert found["spec"] == {"template": {"metadata": {"labels": {"app": "a"}}}}
    assert found["metadata"]["labels"] == {"app": "a"}
    assert claim["spec"] == {}


def test_what_others_refer_to_comes_first():
    types = ["pods", "deployments.apps", "secrets", "services", "configmaps"]

    assert sorted(types, key=archive.order)[:3] == ["configmaps", "secrets", "services"]
