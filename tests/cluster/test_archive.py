"""Work is kept before it is deleted, and comes back: the real command on a real API server."""

from __future__ import annotations

import hashlib
import stat
import subprocess
from pathlib import Path

import pytest
import yaml

from provisioner import archive
from provisioner.errors import InputError

from .refusing import imposed, refusing_bindings
from .test_least_privilege import bind, kubeconfig_of

pytestmark = pytest.mark.cluster

WORK = """
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: notes}, data: {text: "수업\\nb: [1]\\n", "no": "no"}}
- {apiVersion: v1, kind: Secret, metadata: {name: mine}, stringData: {canary: plain-canary-7391}}
- {apiVersion: v1, kind: Service, metadata: {name: web}, spec: {selector: {app: web}, ports: [{port: 80}]}}
- {apiVersion: v1, kind: Service, metadata: {name: db}, spec: {clusterIP: None, ports: [{port: 5432}]}}
- apiVersion: v1
  kind: PersistentVolumeClaim
  metadata: {name: disk}
  spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: web}
  spec:
    selector: {matchLabels: {app: web}}
    template:
      metadata: {labels: {app: web}}
      spec: {containers: [{name: c, image: nginx, volumeMounts: [{name: data, mountPath: /n}]}],
             volumes: [{name: data, configMap: {name: notes}}], terminationGracePeriodSeconds: 0}
- apiVersion: batch/v1
  kind: CronJob
  metadata: {name: nightly}
  spec:
    schedule: "0 3 29 2 *"
    jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: busybox}]}}}}
- apiVersion: v1
  kind: Pod
  metadata: {name: alone}
  spec: {containers: [{name: c, image: busybox}], terminationGracePeriodSeconds: 0}
- apiVersion: batch/v1
  kind: Job
  metadata: {name: later}
  spec: {suspend: true, template: {spec: {restartPolicy: Never, containers: [{name: c, image: busybox}]}}}
"""

MADE = {
    ("configmaps", "notes"), ("secrets", "mine"), ("services", "web"), ("services", "db"),
    ("persistentvolumeclaims", "disk"), ("deployments.apps", "web"),
    ("cronjobs.batch", "nightly"), ("pods", "alone"), ("jobs.batch", "later"),
}  # fmt: skip


def key_file(course, folder: Path) -> Path:
    path = folder / "course.agekey"
    path.write_text(f"{course.course_key}\n")
    path.chmod(0o600)
    return path


def work_of(path: Path, key) -> dict[tuple[str, str], dict]:
    """What a student made, as it can be made again, by type and name."""
    members = [archive.Member(*member) for member in archive.opened(path, key)][:-1]
    uids = {member.object["metadata"]["uid"] for member in members}
    return {
        (member.type, member.object["metadata"]["name"]): archive.portable(
            member.type, member.object
        )
        for member in members
        if not archive.why_not(member.type, member.object, uids)
    }


@pytest.fixture(scope="module")
def term(new_course, control_plane, tmp_path_factory, wait_until):
    """A student who works, is dropped, comes back, and gets the work again; then the end."""
    course = new_course(["1", "2"])
    folder = tmp_path_factory.mktemp("term")
    course.give_key("1")
    course.up()
    course.json("handout", course.name)
    course.as_first = course.open("1", folder)
    course.admin("apply", "-n", course.namespace("1"), "-f", "-", stdin=WORK)
    pods = ("get", "pods", "-n", course.namespace("1"), "-o", "name")
    wait_until(lambda: len(course.admin(*pods).split()) == 2)
    course.key_file = key_file(course, folder)
    mark = control_plane.mark()
    course.made = course.json("archive", "make", course.name)
    course.events = control_plane.since(mark)
    course.roster(["2"])
    mark = control_plane.mark()
    course.dropped = course.up()
    course.drop_events = control_plane.since(mark)
    course.kept = course.dropped["archives"][0]["path"]
    course.roster(["1", "2"])
    course.up()
    course.dry = restore(course, course.kept, "--dry-run")
    course.between = course.admin("get", "configmaps", "-n", course.namespace("1"), "-o", "name")
    course.restored = restore(course, course.kept, "--yes")
    course.again = restore(course, course.kept, "--yes")
    return course


def restore(course, *arguments, code=0):
    return course.json(
        "archive", "restore", course.name, "1", "--identity", str(course.key_file), *arguments,
        code=code,
    )  # fmt: skip


def test_every_student_is_archived_also_who_made_nothing(term):
    assert [one["id"] for one in term.made["archives"]] == ["1", "2"]
    assert term.made["failed"] == []
    for one in term.made["archives"]:
        assert hashlib.sha256(Path(one["path"]).read_bytes()).hexdigest() == one["sha256"]
        assert stat.S_IMODE(Path(one["path"]).stat().st_mode) == 0o600
    folder = term.home / "archive" / term.name
    assert {stat.S_IMODE(p.stat().st_mode) for p in (folder, folder / "students")} == {0o700}


def test_an_archive_is_never_written_over(term):
    """Also by one of the same second."""
    paths = [term.json("archive", term.name, "2")["archives"][0]["path"] for _ in range(3)]

    assert len(set(paths)) == len(paths)
    assert term.made["archives"][1]["path"] not in paths


def test_every_list_of_every_type_is_counted(term):
    """REL-19: the counts are those of the live lists, and no type is left out."""
    kept = archive.checked(Path(term.made["archives"][0]["path"]), term.course_key)
    served = term.admin("api-resources", "--namespaced", "--verbs=list", "-o", "name").split()

    counts = {one.type: one.count for one in kept.lists}
    assert set(counts) == set(served)
    assert (counts["pods"], counts["replicasets.apps"], counts["secrets"]) == (2, 1, 1)
    assert all(one.resource_version for one in kept.lists)
    assert kept.about.cluster == term.admin(
        "get", "ns", "kube-system", "-o", "jsonpath={.metadata.uid}"
    )
    left = {(one.type, one.name): one.why for one in kept.left_out}
    assert "1Gi, volume not bound" in left["persistentvolumeclaims", "disk"]


def test_nothing_is_asked_where_nothing_is(term):
    """One list a type for all; then what there is, a list a type and student."""
    lists = [
        event for event in term.events
        if event["userAgent"].startswith("practicum") and event["verb"] == "list"
    ]  # fmt: skip
    inside = [e for e in lists if e["objectRef"].get("namespace") == term.namespace("2")]

    assert len(inside) == term.made["archives"][1]["requests"] <= 8
    ours = [e for e in term.events if e["userAgent"].startswith("practicum")]
    changes = [e["requestURI"] for e in ours if e["verb"] not in ("list", "get")]
    assert {uri.rpartition("/")[2] for uri in changes} == {"selfsubjectaccessreviews"}


def test_who_is_dropped_is_archived_first(term):
    events = term.drop_events
    gone = next(
        i for i, e in enumerate(events)
        if e["verb"] == "delete" and e.get("objectRef", {}).get("name") == term.namespace("1")
    )  # fmt: skip
    read = [
        i for i, e in enumerate(events[:gone])
        if e["verb"] == "list" and e.get("objectRef", {}).get("namespace") == term.namespace("1")
    ]  # fmt: skip
    shut = next(
        i for i, e in enumerate(events)
        if e["verb"] == "delete" and e.get("objectRef", {}).get("name") == "practicum-student"
    )  # fmt: skip

    assert term.dropped["removed"] == 1
    assert [one["id"] for one in term.dropped["archives"]] == ["1"]
    assert shut < min(read), "what is made after the counting would be in no archive"
    assert max(read) < gone
    assert work_of(Path(term.kept), term.course_key).keys() >= MADE


def test_the_same_objects_come_back(term):
    """Archive, drop, join again, restore, archive: what the student wrote is the same."""
    states = {(o["type"], o["name"]): o["state"] for o in term.restored["objects"]}
    assert {state for what, state in states.items() if what in MADE} == {"restored"}
    assert states["replicasets.apps", _only(states, "replicasets.apps")] == "skipped"

    now = term.json("archive", term.name, "1")["archives"][0]["path"]

    before, after = (work_of(Path(p), term.course_key) for p in (term.kept, now))
    assert before.keys() == after.keys() == MADE
    assert before == after


def _only(states, type):
    [name] = [name for found, name in states if found == type]
    return name


def test_a_dry_run_makes_nothing_and_a_second_run_changes_nothing(term):
    assert term.dry["dry_run"]
    assert "notes" not in term.between
    assert {o["state"] for o in term.again["objects"]} == {"same", "skipped"}


def test_a_restore_never_changes_what_is_there_and_says_so(term):
    where = term.namespace("1")
    term.admin("patch", "configmap", "notes", "-n", where, "-p", '{"data": {"new": "newer"}}')
    try:
        partial = restore(term, term.kept, "--yes", code=6)
    finally:
        term.admin("patch", "configmap", "notes", "-n", where, "-p", '{"data": {"new": null}}')

    [other] = [o for o in partial["objects"] if o["state"] == "other"]
    assert (other["type"], other["name"]) == ("configmaps", "notes")


def test_a_restore_can_do_no_more_than_the_student(term, tmp_path):
    """Whoever knows the public key can make a file for it."""
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
            "metadata": {"name": "all", "namespace": "x", "uid": "1"},
            "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]}  # fmt: skip
    about = archive.checked(Path(term.kept), term.course_key).about
    lists = [archive.Listing(namespace="x", type="roles.rbac.authorization.k8s.io",
                             resource_version="1", items=[role])]  # fmt: skip
    forged = tmp_path / "forged.tar.gz.age"
    archive.seal(forged, archive.pack(about, lists), [term.course_key.to_public()])

    partial = restore(term, str(forged), "--yes", code=6)

    [refused] = partial["objects"]
    assert (refused["state"], "cannot create resource" in refused["why"]) == ("refused", True)


def test_another_students_archive_is_not_restored(term):
    other = term.made["archives"][1]["path"]

    refused = term.run(
        "archive", "restore", term.name, "1", other, "-i", str(term.key_file), "--yes", code=3
    )

    assert "is the archive of 2, not of 1" in refused.stderr


def test_the_students_copy_opens_with_the_students_key_alone(term, tmp_path):
    first, second = term.made["archives"]
    copy = Path(first["copy"])

    assert second["copy"] is None, "no key was handed in"
    found = archive.checked(copy, term.keys["1"])
    assert {path.split("/")[0] for path in found.files} == {"objects"}
    with pytest.raises(InputError, match="does not open"):
        archive.checked(copy, term.course_key)
    with pytest.raises(InputError, match="does not open"):
        archive.checked(Path(first["path"]), term.keys["1"])


def test_an_archive_is_listed_and_unpacked(term, tmp_path):
    listed = term.run("archive", "open", term.kept, "--identity", str(term.key_file))
    term.run("archive", "open", term.kept, "-i", str(term.key_file), "--to", str(tmp_path / "o"))

    assert "1  deployments.apps in" in listed.stdout
    assert "not in it: persistentvolumeclaims disk" in listed.stdout
    secret = tmp_path / "o" / "objects" / term.namespace("1") / "secrets" / "mine.yaml"
    assert yaml.safe_load(secret.read_text())["metadata"]["name"] == "mine"


def test_no_course_key_is_told_before_anything_changes(term):
    file = term.folder / "cohort.yaml"
    before = file.read_text()
    file.write_text("".join(line for line in before.splitlines(True) if "course_key" not in line))
    try:
        down = term.run("down", term.name, "--yes", term.name, code=3)
        asked = term.run("archive", term.name, code=3)
    finally:
        file.write_text(before)

    for said in (down, asked):
        assert "has no course_key" in said.stderr
        assert f"practicum archive key {term.name}" in said.stderr
    assert "--no-archive" in down.stderr
    assert set(term.actions().values()) == {"same"}


@pytest.fixture
def narrow(new_course, control_plane, tmp_path):
    """A cohort that is run by one who holds the three roles, and so may read no Secrets."""
    course = new_course()
    name = course.name
    user = f"system:serviceaccount:default:{name}"
    course.admin("create", "serviceaccount", name, "-n", "default")
    token = course.admin("create", "token", name, "-n", "default").strip()
    path = kubeconfig_of(token, control_plane.kubeconfig, tmp_path)
    access = {"kubeconfig": str(path), "context": "rehearsal"}
    course.write(["1", "2"], cluster=access, operators=[user])
    course.admin("apply", "-f", "-", stdin=course.run("role", name).stdout)
    for role in ("guard-installer", "environment-operator", "proof-reader"):
        bind(course, f"practicum-{name}-{role}")
    course.up()
    return course


@pytest.fixture
def kept_from(narrow):
    """Whoever runs the cohort is refused what shows them the Secrets of the first student."""
    spared = narrow.namespace("1")
    narrow.admin("create", "secret", "generic", "work", "-n", spared)
    unless = f"request.name != 'practicum-archive' || request.namespace != '{spared}'"
    policy = refusing_bindings(narrow.name, unless)
    probe = ("create", "rolebinding", "practicum-archive", "--clusterrole=view", "--user=x",
             "-n", spared, "--dry-run=server")  # fmt: skip
    return imposed(narrow, policy, *probe)


def test_whose_archive_fails_loses_nothing_and_the_others_go(narrow, kept_from):
    course, spared = narrow, narrow.namespace("1")
    course.roster(["2"])

    with kept_from:
        kept = course.up(code=6)
        partial = course.down(code=6)

    assert (kept["removed"], kept["archives"]) == (0, [])
    assert "was not archived: secrets in" in kept["failed"][0]["error"]
    assert not partial["proved"]
    [failure] = partial["not_archived"]
    assert (failure["id"], "secrets in" in failure["error"]) == ("1", True)
    assert [one["id"] for one in partial["archives"]] == ["2"]
    assert partial["removed"] == 1
    assert "a token of the account s1 is still good" in partial["remaining"]
    left = course.admin("get", "secret,quota,netpol,rolebinding", "-n", spared, "-o", "name")
    way_in = "rolebinding.rbac.authorization.k8s.io/practicum-student"
    assert {"secret/work", "resourcequota/practicum", way_in} <= set(left.split())
    assert "practicum-archive" not in left
    assert course.actions() == {"1": "remove", "2": "create"}
    roles = course.admin("get", "clusterrole", f"practicum-{course.name}-student", "-o", "name")
    assert roles, "what guards them all stays too"
    receipt = course.down()
    assert [one["id"] for one in receipt["archives"]] == ["1"]
    assert receipt["proved"]
    found = work_of(Path(receipt["archives"][0]["path"]), course.course_key)
    assert ("secrets", "work") in found


def test_no_plaintext_reaches_the_disk(term, tmp_path):
    """Every file that the command opens for writing, as the kernel sees it."""
    found = subprocess.run(
        ["grep", "-rl", "plain-canary-7391", str(term.home / "archive"), str(term.home / "handout")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert found.stdout == ""


def test_down_archives_everybody_and_its_receipt_says_so(term):
    # To end a namespace with a claim in it, Kubernetes tries twice, and rests in between.
    term.admin("delete", "pvc", "--all", "-n", term.namespace("1"))

    receipt = term.down()

    assert receipt["proved"]
    assert [one["id"] for one in receipt["archives"]] == ["1", "2"]
    assert receipt["tokens_tried"] == 2
    for one in receipt["archives"]:
        assert hashlib.sha256(Path(one["path"]).read_bytes()).hexdigest() == one["sha256"]
    again = term.down()
    assert (again["proved"], again["archives"]) == (True, [])
