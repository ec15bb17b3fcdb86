"""The end: all goes, with proof, and nothing of anybody else's."""

from __future__ import annotations

import pytest

from .audit import about, mutations, ours

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def running(new_course):
    """Two students, of whom one has access; they see another cohort go, and go at last."""
    course = new_course(["1", "2"])
    course.give_key("1")
    course.up()
    course.json("handout", course.name)
    return course


LEFTOVERS = {
    "a marked object": """
        apiVersion: v1
        kind: ConfigMap
        metadata: {{name: left-{name}, namespace: default, labels: {{practicum.dev/cohort: {name}}}}}
    """,
    "rights that point at the cohort's accounts": """
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRoleBinding
        metadata: {{name: left-{name}}}
        roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}}
        subjects: [{{kind: ServiceAccount, name: s1, namespace: practicum-{name}}}]
    """,
    "a volume that was a student's": """
        apiVersion: v1
        kind: PersistentVolume
        metadata: {{name: left-{name}}}
        spec:
          capacity: {{storage: 1Gi}}
          accessModes: [ReadWriteOnce]
          persistentVolumeReclaimPolicy: Retain
          hostPath: {{path: /nowhere}}
          claimRef: {{namespace: {name}--s2, name: work}}
    """,
}


@pytest.fixture(scope="module")
def ending(new_course, control_plane):
    """Two students, with a stranger's namespace in the place of the first; and leftovers."""
    course = new_course(["1", "2"])
    course.admin("create", "namespace", course.namespace("1"))
    mark = control_plane.mark()
    course.first_up = course.up(code=6)
    course.events = control_plane.since(mark)
    for text in LEFTOVERS.values():
        course.admin("apply", "-f", "-", stdin=text.format(name=course.name))
    return course


@pytest.fixture(scope="module")
def ended(running, ending):
    """Take it down while another cohort runs: as it is, and when the leftovers have gone."""
    first = ending.down(code=8)
    for text in LEFTOVERS.values():
        ending.admin("delete", "-f", "-", stdin=text.format(name=ending.name))
    return first, ending.down()


def test_a_stranger_is_left_alone_and_named(ending, ended):
    course, done = ending, ending.first_up

    assert done["created"] == 1
    [failure] = done["failed"]
    assert failure["id"] == "1"
    assert "was made by kubectl-create" in failure["error"]
    touched = [
        event
        for event in mutations(course.events)
        if course.namespace("1") in (about(event, "namespace"), about(event, "name"))
    ]
    assert touched == []
    _, last = ended
    assert last["proved"]
    assert course.admin("get", "namespace", course.namespace("1"), "-o", "name")


def test_the_proof_fails_on_each_planted_leftover(ending, ended):
    name, (failed, last) = ending.name, ended

    assert not failed["proved"]
    assert sorted(failed["remaining"]) == [
        f"clusterrolebindings.rbac.authorization.k8s.io left-{name} gives rights to practicum-{name}",
        f"configmaps default/left-{name} carries the cohort's mark",
        f"persistentvolumes left-{name} is claimed from {name}--s2",
    ]
    assert last["proved"]


def test_down_leaves_another_cohort_alone(running, ended):
    """Which has students of the same ids."""
    first, _ = ended

    assert first["removed"] == 2, "the namespaces of its student and of the accounts"
    assert set(running.actions().values()) == {"same"}


def test_down_wants_the_name_typed(running):
    refused = running.run("down", running.name, "--yes", "other", code=3)
    nobody = running.run("down", running.name, code=3)

    assert "nothing was deleted" in refused.stderr
    assert f"--yes {running.name}" in nobody.stderr
    assert set(running.actions().values()) == {"same"}


def test_a_protected_cohort_is_not_taken_down(running):
    file = running.folder / "cohort.yaml"
    before = file.read_text()
    file.write_text(f"{before}protect: 'true'\n")
    try:
        refused = running.run("down", running.name, "--yes", running.name, code=3)
        actions = running.actions()
    finally:
        file.write_text(before)

    assert "protect: false" in refused.stderr
    assert set(actions.values()) == {"same"}


def test_down_proves_that_nothing_is_left(running, control_plane):
    """The last one here: it takes down what the others use."""
    course = running
    mark = control_plane.mark()

    receipt = course.down()

    check_all_began_before_one_was_waited_for(course, control_plane.since(mark))
    assert receipt["proved"]
    assert receipt["remaining"] == []
    assert {"namespaces", "serviceaccounts", "clusterroles.rbac.authorization.k8s.io"} <= set(
        receipt["searched"]
    )
    assert course.name not in course.admin("get", "ns,clusterroles,priorityclasses", "-o", "name")
    assert not (course.home / "handout" / course.name).exists()
    state = list((course.home / "state").rglob(f"{course.name}.*.json"))
    assert [path for path in state if "stacks" in path.parts] == []
    again = course.down()
    assert (again["proved"], again["removed"]) == (True, 0)


WAITS = ("watch", "namespaces")
OUTSIDE = ("delete", "priorityclasses")
"""Of what lies outside namespaces there is one of these; it goes when they have gone."""


def check_all_began_before_one_was_waited_for(course, events):
    """Each namespace takes the cluster 5 s. The accounts' holds the claim until all has gone."""
    asked = sorted(ours(events), key=lambda event: event["requestReceivedTimestamp"])
    done = [one for one in asked if one.get("responseStatus", {}).get("code", 0) < 300]
    steps = [(one["verb"], about(one, "resource"), about(one, "name")) for one in done]
    places = {f"practicum-{course.name}", course.namespace("1"), course.namespace("2")}
    ends = [steps.index(("delete", "namespaces", place)) for place in places]
    waits = [at for at, (verb, kind, _) in enumerate(steps) if (verb, kind) == WAITS]
    [outside] = [at for at, (verb, kind, _) in enumerate(steps) if (verb, kind) == OUTSIDE]
    claims = [at for at, one in enumerate(done) if "practicum-claim" in one["requestURI"]]
    assert max(ends) < min([*waits, outside])
    assert max(claims) > outside
