"""Teeth (ISO-29): with any one guard taken out, ``verify`` fails and names it, and ``up`` mends.

A guard that nothing notices is a missing case. Where the guard is shared by all, it is not
enough that it is seen to be missing: an attack or a right must notice it as well.
"""

from __future__ import annotations

import json

import pytest

from provisioner import cluster
from provisioner.lifecycle.reading import read
from provisioner.manifest import admission, role
from provisioner.settings import Settings
from provisioner.verify import attacks, case, scene

from ..sample import cohort

pytestmark = pytest.mark.cluster

POLICIES = [policy.name for policy in admission.policies(cohort())]
NAMESPACED = {
    "quota": ("ResourceQuota", "ISO-30"),
    "limitrange": ("LimitRange", "ISO-31"),
    "networkpolicy": ("NetworkPolicy", "ISO-24"),
    "rolebinding/practicum-student": ("RoleBinding", "ISO-01"),
}


def why(document, id):
    return next(one["why"] for one in document["requirements"] if one["id"] == id)


@pytest.fixture(scope="module")
def running(new_course):
    course = new_course(["20260001", "20260002"])
    course.up()
    return course


@pytest.fixture
def bitten(running, wait_until):
    """Verify while a guard is out; then `up` must put it back, and nothing differs."""

    def bite():
        document = running.json("verify", running.name, code=8)
        running.up()
        assert set(running.actions().values()) == {"same"}
        return document

    return bite


@pytest.mark.soak
@pytest.mark.parametrize("what", NAMESPACED)
def test_a_guard_that_is_missing_in_a_namespace_is_named(running, bitten, what):
    kind, id = NAMESPACED[what]
    target = what if "/" in what else f"{what}/practicum"
    running.admin("delete", "-n", running.namespace("20260001"), target)

    told = why(bitten(), id)

    assert kind in told
    assert "20260001" in told


@pytest.mark.soak
@pytest.mark.parametrize(
    ("patch", "target", "told"),
    [
        (
            {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}},
            "namespace",
            ("ISO-10", "Namespace"),
        ),
        (
            {"automountServiceAccountToken": True},
            "serviceaccount/default",
            ("ISO-35", "ServiceAccount"),
        ),
        (
            {"spec": {"hard": {"pods": "999"}}},
            "resourcequota/practicum",
            ("ISO-30", "ResourceQuota"),
        ),
    ],
)
def test_a_guard_that_is_weakened_in_a_namespace_is_named(running, bitten, patch, target, told):
    where = running.namespace("20260001")
    place = ["namespace", where] if target == "namespace" else ["-n", where, target]
    running.admin("patch", *place, "--type=merge", "-p", json.dumps(patch))

    id, kind = told

    assert kind in why(bitten(), id)


@pytest.mark.soak
@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_that_is_unbound_is_noticed_by_an_attack(running, bitten, wait_until, policy):
    """The binding goes: the policy is still there and does nothing."""
    name = admission.policy_name(running.name, policy)
    running.admin("delete", "validatingadmissionpolicybinding", name)
    # Canaries: eventually the server no longer asks it.
    if policy == "services":
        where = running.namespace("20260001")
        wait_until(lambda: accepted(running, where, NODE_PORT))
    if policy == "bindings":  # its cases are among the first
        wait_until(lambda: bindable(running))

    document = bitten()

    assert name in why(document, "ISO-28")
    noticed = [
        one["why"] for one in document["failures"] if f"policy:{policy} let it" in one["why"]
    ]
    assert noticed or policy == "images"  # this course allows every image


@pytest.mark.soak
@pytest.mark.parametrize("number", range(len(role.student_rules())))
def test_each_rule_that_is_widened_is_noticed_by_the_matrix(running, bitten, number):
    told = widen(running, number)

    assert told in " ".join(one["why"] for one in bitten()["failures"])


def widen(course, number):
    """Add a verb to a rule of the students; returns what the matrix must say of it."""
    rules = role.student_rules()
    verbs = rules[number]["verbs"]
    extra = next(verb for verb in ("delete", "create", "get", "escalate") if verb not in verbs)
    rules[number] = {**rules[number], "verbs": [*verbs, extra]}
    name = f"practicum-{course.name}-student"
    course.admin("patch", "clusterrole", name, "--type=merge", "-p", json.dumps({"rules": rules}))
    return f"may {extra} {rules[number]['resources'][0]}"


def test_guards_that_are_out_together_are_each_named(running, bitten, wait_until):
    """The short form of this file: one of each kind, all at once."""
    where = running.namespace("20260001")
    services = admission.policy_name(running.name, "services")
    running.admin("delete", "-n", where, "quota/practicum")
    running.admin("delete", "validatingadmissionpolicybinding", services)
    rule = widen(running, 0)
    wait_until(lambda: accepted(running, where, NODE_PORT))

    document = bitten()

    failed = " ".join(one["why"] for one in document["failures"])
    assert "ResourceQuota" in why(document, "ISO-30")
    assert "20260001" in why(document, "ISO-30")
    assert services in why(document, "ISO-28")
    assert "policy:services let it" in failed
    assert rule in failed


@pytest.fixture(scope="module")
def bare(running):
    """Scratch environments that have neither quota nor limits, and what attacks come to there."""
    reading = read(Settings(stacks=running.stacks, home=running.home), running.name)
    cases = [one for one in case.load() if one.guard in FENCES.values()]
    without = frozenset(FENCES)
    pair = scene.new_pair(reading.cohort)
    with scene.standing(reading.client, reading.cohort, pair, without=without) as stage:
        types, _ = cluster.served(stage.admin)
        return attacks.attack(stage, cases, types)


FENCES = {"ResourceQuota": "quota", "LimitRange": "limits"}


@pytest.mark.parametrize("kind", FENCES)
def test_an_attack_notices_a_guard_that_a_namespace_lacks(bare, kind):
    """What each namespace has of its own is tried by cases, not only compared."""
    noticed = [one.why for one in bare if one.verdict == "failed"]

    assert [why for why in noticed if why.startswith(f"{FENCES[kind]} let it pass")]


NODE_PORT = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "canary"},
    "spec": {"type": "NodePort", "ports": [{"port": 80}]},
}


def bindable(course):
    """Whether somebody could be let into kube-system with a student's rights."""
    role = f"practicum-{course.name}-student"
    try:
        course.admin("create", "rolebinding", "canary", f"--clusterrole={role}", "--user=x",
                     "-n", "kube-system", "--dry-run=server")  # fmt: skip
    except AssertionError:
        return False
    return True


def accepted(course, namespace, manifest):
    try:
        course.admin(
            "create", "--as", f"system:serviceaccount:practicum-{course.name}:s20260001",
            "-n", namespace, "--dry-run=server", "-f", "-", stdin=json.dumps(manifest),
        )  # fmt: skip
    except AssertionError as error:
        return "ValidatingAdmissionPolicy" not in str(error)
    return True
