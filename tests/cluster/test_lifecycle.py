"""From a roster to environments: the real command, Pulumi and API server."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from provisioner import cluster
from provisioner.lifecycle.reading import read
from provisioner.settings import Settings

from .audit import KINDS, MUTATING, about, mutations, ours

pytestmark = pytest.mark.cluster


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


def test_lost_records_come_back_from_the_cluster(running):
    file = running.folder / "students.json"
    before = json.loads(file.read_text())
    file.unlink()

    done = running.up()

    assert (done["same"], done["processes"]) == (3, 0)
    assert json.loads(file.read_text()) == before


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
