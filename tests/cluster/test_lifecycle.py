"""From a roster to environments and back: the real command, Pulumi and API server."""

from __future__ import annotations

import json
import stat
from collections import Counter

import pytest

from provisioner import cluster
from provisioner.lifecycle.reading import read
from provisioner.settings import Settings

from . import runs
from .course import as_student
from .writes import writes

pytestmark = pytest.mark.cluster

MUTATING = {"create", "update", "patch", "delete", "deletecollection"}
KINDS = len(cluster.RESOURCES)
"""One LIST each, whatever the number of students up to a page of 500."""


def mutations(events):
    """Requests that change something; reviews of rights are created but change nothing.

    Nor does a claim: it says who is at it, and is gone at the end.
    """
    return [
        event
        for event in events
        if event["verb"] in MUTATING
        and event["userAgent"].startswith(("practicum", "pulumi"))
        and "reviews" not in event["requestURI"]
        and "dryRun" not in event["requestURI"]
        and "fieldManager=practicum-claim" not in event["requestURI"]
    ]


def about(event, field):
    """What a request is about: its object's resource, namespace or name."""
    return event.get("objectRef", {}).get(field, "")


def ours(events):
    return [event for event in events if event["userAgent"].startswith(("practicum", "pulumi"))]


@pytest.fixture(scope="module")
def running(new_course):
    """A cohort of three that is up; a test that changes it changes it back."""
    course = new_course(["20260001", "20260002", "20260003"])
    course.give_key("20260001")
    course.give_key("20260002")
    course.first_up = course.up()
    return course


def test_up_creates_an_environment_for_every_student(running):
    first = running.first_up

    assert (first["created"], first["failed"]) == (3, [])
    assert running.actions() == dict.fromkeys(["20260001", "20260002", "20260003"], "same")
    made = running.admin("get", "quota,limits,netpol,rolebinding,sa", "-n",
                         running.namespace("20260001"), "-o", "name").split()  # fmt: skip
    assert set(made) >= {
        "resourcequota/practicum",
        "limitrange/practicum",
        "networkpolicy.networking.k8s.io/practicum",
        "rolebinding.rbac.authorization.k8s.io/practicum-student",
        "serviceaccount/default",
    }


def test_a_namespace_refuses_privileged_pods_from_its_first_moment(running, control_plane):
    """ISO-10: the labels come with the very request that creates the Namespace."""
    created = [
        event
        for event in control_plane.audit()
        if about(event, "resource") == "namespaces"
        and about(event, "name") == running.namespace("20260001")
        and event["verb"] in MUTATING
    ]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "probe"},
        "spec": {"containers": [{"name": "c", "image": "x", "securityContext": {}}]},
    }
    where = running.namespace("20260001")
    running.admin("create", "-n", where, "--dry-run=server", "-f", "-", stdin=json.dumps(pod))
    pod["spec"]["containers"][0]["securityContext"] = {"privileged": True}

    with pytest.raises(AssertionError, match=r'violates PodSecurity "baseline:v1\.34"'):
        running.admin("create", "-n", where, "--dry-run=server", "-f", "-", stdin=json.dumps(pod))

    assert len([event for event in created if event["userAgent"].startswith("pulumi")]) == 1


def test_the_binding_comes_after_quota_limits_and_policy(running, control_plane):
    """Half an environment is never open."""
    where = running.namespace("20260002")
    order = [
        about(event, "resource")
        for event in control_plane.audit()
        if about(event, "namespace") == where
        and event["verb"] in MUTATING
        and event["userAgent"].startswith("pulumi")
    ]

    assert order[-1] == "rolebindings"
    assert {"resourcequotas", "limitranges", "networkpolicies"} <= set(order[:-1])


NEEDLESS = {
    "concurrent.futures",
    "importlib.metadata",
    "kubernetes",
    "logging",
    "psutil",
    "pulumi",
    "rich",
    "subprocess",
    "urllib3",
}
"""Modules that a run without anything to do imported once, or might; and none of these is free."""


def imported(done):
    """The modules that a command imported; Python told them, as PYTHONPROFILEIMPORTTIME asks."""
    told = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    found = {line.rpartition("|")[2].strip() for line in told}
    assert {"provisioner.cluster.plain", "pydantic"} <= found
    return found


def test_a_second_up_writes_nothing_and_starts_nothing(running, control_plane, monkeypatch):
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")
    mark = control_plane.mark()

    done = running.run("up", running.name, "--yes", "--json")

    again = json.loads(done.stdout)
    assert imported(done) & NEEDLESS == set()
    events = ours(control_plane.since(mark))
    assert again["processes"] == 0
    assert (again["created"], again["changed"], again["same"]) == (0, 0, 3)
    assert mutations(events) == []
    assert len(events) == KINDS + 1, "and one look for credentials that have ended"


def test_a_plan_reads_one_list_a_kind_and_changes_nothing(running, control_plane, monkeypatch):
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")
    mark = control_plane.mark()

    done = running.run("plan", running.name, "--detailed-exitcode")

    assert [event["verb"] for event in ours(control_plane.since(mark))] == ["list"] * KINDS
    assert "3 as they should be" in done.stdout
    assert imported(done) & NEEDLESS == set()


def test_a_plan_asks_for_every_page_of_a_kind_and_no_more(running, control_plane, monkeypatch):
    """In this process, so that a page can be smaller than 500 objects."""
    monkeypatch.setattr(cluster.client, "PAGE", 2)
    mark = control_plane.mark()

    reading = read(Settings(stacks=running.stacks, home=running.home), running.name)

    there = Counter(key.kind for key in reading.found.owned if key.kind != "Namespace")
    there["Namespace"] = len(reading.found.namespaces)
    assert there["RoleBinding"] > 2, "more than one page"
    asked = Counter(about(event, "resource") for event in ours(control_plane.since(mark)))
    for kind, resource in cluster.RESOURCES.items():
        # A page that comes out full may be followed by an empty one: the server does not
        # know what the selector leaves of the rest.
        assert -(-there[kind] // 2) <= asked[resource.plural] <= there[kind] // 2 + 1, kind
    assert reading.plan.is_empty


def test_a_handout_opens_the_own_namespace_and_no_other(running, tmp_path):
    result = running.json("handout", running.name)

    kubeconfig = running.open("20260001", tmp_path)
    here = as_student(kubeconfig, "create", "configmap", "work", "--from-literal=a=1")
    next_door = as_student(kubeconfig, "get", "configmaps", "-n", running.namespace("20260002"))
    assert {item["id"] for item in result["issued"]} == {"20260001", "20260002"}
    assert result["unkeyed"] == ["20260003"]
    assert here.returncode == 0, here.stderr
    assert 'cannot list resource "configmaps"' in next_door.stderr


def test_a_handout_is_private_and_given_once(running, control_plane):
    running.json("handout", running.name)
    path = running.home / "handout" / running.name / "20260001.kubeconfig.age"
    before = path.read_bytes()
    mark = control_plane.mark()

    again = running.json("handout", running.name)

    assert again["issued"] == []
    assert set(again["kept"]) == {"20260001", "20260002"}
    assert mutations(control_plane.since(mark)) == []
    assert path.read_bytes() == before
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_renewed_handout_ends_the_old_one(running, tmp_path, wait_until):
    running.json("handout", running.name)
    old = running.open("20260002", tmp_path).rename(tmp_path / "old")
    assert as_student(old, "get", "pods").returncode == 0

    renewed = running.json("handout", running.name, "20260002", "--renew")

    new = running.open("20260002", tmp_path)
    assert [item["id"] for item in renewed["issued"]] == ["20260002"]
    assert as_student(new, "get", "pods").returncode == 0
    wait_until(lambda: "logged in" in as_student(old, "get", "pods").stderr)


def test_another_students_key_opens_nothing(running):
    import pyrage

    running.json("handout", running.name)
    sealed = (running.home / "handout" / running.name / "20260001.kubeconfig.age").read_bytes()

    assert b"apiVersion" in pyrage.decrypt(sealed, [running.keys["20260001"]])
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(sealed, [running.keys["20260002"]])


def test_status_tells_phase_key_and_credential(running):
    running.json("handout", running.name)

    found = {student["id"]: student for student in running.json("status", running.name)["students"]}

    assert {student["phase"] for student in found.values()} == {"ready"}
    assert found["20260001"]["key"] == "age"
    assert found["20260001"]["credential"]["state"] == "issued"
    assert found["20260003"]["key"] == "unkeyed"
    assert found["20260003"]["credential"]["state"] == "none"


def test_up_puts_right_what_was_changed_by_hand(running):
    first, second, third = (running.namespace(f"2026000{n}") for n in (1, 2, 3))
    running.admin("delete", "quota", "practicum", "-n", first)
    extra = '{"spec": {"hard": {"pods": "99", "count/widgets.example.org": "7"}}}'
    running.admin("patch", "quota", "practicum", "-n", second, "--type=merge", "-p", extra)
    running.admin("label", "ns", third, "pod-security.kubernetes.io/enforce=privileged",
                  "--overwrite")  # fmt: skip
    running.admin("create", "configmap", "mine", "-n", third)

    assert running.changes() == {
        "20260001": ["ResourceQuota/practicum is missing"],
        "20260002": [
            "ResourceQuota/practicum spec.hard.count/widgets.example.org",
            "ResourceQuota/practicum spec.hard.pods",
        ],
        "20260003": [f"Namespace/{third} metadata.labels.pod-security.kubernetes.io/enforce"],
    }
    done = running.up()

    assert (done["changed"], done["failed"]) == (3, [])
    assert set(running.actions().values()) == {"same"}
    assert "mine" in running.admin("get", "configmaps", "-n", third, "-o", "name")


def test_render_is_what_runs(running):
    """GitOps users get the very objects: the server takes them and changes nothing."""
    rendered = running.run("render", running.name).stdout

    answer = running.admin(
        "apply", "--server-side", "--field-manager=practicum", "--force-conflicts",
        "--dry-run=server", "-f", "-", "-o", "json", stdin=rendered,
    )  # fmt: skip

    assert set(running.actions().values()) == {"same"}
    assert len(json.loads(answer)["items"]) == rendered.count("\nkind: ")


def test_doctor_finds_nothing_to_mend(running):
    findings = running.json("doctor", running.name)["findings"]

    verdicts = {finding["about"]: finding["verdict"] for finding in findings}
    assert verdicts.pop("token") == "ok"
    assert set(verdicts.values()) == {"ok"}


def test_a_changed_quota_reaches_every_student(new_course):
    course = new_course(["1", "2"])
    course.up()
    course.write(["1", "2"], environment={"quota": {"pods": "7"}})

    assert course.changes()["1"] == ["ResourceQuota/practicum spec.hard.pods"]
    course.run("plan", course.name, "--detailed-exitcode", code=10)
    assert "Say --yes" in course.run("up", course.name, code=3).stderr
    assert "Nothing was changed" in course.run("up", course.name, "--dry-run", "--yes").stderr
    dry = course.json("up", course.name, "--dry-run")
    assert (dry["dry_run"], {one["action"] for one in dry["students"]}) == (True, {"change"})
    assert len(course.json("down", course.name, "--dry-run")["deletes"]) == 3
    assert "nobody" in course.run("up", course.name, "--force-finalize", "77", code=3).stderr
    assert set(course.actions().values()) == {"change"}
    done = course.up()

    assert (done["changed"], done["same"]) == (2, 0)
    quota = course.admin("get", "quota", "practicum", "-n", course.namespace("2"), "-o",
                         "jsonpath={.spec.hard.pods}")  # fmt: skip
    assert quota == "7"


def test_a_stranger_is_left_alone_and_named(new_course, control_plane):
    course = new_course(["1", "2"])
    course.admin("create", "namespace", course.namespace("1"))
    mark = control_plane.mark()

    done = course.up(code=6)

    assert done["created"] == 1
    [failure] = done["failed"]
    assert failure["id"] == "1"
    assert "was made by kubectl-create" in failure["error"]
    touched = [
        event
        for event in mutations(control_plane.since(mark))
        if course.namespace("1") in (about(event, "namespace"), about(event, "name"))
    ]
    assert touched == []
    receipt = course.down()
    assert receipt["proved"]
    assert course.admin("get", "namespace", course.namespace("1"), "-o", "name")


REFUSING = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {{name: {name}}}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
    - {{apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [{resource}]}}
  validations: [{{expression: "{expression}", message: "not on this cluster"}}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {{name: {name}}}
spec: {{policyName: {name}, validationActions: [Deny]}}
"""


@pytest.fixture
def refuse(control_plane, kubectl, wait_until):
    """Make the API server refuse some objects; lifted at the end of the test."""
    planted = []

    def plant(name, resource, expression, probe):
        text = REFUSING.format(name=name, resource=resource, expression=expression)
        kubectl(control_plane.kubeconfig, "apply", "-f", "-", stdin=text)
        planted.append(name)
        wait_until(lambda: _refused(probe))

    def _refused(probe):
        try:
            probe()
        except AssertionError as error:
            return "not on this cluster" in str(error)
        return False

    yield plant
    for name in planted:
        for kind in ("validatingadmissionpolicybinding", "validatingadmissionpolicy"):
            kubectl(control_plane.kubeconfig, "delete", kind, name)


def test_one_student_who_fails_stops_no_other(new_course, refuse, wait_until):
    """REL-01: refused inside the wave, where nobody could ask beforehand."""
    course = new_course(["1", "2", "3"])
    bad = course.namespace("2")
    refuse(
        f"refuse-{course.name}",
        "resourcequotas",
        f"request.namespace != '{bad}'",
        lambda: _dry_quota(course, bad),
    )

    done = course.up(code=6)

    assert done["created"] == 2
    [failure] = done["failed"]
    assert failure["id"] == "2"
    assert "not on this cluster" in failure["error"]
    bindings = course.admin("get", "rolebindings", "-n", bad, "-o", "name")
    assert bindings == "", "without its quota an environment must not be open"


def _dry_quota(course, namespace):
    try:
        course.admin("create", "namespace", namespace)
        course.admin("create", "quota", "probe", "-n", namespace, "--dry-run=server")
    finally:
        course.admin("delete", "namespace", namespace)


def test_a_refused_change_is_seen_beforehand_and_excluded(new_course, refuse):
    """The student stays in the program as they were: leaving them out would delete them."""
    course = new_course(["1", "2"])
    course.up()
    kept = course.namespace("1")
    refuse(
        f"refuse-{course.name}",
        "resourcequotas",
        f"request.namespace != '{kept}'",
        lambda: course.admin("create", "quota", "probe", "-n", kept, "--dry-run=server"),
    )
    uid = _uid(course, kept)
    course.write(["1", "2"], environment={"quota": {"pods": "9"}})

    done = course.up(code=6)

    assert (done["changed"], [f["id"] for f in done["failed"]]) == (1, ["1"])
    assert "not on this cluster" in done["failed"][0]["error"]
    assert _uid(course, kept) == uid
    assert course.actions() == {"1": "change", "2": "same"}


def _uid(course, namespace):
    return course.admin("get", "namespace", namespace, "-o", "jsonpath={.metadata.uid}")


def test_who_leaves_and_returns_finds_the_old_access_dead(new_course, tmp_path, wait_until):
    """CRD-03: a token carries the account's UID, so a new account revives nothing."""
    course = new_course(["1", "2"])
    course.give_key("1")
    course.up()
    course.json("handout", course.name)
    old = course.open("1", tmp_path).rename(tmp_path / "old")
    assert as_student(old, "get", "pods").returncode == 0

    course.roster(["2"])
    dropped = course.up()
    wait_until(lambda: "logged in" in as_student(old, "get", "pods").stderr)
    course.roster(["1", "2"])
    back = course.up()

    assert (dropped["removed"], back["created"]) == (1, 1)
    assert "logged in" in as_student(old, "get", "pods").stderr
    course.json("handout", course.name)
    new = course.open("1", tmp_path)
    assert as_student(new, "get", "pods").returncode == 0


def test_joining_touches_nobody_else(new_course, control_plane):
    """REL-22, by the audit log; and the state is written once, not at each of its steps: REL-26."""
    course = new_course(["1", "2"])
    course.up()
    course.roster(["1", "2", "3"])
    state = runs.state_of(course)
    mark = control_plane.mark()

    with writes(state.parent) as written:
        course.up()

    assert written[state.name] == 1
    touched = {
        about(event, "namespace") or about(event, "name")
        for event in mutations(control_plane.since(mark))
    }
    assert touched == {course.namespace("3"), f"practicum-{course.name}"}


def test_a_mass_drop_needs_its_exact_number(new_course):
    course = new_course([str(n) for n in range(1, 7)])
    course.up()
    course.roster(["1", "2"])

    refused = course.run("up", course.name, "--yes", code=3)
    assert "--allow-drop 4" in refused.stderr
    assert len(course.actions()) == 6
    course.run("up", course.name, "--yes", "--allow-drop", "3", code=3)
    done = course.up("--allow-drop", "4")

    assert (done["removed"], done["same"]) == (4, 2)


def test_lost_records_come_back_from_the_cluster(new_course):
    course = new_course(["1", "2"])
    course.up()
    file = course.folder / "students.json"
    before = json.loads(file.read_text())
    file.unlink()

    done = course.up()

    assert (done["same"], done["processes"]) == (2, 0)
    assert json.loads(file.read_text()) == before


def test_down_proves_that_nothing_is_left(new_course, control_plane):
    course = new_course(["1", "2"])
    course.give_key("1")
    course.up()
    course.json("handout", course.name)
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
          claimRef: {{namespace: {name}--s1, name: work}}
    """,
}


def test_the_proof_fails_on_each_planted_leftover(new_course):
    course = new_course(["1"])
    course.up()
    for text in LEFTOVERS.values():
        course.admin("apply", "-f", "-", stdin=text.format(name=course.name))

    failed = course.down(code=8)

    assert not failed["proved"]
    assert sorted(failed["remaining"]) == [
        f"clusterrolebindings.rbac.authorization.k8s.io left-{course.name}"
        f" gives rights to practicum-{course.name}",
        f"configmaps default/left-{course.name} carries the cohort's mark",
        f"persistentvolumes left-{course.name} is claimed from {course.name}--s1",
    ]
    for text in LEFTOVERS.values():
        course.admin("delete", "-f", "-", stdin=text.format(name=course.name))
    assert course.down()["proved"]


def test_down_leaves_another_cohort_alone(running, new_course):
    course = new_course(["20260001"])
    course.up()

    course.down()

    assert set(running.actions().values()) == {"same"}


def test_down_wants_the_name_typed(running):
    refused = running.run("down", running.name, "--yes", "other", code=3)
    nobody = running.run("down", running.name, code=3)

    assert "nothing was deleted" in refused.stderr
    assert f"--yes {running.name}" in nobody.stderr
    assert set(running.actions().values()) == {"same"}


def test_a_protected_cohort_is_not_taken_down(new_course):
    course = new_course(["1"], protect="true")
    course.up()

    refused = course.run("down", course.name, "--yes", course.name, code=3)

    assert "protect: false" in refused.stderr
    assert course.actions() == {"1": "same"}


BUILDER = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: builder, namespace: default}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: builder}
rules:
- {apiGroups: [""], resources: [configmaps, persistentvolumes], verbs: [create, get, patch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: builder}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: builder}
subjects: [{kind: ServiceAccount, name: builder, namespace: default}]
"""

OF_OTHERS = """
apiVersion: v1
kind: PersistentVolume
metadata: {name: of-others, finalizers: [example.org/held], labels: {practicum.dev/x: here}}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  hostPath: {path: /nowhere}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: of-others, namespace: NAMESPACE, finalizers: [example.org/held]}
"""


def test_the_guard_binds_nobody_outside_the_cohorts_namespaces(running):
    """A selector of namespaces lets through every object that is in none."""
    running.admin("apply", "-f", "-", stdin=BUILDER)
    create = ["create", "--dry-run=server", "--as=system:serviceaccount:default:builder", "-f", "-"]

    running.admin(*create, stdin=OF_OTHERS.replace("NAMESPACE", "default"))

    own = OF_OTHERS.replace("NAMESPACE", running.namespace("20260001"))
    with pytest.raises(AssertionError, match="only Kubernetes' own finalizers"):
        running.admin(*create, stdin=own)
