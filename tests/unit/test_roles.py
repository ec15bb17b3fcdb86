"""The roles of whoever runs Practicum: by name where they can be, and never a wildcard."""

from __future__ import annotations

import pytest

from provisioner import cluster, manifest
from provisioner.cluster import rights
from provisioner.cluster.role_objects import guard_installer, operator, proof_reader

from ..sample import ASSISTANT, SECRETS_READER, cohort

RBAC = "rbac.authorization.k8s.io"
TYPES = [("", "pods"), ("", "secrets"), ("apps", "deployments"), ("", "configmaps")]
COURSE = cohort(operators=["ops@example.org"], assistants=[ASSISTANT, SECRETS_READER])


def rules(course=COURSE):
    return [rule for role in cluster.roles(course, TYPES) for rule in role["rules"]]


def of_verb(verb, found):
    return [rule for rule in found if verb in rule["verbs"]]


def test_there_are_three_and_none_is_the_cohorts_own():
    """`down` and the plan go by the mark: with it, they would take away what they need."""
    roles = cluster.roles(COURSE, TYPES)
    guard = {item["metadata"]["name"] for item in manifest.guard(COURSE)}

    assert [role["metadata"] for role in roles] == [
        {"name": "practicum-mls26-guard-installer"},
        {"name": "practicum-mls26-environment-operator"},
        {"name": "practicum-mls26-proof-reader"},
    ]
    assert not guard & {role["metadata"]["name"] for role in roles}


def test_no_rule_has_a_wildcard_or_a_secret():
    assert not any("*" in item for rule in rules() for field in rule.values() for item in field)
    assert not any("secrets" in rule["resources"] for rule in rules())
    assert not any("serviceaccounts/token" in rule["resources"] for rule in rules())
    assert not of_verb("impersonate", rules())


@pytest.mark.parametrize("course", [COURSE, cohort()], ids=["operators", "nobody named"])
def test_what_the_guard_has_outside_namespaces_is_changed_by_name_alone(course):
    wanted = {
        (cluster.RESOURCES[item["kind"]].plural, item["metadata"]["name"])
        for item in manifest.guard(course)
        if not cluster.RESOURCES[item["kind"]].namespaced and item["kind"] != "Namespace"
    }

    for verb in ("create", "patch", "delete"):
        found = of_verb(verb, guard_installer(course))
        named = {(rule["resources"][0], name) for rule in found for name in rule["resourceNames"]}
        assert named == wanted


def test_escalation_is_for_the_cohorts_roles_by_name():
    [escalate] = of_verb("escalate", rules())
    made = {i["metadata"]["name"] for i in manifest.guard(COURSE) if i["kind"] == "ClusterRole"}

    assert set(escalate["resourceNames"]) == made
    assert {name for rule in of_verb("bind", rules()) for name in rule["resourceNames"]} == made
    assert all(rule["resources"] == ["clusterroles"] for rule in of_verb("bind", rules()))


def test_every_kind_of_a_cohort_can_be_read_and_made():
    for resource in cluster.RESOURCES.values():
        for verb in ("get", "list", "create", "patch", "delete"):
            found = [
                rule for rule in of_verb(verb, rules()) if resource.plural in rule["resources"]
            ]
            assert any(rule["apiGroups"] == [resource.group] for rule in found), (verb, resource)


def test_whoever_runs_a_course_may_see_what_nodes_have_and_pods_take():
    """The proof reader lists everything; for `capacity` before class nobody should need it."""
    [_, environment, _] = cluster.roles(COURSE, TYPES)
    listed = {
        resource
        for rule in of_verb("list", environment["rules"])
        if rule["apiGroups"] == [""]
        for resource in rule["resources"]
    }

    assert listed >= {"nodes", "pods"}


def test_the_proof_reader_lists_all_but_secrets():
    assert proof_reader(TYPES) == [
        {"apiGroups": [""], "resources": ["configmaps", "pods"], "verbs": ["list"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list"]},
        {"apiGroups": [""], "resources": ["resourcequotas"], "verbs": ["watch"]},
        {
            "apiGroups": ["authorization.k8s.io"],
            "resources": ["subjectaccessreviews"],
            "verbs": ["create"],
        },
    ]


COPYING = cohort(
    operators=["ops@example.org"],
    environment={
        "pull_secrets": [
            {"name": "registry", "namespace": "course"},
            {"name": "mirror", "namespace": "course"},
            {"name": "other", "namespace": "shared"},
        ]
    },
)


def test_pull_secrets_are_read_by_name_where_they_are_kept():
    """Nothing else there, no list, and nowhere else."""
    sources = [role for role in cluster.roles(COPYING, TYPES) if role["kind"] == "Role"]
    read = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}

    assert {role["metadata"]["name"] for role in sources} == {"practicum-mls26-pull-secrets-reader"}
    assert {role["metadata"]["namespace"]: role["rules"] for role in sources} == {
        "course": [read | {"resourceNames": ["registry", "mirror"]}],
        "shared": [read | {"resourceNames": ["other"]}],
    }
    needed = map(str, cluster.needed_rights(Server("ops@example.org"), COPYING))
    assert {"get secrets in course", "get secrets in shared"} <= set(needed)


def test_copies_are_kept_by_name_in_the_cohorts_own_namespaces_alone():
    """A rule without names would be one for every Secret of every student."""
    [role] = [
        one for one in manifest.guard(COPYING) if one["metadata"]["name"].endswith("-pull-secrets")
    ]
    [policy] = [
        one
        for one in manifest.guard(COPYING)
        if one["kind"] == "ValidatingAdmissionPolicy" and "-bindings" in one["metadata"]["name"]
    ]

    assert [rule["resourceNames"] for rule in role["rules"]] == [["registry", "mirror", "other"]]
    assert role["metadata"]["name"] in policy["spec"]["matchConditions"][0]["expression"]
    [bind] = of_verb("bind", operator(COPYING))
    assert role["metadata"]["name"] in bind["resourceNames"]


class Server:
    """Answers as an API server that knows us by a name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def request(self, *_, **__):
        return {"status": {"userInfo": {"username": self.name}}}


def test_tokens_are_asked_for_unless_the_guard_gives_them():
    named = cluster.needed_rights(Server("ops@example.org"), COURSE)
    stranger = cluster.needed_rights(Server("kim@example.org"), COURSE)

    extra = cluster.listed_rights(set(stranger) - set(named))
    assert "create serviceaccounts/token in practicum-mls26" in extra
    assert "create secrets in practicum-mls26" in extra
    assert not any(right.resource == "secrets" for right in named)


def test_the_guards_rights_are_asked_for_only_where_it_changes():
    server = Server("ops@example.org")
    without = cluster.needed_rights(server, COURSE, guard=False)

    assert not any(right.verb == "escalate" for right in without)
    assert {right.verb for right in cluster.needed_rights(server, COURSE)} >= {"escalate", "bind"}
    assert set(without) < set(cluster.needed_rights(server, COURSE))


def test_many_names_are_told_once():
    asked = [rights.Right("patch", RBAC, "clusterroles", name=str(n)) for n in range(9)]

    assert cluster.listed_rights(asked) == f"patch clusterroles.{RBAC}"


def test_the_rules_follow_the_rendering():
    """A kind that is added to the guard needs no list here."""
    assert {rule["resources"][0] for rule in operator(COURSE) if "list" in rule["verbs"]} == {
        *(resource.plural for resource in cluster.RESOURCES.values()),
        "events",
    }
