"""ISO-02, -03, -07, -08: what a student and an assistant may do, and never may.

Only what is rendered is looked at here; that a real API server keeps it so is shown in
``tests/cluster``. The scan also runs over planted mistakes, so that it is known to see them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product

import pytest

from provisioner.manifest import role

from ..sample import ASSISTANT, cohort
from .rendering import OPERATOR, environment, everything, of_kind, one

Rule = dict[str, list[str]]
ROLES = {"student": role.student_rules(), "assistant": role.assistant_rules()}
READ = ("get", "list", "watch")
WRITE = ("create", "update", "patch", "delete", "deletecollection")
ANY = (*READ, *WRITE)
RBAC, ADMISSION = "rbac.authorization.k8s.io", "admissionregistration.k8s.io"

NEVER: list[tuple[tuple[str, ...], str, tuple[str, ...]]] = [
    (("create",), "", ("serviceaccounts/token", "pods/binding", "bindings")),
    (ANY, "", ("nodes", "nodes/proxy", "nodes/status", "nodes/log", "nodes/metrics")),
    (ANY, "", ("persistentvolumes", "persistentvolumes/status")),
    (WRITE, "", ("namespaces", "namespaces/status", "namespaces/finalize")),
    (("list", "watch"), "", ("namespaces",)),
    (WRITE, "", ("services/status", "services/proxy", "pods/proxy", "endpoints")),
    (READ, "", ("services/proxy", "pods/proxy")),
    (WRITE, "", ("resourcequotas", "resourcequotas/status", "limitranges", "serviceaccounts")),
    (WRITE, "", ("replicationcontrollers", "podtemplates", "events", "pods/status")),
    (WRITE, "", ("pods/eviction", "pods/resize", "secrets/status")),
    (WRITE, "events.k8s.io", ("events",)),
    (WRITE, "coordination.k8s.io", ("leases",)),
    (WRITE, "apps", ("daemonsets", "controllerrevisions")),
    (WRITE, "discovery.k8s.io", ("endpointslices",)),
    (WRITE, "networking.k8s.io", ("networkpolicies", "ingresses/status", "ingressclasses")),
    (WRITE, RBAC, ("roles", "rolebindings", "clusterroles", "clusterrolebindings")),
    (ANY, "certificates.k8s.io", ("certificatesigningrequests",)),
    (ANY, "certificates.k8s.io", ("certificatesigningrequests/approval", "signers")),
    (ANY, ADMISSION, ("validatingwebhookconfigurations", "mutatingwebhookconfigurations")),
    (ANY, ADMISSION, ("validatingadmissionpolicies", "validatingadmissionpolicybindings")),
    (ANY, ADMISSION, ("mutatingadmissionpolicies", "mutatingadmissionpolicybindings")),
    (ANY, "apiregistration.k8s.io", ("apiservices",)),
    (ANY, "apiextensions.k8s.io", ("customresourcedefinitions",)),
    (ANY, "scheduling.k8s.io", ("priorityclasses",)),
    (ANY, "storage.k8s.io", ("storageclasses", "volumeattachments", "csidrivers")),
    (ANY, "resource.k8s.io", ("resourceclaims", "deviceclasses")),
]
"""ISO-03, and what opens the same doors."""


def holds(rules: Iterable[Rule], verb: str, group: str, resource: str) -> bool:
    """Whether a rule allows something, as the API server's authorizer reads rules."""
    return any(
        {verb, "*"} & set(rule["verbs"])
        and {group, "*"} & set(rule["apiGroups"])
        and {resource, "*", f"*/{resource.partition('/')[2]}"} & set(rule["resources"])
        for rule in rules
    )


def forbidden(rules: list[Rule]) -> Iterator[str]:
    """Name every right among these rules that no student may hold."""
    for verbs, group, resources in NEVER:
        for verb, resource in product(verbs, resources):
            if holds(rules, verb, group, resource):
                yield f"{verb} {resource}.{group}"
    for rule in rules:
        escalating = {"escalate", "bind", "impersonate", "approve", "sign", "use"}
        yield from sorted(escalating & set(rule["verbs"]))
        if any("*" in value for field in rule.values() for value in field):
            yield f"wildcard in {rule}"
        if "nonResourceURLs" in rule:
            yield f"nonResourceURLs in {rule}"


@pytest.mark.parametrize("who", ROLES)
def test_nobody_holds_a_right_that_leads_out(who):
    assert list(forbidden(ROLES[who])) == []


@pytest.mark.parametrize(
    ("planted", "seen"),
    [
        ({"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}, "get nodes."),
        ({"apiGroups": [RBAC], "resources": ["roles"], "verbs": ["bind"]}, "bind"),
        ({"apiGroups": ["*"], "resources": ["pods"], "verbs": ["get"]}, "wildcard in"),
        ({"apiGroups": [""], "resources": ["pods/*"], "verbs": ["get"]}, "wildcard in"),
        ({"apiGroups": [""], "resources": ["pods"], "verbs": ["*"]}, "wildcard in"),
        (
            {"apiGroups": [""], "resources": ["serviceaccounts/token"], "verbs": ["create"]},
            "create serviceaccounts/token.",
        ),
    ],
)
def test_a_planted_right_is_seen(planted, seen):
    found = list(forbidden([*role.student_rules(), planted]))

    assert any(item.startswith(seen) for item in found), found


def test_the_roles_are_the_rules_that_are_scanned(course):
    """Nothing may slip into a ClusterRole behind the scans of this file."""
    made = {item["metadata"]["name"]: item for item in of_kind("ClusterRole", everything(course))}
    rules = dict(ROLES)
    if course.shows_secrets:
        rules |= {"assistant-secrets": role.secrets_rules()}
    if course.operators:
        rules |= {
            "operator": [role.manage_rule("mls26")],
            "credentials": role.credentials_rules(),
            "archive": role.archive_rules(),
        }

    assert {name: item["rules"] for name, item in made.items()} == {
        f"practicum-mls26-{who}": held for who, held in rules.items()
    }
    assert not any("aggregationRule" in item for item in made.values())


def bindings(made):
    return of_kind("RoleBinding", made) + of_kind("ClusterRoleBinding", made)


def test_a_binding_leads_to_a_role_of_the_cohorts_own(course):
    """Never to cluster-admin, admin or edit."""
    made = everything(course)
    own = {item["metadata"]["name"] for item in of_kind("ClusterRole", made)}

    assert bindings(made)
    for binding in bindings(made):
        assert binding["roleRef"]["kind"] == "ClusterRole"
        assert binding["roleRef"]["name"] in own
    assert own.isdisjoint({"cluster-admin", "admin", "edit"})


def test_only_the_way_past_the_policies_is_bound_across_the_cluster(course):
    """And to operators alone; it is a verb on a resource that nobody serves."""
    found = of_kind("ClusterRoleBinding", everything(course))

    assert [item["roleRef"]["name"] for item in found] == [
        "practicum-mls26-operator" for _ in course.operators
    ]
    assert [rule["verbs"] for rule in [role.manage_rule("mls26")]] == [["manage"]]
    assert role.manage_rule("mls26")["apiGroups"] == ["practicum.dev"]
    assert role.manage_rule("mls26")["resourceNames"] == ["mls26"]


def test_tokens_and_secrets_are_for_operators_in_the_identity_namespace_alone():
    made = everything(cohort(operators=[OPERATOR]))

    [binding] = [
        item for item in bindings(made) if item["roleRef"]["name"] == "practicum-mls26-credentials"
    ]
    assert binding["kind"] == "RoleBinding"
    assert binding["metadata"]["namespace"] == "practicum-mls26"
    assert binding["subjects"] == [{"apiGroup": RBAC, "kind": "User", "name": OPERATOR}]


def test_a_binding_names_its_student_and_no_group():
    made = environment(assistants=[ASSISTANT])

    assert one("RoleBinding", made, "practicum-student")["subjects"] == [
        {"kind": "ServiceAccount", "name": "s20260001", "namespace": "practicum-mls26"}
    ]
    assert one("RoleBinding", made, "practicum-assistant")["subjects"] == [
        {"apiGroup": RBAC, "kind": "User", "name": ASSISTANT["user"]}
    ]


def test_an_operator_can_bind_a_cohorts_roles_in_its_namespaces_alone(course):
    """RBAC says which roles, and cannot say where: a policy does, and lets nobody past."""
    policy = one("ValidatingAdmissionPolicy", everything(course), "practicum-mls26-bindings")
    [condition] = policy["spec"]["matchConditions"]
    [check] = policy["spec"]["validations"]
    bound = {i["metadata"]["name"] for i in of_kind("ClusterRole", everything(course))}

    assert all(f"'{name}'" in condition["expression"] for name in bound)
    assert "manage" not in condition["expression"], "operators too"
    assert check["expression"] == (
        "request.namespace == 'practicum-mls26' || request.namespace.startsWith('mls26--')"
    )
    binding = one(
        "ValidatingAdmissionPolicyBinding", everything(course), "practicum-mls26-bindings"
    )
    assert binding["spec"]["matchResources"]["namespaceSelector"] == {}


@pytest.mark.parametrize("who", ROLES)
def test_the_way_into_a_pod_is_create_alone(who):
    """``get`` opens the same door on servers before 1.35."""
    for rule in ROLES[who]:
        into = {"pods/exec", "pods/attach", "pods/portforward"} & set(rule["resources"])

        assert not into or (who, rule["verbs"]) == ("student", ["create"])


def test_an_assistant_sees_no_secret_and_changes_nothing():
    rules = ROLES["assistant"]

    assert {verb for rule in rules for verb in rule["verbs"]} == set(READ)
    assert not any("secrets" in rule["resources"] for rule in rules)
    assert not any(holds(rules, verb, "", "pods/exec") for verb in ANY)
    assert holds(rules, "get", "", "pods/log")


@pytest.mark.parametrize(
    ("verb", "group", "resource"),
    [
        ("create", "apps", "deployments"),
        ("get", "", "pods/log"),
        ("create", "", "pods/exec"),
        ("patch", "apps", "deployments/scale"),
        ("delete", "", "secrets"),
        ("list", "", "events"),
        ("get", "", "resourcequotas"),
    ],
)
def test_a_student_can_do_the_work_of_a_course(verb, group, resource):
    assert holds(ROLES["student"], verb, group, resource)


def test_no_binding_gives_rights_to_a_default_account(course):
    subjects = [s for b in bindings(everything(course)) for s in b["subjects"]]

    assert not any(s["name"] == "default" or s["kind"] == "Group" for s in subjects)
