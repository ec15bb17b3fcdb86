"""Data for everybody: bound on a real control plane, kept, out of students' hands, and gone.

That a pod reads it and cannot write is shown on nodes that run pods, in
``tests/class_cluster``; that an operator needs no more rights than are printed, in
``test_least_privilege``.
"""

from __future__ import annotations

import json

import pytest

from .audit import KINDS, mutations, ours
from .course import as_student

pytestmark = [pytest.mark.cluster, pytest.mark.soak]

IDS = ["1", "2"]
DATA = {"name": "datasets", "from": {"host_path": "/srv/datasets"}}
POD = """
apiVersion: v1
kind: Pod
metadata: {name: reads}
spec:
  containers: [{name: c, image: example.org/x}]
  volumes: [{name: v, persistentVolumeClaim: {claimName: datasets MODE}}]
"""


@pytest.fixture(scope="module")
def course(new_course, wait_until):
    """A course whose two students have what is shared."""
    course = new_course()
    # As much as the quota has is the student's own; what is shared comes on top.
    course.quota = {"storage": "1Gi", "volumes": 1}
    course.write(IDS, environment={"quota": course.quota, "shared_volumes": [DATA]})
    course.give_key("1")
    course.up()
    course.json("handout", course.name)
    wait_until(lambda: phases(course) == {"Bound"})
    return course


def claims(course, selector=""):
    label = f"practicum.dev/cohort={course.name}"
    found = course.admin("get", "pvc", "-A", "-l", label, "-o", "json")
    return json.loads(found)["items"]


def phases(course):
    return {claim["status"].get("phase") for claim in claims(course)}


def volumes(course):
    label = f"practicum.dev/cohort={course.name}"
    return json.loads(course.admin("get", "pv", "-l", label, "-o", "json"))["items"]


def test_everybody_has_a_claim_that_is_bound_and_is_as_rendered(course):
    assert [one["metadata"]["namespace"] for one in claims(course)] == [
        course.namespace(id) for id in IDS
    ]
    assert set(course.actions().values()) == {"same"}


def test_a_second_up_writes_nothing_and_lists_two_kinds_more(course, control_plane):
    mark = control_plane.mark()

    again = course.up()

    events = ours(control_plane.since(mark))
    assert (again["processes"], again["same"]) == (0, 2)
    assert mutations(events) == []
    assert len(events) == KINDS + 2 + 1


def test_a_student_reads_it_and_can_neither_change_nor_delete_it(course, tmp_path):
    kubeconfig = course.open("1", tmp_path)

    for refused in (
        ("delete", "pvc", "datasets"),
        ("delete", "pvc", "--all"),
        ("patch", "pvc", "datasets", "-p", '{"metadata": {"labels": {"own": "1"}}}'),
    ):
        done = as_student(kubeconfig, *refused)
        assert done.returncode != 0
        assert "is kept by your course" in done.stderr
    writes = as_student(kubeconfig, "create", "-f", "-", stdin=POD.replace("MODE", ""))
    assert "what your course shares can only be read" in writes.stderr
    dry = ("create", "--dry-run=server", "-f", "-")
    reads = as_student(kubeconfig, *dry, stdin=POD.replace("MODE", ", readOnly: true"))
    assert reads.returncode == 0, reads.stderr


def test_a_students_own_claim_still_fits_and_still_chooses_no_volume(course, tmp_path):
    kubeconfig = course.open("1", tmp_path)
    own = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "own"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    dry = ("create", "--dry-run=server", "-f", "-")

    assert as_student(kubeconfig, *dry, stdin=json.dumps(own)).returncode == 0
    for spec in ({"storageClassName": ""}, {"volumeName": f"{course.namespace('2')}.datasets"}):
        taking = own | {"spec": own["spec"] | spec}
        assert as_student(kubeconfig, *dry, stdin=json.dumps(taking)).returncode != 0


def test_a_claim_that_was_deleted_is_made_again_and_bound(course, wait_until):
    course.admin("delete", "pvc", "datasets", "-n", course.namespace("1"))
    wait_until(lambda: "Released" in {v["status"]["phase"] for v in volumes(course)})
    assert course.changes()["1"] == [
        f"PersistentVolume/{course.namespace('1')}.datasets spec.claimRef.resourceVersion",
        f"PersistentVolume/{course.namespace('1')}.datasets spec.claimRef.uid",
        "PersistentVolumeClaim/datasets is missing",
    ]

    assert course.up()["changed"] == 1

    wait_until(lambda: phases(course) == {"Bound"})
    assert set(course.actions().values()) == {"same"}


def test_another_volume_comes_where_a_students_quota_is_full_and_goes_again(course, wait_until):
    own = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "full", "namespace": course.namespace("1")},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    course.admin("create", "-f", "-", stdin=json.dumps(own))
    models = {"name": "models", "from": {"nfs": {"server": "nas.example.org", "path": "/models"}}}
    course.write(IDS, environment={"quota": course.quota, "shared_volumes": [DATA, models]})
    assert course.up()["changed"] == 2
    wait_until(lambda: len(claims(course)) == 4 and phases(course) == {"Bound"})

    course.write(IDS, environment={"quota": course.quota, "shared_volumes": [DATA]})
    assert course.up()["changed"] == 2

    assert len(volumes(course)) == len(claims(course)) == 2


def test_where_the_data_lies_cannot_be_changed_under_one_name(course):
    moved = {"name": "datasets", "from": {"host_path": "/srv/elsewhere"}}
    course.write(IDS, environment={"quota": course.quota, "shared_volumes": [moved]})

    done = course.up(code=6)
    course.write(IDS, environment={"quota": course.quota, "shared_volumes": [DATA]})

    assert "immutable" in json.dumps(done["failed"])
    assert course.up()["same"] == 2


def test_who_leaves_takes_their_volume_and_without_the_key_all_go(new_course):
    course = new_course()
    course.write([*IDS, "3"], environment={"shared_volumes": [DATA]})
    course.up()
    course.roster(IDS)

    assert course.up()["removed"] == 1
    assert len(volumes(course)) == 2

    course.write(IDS, environment={})
    assert course.up()["changed"] == 2
    assert (volumes(course), claims(course)) == ([], [])


def test_down_takes_volumes_and_claims_and_says_so(new_course):
    course = new_course()
    course.write(["1"], environment={"shared_volumes": [DATA]})
    course.up()

    receipt = course.down()

    assert (receipt["proved"], receipt["remaining"]) == (True, [])
    assert "persistentvolumes" in receipt["searched"]
    assert volumes(course) == []
