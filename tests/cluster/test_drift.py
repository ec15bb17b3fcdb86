"""REL-15: what somebody changed by hand is seen as it comes, and put right; work is not touched."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.cluster

BY_HAND = {
    "a deleted quota": (
        "1", ["delete", "quota", "practicum"],
        "ResourceQuota/practicum is missing",
    ),
    "a deleted network policy": (
        "1", ["delete", "netpol", "practicum"],
        "NetworkPolicy/practicum is missing",
    ),
    "another subject in the binding": (
        "1", ["patch", "rolebinding", "practicum-student", "--type=json", "-p", json.dumps(
            [{"op": "add", "path": "/subjects/-",
              "value": {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "eve"}}])],
        "RoleBinding/practicum-student subjects",
    ),
    "another way out": (
        "2", ["patch", "netpol", "practicum", "--type=json", "-p", json.dumps(
            [{"op": "add", "path": "/spec/egress/-", "value": {}}])],
        "NetworkPolicy/practicum spec.egress",
    ),
    "pods that get a token again": (
        "1", ["patch", "sa", "default", "-p", '{"automountServiceAccountToken": true}'],
        "ServiceAccount/default automountServiceAccountToken",
    ),
    "an edited limit range": (
        "2", ["patch", "limits", "practicum", "--type=merge", "-p", json.dumps(
            {"spec": {"limits": [{"type": "Container", "max": {"cpu": "64"}}]}})],
        "LimitRange/practicum spec.limits",
    ),
    "a finalizer": (
        "2", ["patch", "quota", "practicum", "--type=merge", "-p",
              '{"metadata": {"finalizers": ["example.org/held"]}}'],
        "ResourceQuota/practicum metadata.finalizers",
    ),
    "the level of pod security taken away": (
        "2", ["label", "ns", "NAMESPACE", "pod-security.kubernetes.io/enforce-"],
        "Namespace/NAMESPACE metadata.labels.pod-security.kubernetes.io/enforce",
    ),
    "the default account deleted, which Kubernetes makes anew and open": (
        "2", ["delete", "sa", "default"],
        "ServiceAccount/default is missing",
    ),
}  # fmt: skip

WORK = """
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: work}, data: {answer: "42"}}
- apiVersion: networking.k8s.io/v1
  kind: NetworkPolicy
  metadata: {name: own}
  spec: {podSelector: {matchLabels: {app: mine}}, policyTypes: [Ingress]}
"""


@pytest.mark.timeout(240)
def test_drift_is_told_as_it_comes_and_put_right(new_course):
    course = new_course(["1", "2"])
    course.up()
    course.admin("apply", "-n", course.namespace("2"), "-f", "-", stdin=WORK)
    work = of_the_student(course)
    wanted = set()

    with course.watching() as watched:
        for id, command, what in BY_HAND.values():
            namespace = course.namespace(id)
            words = [word.replace("NAMESPACE", namespace) for word in command]
            course.admin("-n", namespace, *words)
            wanted.add((id, what.replace("NAMESPACE", namespace)))
        watched.until(wanted.issubset, "differs")
        planned = {(id, change) for id, changes in course.changes().items() for change in changes}
        done = course.up()
        watched.until(wanted.issubset, "right")

    assert planned == wanted
    assert (done["changed"], done["failed"]) == (2, [])
    assert course.changes() == {"1": [], "2": []}
    assert automount(course, "1") == automount(course, "2") == "false"
    assert of_the_student(course) == work
    assert watched.process.returncode == 130
    assert "Ctrl-C ends it" in watched.said


def automount(course, id) -> str:
    """ISO-35: pods get no token of the account that they have if they say nothing."""
    return course.admin("-n", course.namespace(id), "get", "sa", "default", "-o",
                        "jsonpath={.automountServiceAccountToken}")  # fmt: skip


def of_the_student(course) -> list[str]:
    """UID and version of each object: a write that changes nothing would show."""
    form = (
        "jsonpath={range .items[*]}{.metadata.name} {.metadata.uid} {.metadata.resourceVersion}\n"
    )
    return course.admin("-n", course.namespace("2"), "get", "cm/work", "netpol/own", "-o",
                        form + "{end}").splitlines()  # fmt: skip
