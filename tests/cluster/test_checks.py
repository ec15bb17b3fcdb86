"""Teeth of the admission policies, check by check, and what stands behind the rights (ISO-16, -29).

A policy is more than its name: with any one of its checks taken out, a case must notice. Some
checks stand where a student has no right to begin with; these are tried by a student to whom
somebody has given all rights in their namespace.
"""

from __future__ import annotations

import itertools
import json
import time
from contextlib import contextmanager

import pytest

from provisioner import cluster
from provisioner.cluster import ApiError
from provisioner.lifecycle.checks.openness import openness
from provisioner.lifecycle.reading import read
from provisioner.manifest import admission
from provisioner.settings import Settings
from provisioner.verify import attacks, case, course, scene
from provisioner.verify.attempt import fill

pytestmark = pytest.mark.cluster

COURSES = {
    "as it comes": {},
    "with every setting": {
        "images": ["registry.k8s.io/*"],
        "ingress": {"suffix": "apps.example.org", "class": "nginx"},
        "storage_classes": ["standard"],
    },
}
FEW = 3
"""Cases that are tried of each check; `verify` itself tries them all."""

KEPT = "this object is kept by your course"
ADDRESS = "the address of a load balancer cannot be set by hand"
UNREACHED = {
    "data cannot come from another namespace": "the server drops the field, unless a gate is on",
    ADDRESS: "the server itself refuses it for a Service that is no load balancer",
}
"""Checks that no request comes as far as on this control plane, and what stands before them."""

RUNTIME_CLASS = {
    "apiVersion": "node.k8s.io/v1",
    "kind": "RuntimeClass",
    "metadata": {"name": "practicum-tests"},
    "handler": "none",
}
EVERYTHING = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}],
}
SERVICE = {"apiVersion": "v1", "kind": "Service", "spec": {"ports": [{"port": 80}]}}
BALANCED = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}
UNFENCED = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{}]}
FENCE = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "spec": UNFENCED}


@pytest.fixture(scope="module", params=COURSES.values(), ids=COURSES)
def stage(request, new_course):
    """Scratch environments of a cohort that stands as it is rendered, without a run of `up`."""
    made = new_course(["20260001"], environment=request.param)
    rendered = made.run("render", made.name).stdout
    made.admin("apply", "--server-side", "--field-manager=practicum", "--force-conflicts",
               "-f", "-", stdin=rendered)  # fmt: skip
    made.admin("apply", "-f", "-", stdin=json.dumps(RUNTIME_CLASS))
    reading = read(Settings(stacks=made.stacks, home=made.home), made.name)
    pair = scene.new_pair(reading.cohort)
    with scene.standing(reading.client, reading.cohort, pair) as standing:
        yield standing
    made.admin("delete", "runtimeclass", "practicum-tests", "--ignore-not-found")


@pytest.fixture(scope="module")
def intruder(stage, wait_until):
    """Let the scratch student do everything in their namespace, as far as rights go."""
    name, rbac = stage.own.name, "/apis/rbac.authorization.k8s.io/v1"
    role = EVERYTHING | {"metadata": {"name": name}}
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "everything"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        "subjects": [
            {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": f"intruder-{name}"}
        ],
    }
    where = stage.own.namespace
    stage.admin.request("POST", f"{rbac}/clusterroles", body=role)
    stage.admin.request("POST", f"{rbac}/namespaces/{where}/rolebindings", body=binding)
    service = SERVICE | {"metadata": {"name": "theirs"}}
    stage.admin.request("POST", f"/api/v1/namespaces/{where}/services", body=service)
    intruder = stage.admin.impersonating(f"intruder-{name}")
    # A server takes a moment to mind new policies, and new rights.
    wait_until(lambda: KEPT in refusal(intruder, *doors(stage)["limits"]))
    yield intruder
    stage.admin.request("DELETE", f"{rbac}/clusterroles/{name}")


def refusal(client, method, path, body=None, content="application/merge-patch+json"):
    """What the server says to an attempt as a dry run; nothing where it is accepted."""
    content = content if method == "PATCH" else "application/json"
    try:
        client.request(method, path, body=body, query={"dryRun": "All"}, content=content)
    except ApiError as error:
        return error.message
    return ""


def own(stage, rest, group=""):
    root = f"/apis/{group}" if group else "/api/v1"
    return f"{root}/namespaces/{stage.own.namespace}{rest}"


def fence(stage, name=""):
    return own(stage, f"/networkpolicies{name and '/'}{name}", "networking.k8s.io/v1")


def doors(stage):
    """Every way to what the course keeps in a namespace, and to the namespace."""
    loose = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}}
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "y"}
    final = {"apiVersion": "v1", "kind": "Namespace", "spec": {"finalizers": []}}
    named = {"metadata": {"name": stage.own.namespace}}
    rbac = "rbac.authorization.k8s.io/v1"
    return {
        "quota": ("PATCH", own(stage, "/resourcequotas/practicum"), {"spec": {"hard": {}}}),
        "quota's status": (
            "PATCH", own(stage, "/resourcequotas/practicum/status"), {"status": {"used": {}}}),
        "limits": ("DELETE", own(stage, "/limitranges/practicum"), None),
        "all limits": ("DELETE", own(stage, "/limitranges"), None),
        "fence": ("DELETE", fence(stage, "practicum"), None),
        "all fences": ("DELETE", fence(stage), None),
        "fence's owner": (
            "PATCH", fence(stage, "practicum"), {"metadata": {"ownerReferences": [owner]}}),
        "account": (
            "PATCH", own(stage, "/serviceaccounts/default"),
            {"automountServiceAccountToken": True}),
        "binding": ("PATCH", own(stage, "/rolebindings/practicum-student", rbac),
                    {"subjects": []}),
        "mark": (
            "PATCH", fence(stage, "practicum"),
            {"metadata": {"labels": {"practicum.dev/cohort": None}}}),
        "namespace": ("PATCH", own(stage, ""), loose),
        "namespace's status": ("PATCH", own(stage, "/status"), loose),
        "namespace's end": ("PUT", own(stage, "/finalize"), final | named),
        "the namespace itself": ("DELETE", own(stage, ""), None),
    }  # fmt: skip


DOORS = [
    *("quota", "quota's status", "limits", "all limits", "fence", "all fences", "fence's owner"),
    *("account", "binding", "mark", "namespace", "namespace's status", "namespace's end"),
    "the namespace itself",
]


def test_the_server_finds_no_error_in_any_expression(stage, wait_until):
    """ISO-28; it looks at types once a policy is there, and only warns."""
    path = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"

    def found():
        ours = stage.admin.pages(path, selector=f"practicum.dev/cohort={stage.cohort.name}")
        return [(one.get("status") or {}).get("typeChecking") for one in ours]

    wait_until(lambda: None not in found())
    assert found() == [{}] * len(admission.policies(stage.cohort))


def test_every_door_is_tried(stage):
    assert list(doors(stage)) == DOORS


@pytest.mark.parametrize("door", DOORS)
def test_behind_the_rights_stands_the_guard(stage, intruder, door):
    """Were a student given all rights by mistake, what the course keeps would still stand."""
    said = refusal(intruder, *doors(stage)[door])

    assert f"'practicum-{stage.cohort.name}-managed'" in said
    assert KEPT in said
    mine = FENCE | {"metadata": {"name": "mine"}}
    assert refusal(intruder, "POST", fence(stage), mine) == "", "the twin: what is their own"


def test_the_address_of_a_load_balancer_is_refused_before_any_policy_is_asked(stage, intruder):
    """Should a server no longer do so, the policy's check does, and wants a case."""
    said = refusal(intruder, "PATCH", own(stage, "/services/theirs/status"), BALANCED)

    assert "status.loadBalancer.ingress" in said


POD = {
    "metadata": {"name": "mine"},
    "spec": {"containers": [{"name": "c", "image": "registry.k8s.io/pause:3.10"}]},
}
DEFAULT = {"metadata": {"name": "everybodys-default"}, "value": 10, "globalDefault": True}


def test_a_default_priority_class_keeps_every_pod_out_and_doctor_names_it(stage, wait_until):
    """The server writes it into pods before a policy looks; so whoever names none is refused."""
    classes = "/apis/scheduling.k8s.io/v1/priorityclasses"
    ours = f"practicum-{stage.cohort.name}"
    named = POD | {"spec": POD["spec"] | {"priorityClassName": ours}}

    def said(pod):
        return refusal(stage.identities["student"], "POST", own(stage, "/pods"), pod)

    wait_until(lambda: said(POD) == "")
    stage.admin.request("POST", classes, body=DEFAULT)
    try:
        wait_until(lambda: f"use the priority class {ours}" in said(POD))
        refused = {one.about: one for one in openness(stage.cohort, stage.admin)}["priority"]
        assert said(named) == "", "as doctor says"
    finally:
        stage.admin.request("DELETE", f"{classes}/{DEFAULT['metadata']['name']}")
    wait_until(lambda: said(POD) == "")

    assert refused.verdict == "failed"
    assert "the PriorityClass everybodys-default is" in refused.found
    assert ours in refused.fix


def relevant(stage, policy, message):
    """Some cases that a check refuses with its message, and that this course does not waive."""
    found = (
        one
        for one in case.load()
        if one.guard == f"policy:{policy}"
        and fill(one.expect, stage.words) in message
        and not (course.waived(stage.cohort, one) or stage.around.lacks(one))
    )
    return list(itertools.islice(found, FEW))


def notices(stage, intruder, types, policy, message):
    """Who gets through where a check is out: ids of cases, or the intruder."""
    if message.startswith(KEPT):
        through = not refusal(intruder, *doors(stage)["fence"])
        return ["the intruder"] if through else []
    found = attacks.attack(stage, relevant(stage, policy, message), types)
    return [one.about for one in found if one.verdict == "failed"]


@contextmanager
def without(stage, number):
    """Take the check of a number out of every policy that has so many."""
    root = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
    kept = {}
    for policy in admission.policies(stage.cohort):
        path = f"{root}/{admission.policy_name(stage.cohort.name, policy.name)}"
        checks = stage.admin.request("GET", path)["spec"]["validations"]
        if number < len(checks):
            kept[path] = checks
            empty = {"expression": "true", "message": "was taken out"}
            change(stage, path, [*checks[:number], empty, *checks[number + 1 :]])
    try:
        yield
    finally:
        for path, checks in kept.items():
            change(stage, path, checks)


def change(stage, path, checks):
    body = {"spec": {"validations": checks}}
    stage.admin.request("PATCH", path, body=body, content="application/merge-patch+json")


def settle(look, seconds=90):
    """Look until nothing is left to wait for; a policy takes effect when the server has read it."""
    deadline = time.monotonic() + seconds
    while (left := look()) and time.monotonic() < deadline:
        pass
    return left


def test_each_check_of_a_policy_that_is_taken_out_is_noticed(stage, intruder):
    types, _ = cluster.served(stage.admin)
    checks = {policy.name: policy.validations for policy in admission.policies(stage.cohort)}
    for number in range(max(map(len, checks.values()))):
        some = {name: these[number] for name, these in checks.items() if number < len(these)}
        out = {
            name: told
            for name, (expression, told) in some.items()
            if expression != "true" and not told.startswith(tuple(UNREACHED))
        }
        all_in = settle(lambda out=out: noticed_by(stage, intruder, types, out))
        with without(stage, number):
            unnoticed = settle(
                lambda out=out: out.keys() - noticed_by(stage, intruder, types, out).keys()
            )

        assert all_in == {}, "with all checks in, nothing gets through"
        assert {name: out[name] for name in unnoticed} == {}, "a missing case"


def noticed_by(stage, intruder, types, out):
    found = {name: notices(stage, intruder, types, name, told) for name, told in out.items()}
    return {name: who for name, who in found.items() if who}
