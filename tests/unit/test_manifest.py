"""ISO-02, -03, -07, -10, -24, -30, -31, -35: what is rendered keeps students apart.

Only what is rendered is looked at here; that a real API server keeps it so is shown in
``tests/cluster``. Each scan also runs over a planted mistake, so that it is known to see one.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import pairwise, product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from infra.kubernetes_objects import KINDS
from provisioner import manifest, names
from provisioner.cluster import RESOURCES
from provisioner.manifest import role
from provisioner.plan.compare import EXACT

from ..sample import ASSISTANT, cohort, record

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
DNS_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
LABEL_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?)?", re.ASCII)

SETTINGS = {
    "defaults": {},
    "restricted": {"environment": {"pod_security": "restricted"}},
    "assistants": {"assistants": [ASSISTANT]},
    "no egress": {"environment": {"egress": "none"}},
    "some networks": {"environment": {"egress": ["203.0.113.0/24", "2001:db8::/48"]}},
}
quick = settings(deadline=None, max_examples=60)


def everything(course, *records):
    """All that a cohort is on the cluster."""
    made = manifest.guard(course)
    for one in records or [record(), record("20260002", until=date(2026, 11, 1))]:
        made += manifest.environment(course, one)
    return made


def of_kind(kind, objects):
    return [item for item in objects if item["kind"] == kind]


def one(kind, objects, name=None):
    [found] = [i for i in of_kind(kind, objects) if name in (None, i["metadata"]["name"])]
    return found


def environment(one=None, **fields):
    return manifest.environment(cohort(**fields), one or record())


@pytest.fixture(params=SETTINGS.values(), ids=SETTINGS.keys())
def course(request):
    return cohort(**request.param)


# What there is, and in which order


def test_an_environment_is_these_objects():
    made = environment(assistants=[ASSISTANT])

    assert [f"{item['kind']} {item['metadata']['name']}" for item in made] == [
        "Namespace mls26--s20260001",
        "ResourceQuota practicum",
        "LimitRange practicum",
        "NetworkPolicy practicum",
        "ServiceAccount default",
        "ServiceAccount s20260001",
        "RoleBinding practicum-student",
        "RoleBinding practicum-assistant",
    ]


def test_the_namespace_comes_first_and_the_way_in_last(course):
    kinds = [item["kind"] for item in manifest.environment(course, record())]

    assert kinds[0] == "Namespace"
    assert kinds.index("RoleBinding") == len(kinds) - kinds.count("RoleBinding")


def test_the_guard_makes_a_namespace_before_what_is_in_it(course):
    made = manifest.guard(course)

    first = made[0]["metadata"]["name"]
    assert made[0]["kind"] == "Namespace"
    assert {item["metadata"].get("namespace", first) for item in made} == {first}


def test_the_same_input_gives_the_same_objects(course):
    assert everything(course) == everything(course)


def test_who_is_suspended_has_no_way_in_and_keeps_the_rest():
    free, suspended = (
        environment(record(suspended=flag), assistants=[ASSISTANT]) for flag in (False, True)
    )

    gone = {manifest.key_of(i) for i in free} - {manifest.key_of(i) for i in suspended}
    assert [key.name for key in gone] == ["practicum-student"]
    assert one("RoleBinding", suspended)["metadata"]["name"] == "practicum-assistant"


def test_every_kind_is_known_where_kinds_are_listed(course):
    kinds = {item["kind"] for item in everything(course)} | {"RoleBinding"}

    assert kinds == set(RESOURCES) == set(EXACT) == set(KINDS)


def test_every_field_that_is_rendered_is_compared(course):
    """A field outside the comparison could be changed by hand and stay so."""
    for item in everything(course):
        fields = item.keys() - {"apiVersion", "kind", "metadata"}

        assert fields <= set(EXACT[item["kind"]]), manifest.key_of(item)


def test_paths_and_rendering_agree_on_group_and_scope(course):
    for item in everything(course):
        resource = RESOURCES[item["kind"]]
        root = "/apis/" if "/" in item["apiVersion"] else "/api/"

        assert resource.root == root + item["apiVersion"]
        assert resource.namespaced == ("namespace" in item["metadata"])


# Whose it is


def test_every_object_says_whose_it_is(course):
    for item in manifest.guard(course):
        assert manifest.belongs_to("mls26", item)
        assert manifest.STUDENT not in item["metadata"]["labels"]
    for item in manifest.environment(course, record()):
        assert manifest.belongs_to("mls26", item)
        assert item["metadata"]["labels"][manifest.STUDENT] == "s20260001"


def test_another_cohorts_objects_are_not_ours():
    assert not any(manifest.belongs_to("mls2", item) for item in everything(cohort()))


def test_the_namespace_keeps_the_students_record():
    labels = environment(record(wave=3, generation=2, suspended=True, until=date(2026, 11, 1)))[0][
        "metadata"
    ]["labels"]

    assert {key: labels[manifest.PREFIX + key] for key in ("wave", "generation", "until")} == {
        "wave": "03", "generation": "2", "until": "2026-11-01",
    }  # fmt: skip
    assert labels[manifest.SUSPENDED] == "true"


def test_no_persons_name_is_written(course):
    """Assistants have a name in the cohort file; students' names never come this far."""
    named = course.model_copy(update={"assistants": cohort(assistants=[ASSISTANT]).assistants})

    text = json.dumps(everything(named))

    assert ASSISTANT["user"] in text
    assert "Tutorin" not in text
    assert "Tabea" not in text
    assert course.course not in text


cohort_names = st.from_regex(r"[a-z](-?[a-z0-9]){0,29}", fullmatch=True).filter(
    lambda name: names.cohort_mistake(name) is None
)
ids = st.one_of(st.text(min_size=1), st.from_regex(r"s?[0-9]{1,40}", fullmatch=True))


@quick
@given(cohort_names, ids, st.integers(1, 99_999), st.integers(1, 99_999))
@example("c" * 30, "x" * 1000, 1, 1)
@example("c" * 30, "김민준", 100, 1)
def test_every_name_and_label_is_one_that_kubernetes_takes(name, id, wave, generation):
    one = record(id, cohort=name, wave=wave, generation=generation, until=date(9999, 12, 31))

    for item in everything(cohort(name, assistants=[ASSISTANT]), one):
        metadata = item["metadata"]
        cluster_wide = item["kind"] in ("ClusterRole", "PriorityClass", "ServiceAccount")
        assert (DNS_SUBDOMAIN if cluster_wide else DNS_LABEL).fullmatch(metadata["name"])
        assert len(metadata["name"]) <= 63
        assert DNS_LABEL.fullmatch(metadata.get("namespace", "x"))
        for key, value in metadata["labels"].items():
            assert LABEL_KEY.fullmatch(key), key
            assert LABEL_VALUE.fullmatch(value), value


@quick
@given(cohort_names, st.lists(ids, unique=True, min_size=2, max_size=6))
@example("mls26", ["20261234", "s20261234"])
@example("mls26", ["ada", "Ada", "ADA "])
def test_no_two_students_share_an_object(name, several):
    course = cohort(name, assistants=[ASSISTANT])
    made = everything(course, *(record(id, cohort=name) for id in several))

    keys = [manifest.key_of(item) for item in made]
    assert len(set(keys)) == len(keys)


@quick
@given(cohort_names, cohort_names, ids)
@example("a", "a-b", "b-c")
@example("mls26", "mls26-student", "1")
def test_no_two_cohorts_share_an_object(one, other, id):
    made = [
        {manifest.key_of(item) for item in everything(cohort(name), record(id, cohort=name))}
        for name in {one, other}
    ]

    assert len(set.union(*made)) == sum(map(len, made))


# Pod Security (ISO-10)


@pytest.mark.parametrize("level", ["baseline", "restricted"])
def test_the_namespace_enforces_pod_security_at_a_pinned_version(level):
    labels = environment(environment={"pod_security": level})[0]["metadata"]["labels"]

    pinned = {key: value for key, value in labels.items() if "pod-security" in key}
    assert pinned == {
        "pod-security.kubernetes.io/enforce": level,
        "pod-security.kubernetes.io/enforce-version": "v1.34",
        "pod-security.kubernetes.io/warn": "restricted",
        "pod-security.kubernetes.io/warn-version": "v1.34",
        "pod-security.kubernetes.io/audit": "restricted",
        "pod-security.kubernetes.io/audit-version": "v1.34",
    }


def test_nothing_can_run_in_the_identity_namespace():
    made = manifest.guard(cohort())

    labels = one("Namespace", made)["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert one("ResourceQuota", made)["spec"]["hard"]["pods"] == "0"
    assert one("NetworkPolicy", made)["spec"] == {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
    }


# Rights (ISO-02, ISO-03, ISO-07, ISO-08)

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
    """Nothing may slip into the ClusterRole behind the scans of this file."""
    made = {item["metadata"]["name"]: item for item in of_kind("ClusterRole", everything(course))}

    assert {name: item["rules"] for name, item in made.items()} == {
        f"practicum-mls26-{who}": rules for who, rules in ROLES.items()
    }
    assert not any("aggregationRule" in item for item in made.values())


def test_a_binding_leads_to_a_role_of_the_cohorts_own(course):
    """Never to cluster-admin, admin or edit, and never across the whole cluster."""
    made = everything(course)
    own = {item["metadata"]["name"] for item in of_kind("ClusterRole", made)}

    bindings = of_kind("RoleBinding", made)
    assert bindings
    for binding in bindings:
        assert binding["roleRef"]["kind"] == "ClusterRole"
        assert binding["roleRef"]["name"] in own
    assert own.isdisjoint({"cluster-admin", "admin", "edit"})
    assert not of_kind("ClusterRoleBinding", made)


def test_a_binding_names_its_student_and_no_group():
    made = environment(assistants=[ASSISTANT])

    assert one("RoleBinding", made, "practicum-student")["subjects"] == [
        {"kind": "ServiceAccount", "name": "s20260001", "namespace": "practicum-mls26"}
    ]
    assert one("RoleBinding", made, "practicum-assistant")["subjects"] == [
        {"apiGroup": RBAC, "kind": "User", "name": ASSISTANT["user"]}
    ]


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


# Fairness (ISO-30, ISO-31)

ISO_30 = """
    requests.cpu limits.cpu requests.memory limits.memory
    requests.ephemeral-storage limits.ephemeral-storage requests.storage requests.nvidia.com/gpu
    pods services services.nodeports services.loadbalancers
    count/secrets count/configmaps count/persistentvolumeclaims count/deployments.apps
    count/replicasets.apps count/statefulsets.apps count/daemonsets.apps count/jobs.batch
    count/cronjobs.batch count/ingresses.networking.k8s.io
    count/networkpolicies.networking.k8s.io
    count/horizontalpodautoscalers.autoscaling count/poddisruptionbudgets.policy
    count/leases.coordination.k8s.io count/endpointslices.discovery.k8s.io
    count/resourceclaims.resource.k8s.io
"""
NOTHING_AT_ALL = """
    services.nodeports services.loadbalancers requests.nvidia.com/gpu count/daemonsets.apps
"""


def unlimited(rules: Iterable[Rule], hard: dict[str, str]) -> list[str]:
    """Name every resource that may be created and that no line of a quota counts."""
    created = {
        (resource, f"count/{resource}.{group}" if group else f"count/{resource}")
        for rule in rules
        if "create" in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        if "/" not in resource
    }
    return sorted(name for name, line in created if not {name, line} & hard.keys())


def hard_of(course) -> dict[str, str]:
    return one("ResourceQuota", manifest.environment(course, record()))["spec"]["hard"]


def test_everything_that_a_student_may_create_has_a_ceiling(course):
    hard = hard_of(course)

    assert unlimited(ROLES["student"], hard) == []
    planted = {"apiGroups": ["example.org"], "resources": ["widgets"], "verbs": ["create"]}
    assert unlimited([*ROLES["student"], planted], hard) == ["widgets"]
    assert unlimited(ROLES["student"], {}) == sorted(
        resource for resources in role.OWNED.values() for resource in resources
    )


def test_the_quota_has_every_line_that_fairness_needs(course):
    hard = hard_of(course)

    assert [line for line in ISO_30.split() if line not in hard] == []
    assert {hard[line] for line in NOTHING_AT_ALL.split()} == {"0"}


def test_a_container_that_says_nothing_has_a_limit_in_every_dimension(course):
    """ISO-31: a quota alone does not force limits on ephemeral storage."""
    [limits] = one("LimitRange", manifest.environment(course, record()))["spec"]["limits"]
    hard = hard_of(course)

    computed = {line.removeprefix("limits.") for line in hard if line.startswith("limits.")}
    assert computed == {"cpu", "memory", "ephemeral-storage"}
    assert computed == {line.removeprefix("requests.") for line in hard if line.startswith("requests.")} - {"storage", "nvidia.com/gpu"}  # fmt: skip
    assert limits["type"] == "Container"
    assert limits["default"].keys() == limits["defaultRequest"].keys() == computed


# Network (ISO-24)


def egress(**fields):
    return one("NetworkPolicy", environment(environment=fields))["spec"]["egress"]


def blocks(**fields):
    return [
        peer["ipBlock"] for rule in egress(**fields) for peer in rule["to"] if "ipBlock" in peer
    ]


def test_both_directions_are_denied_by_default(course):
    for made in (manifest.environment(course, record()), manifest.guard(course)):
        spec = one("NetworkPolicy", made)["spec"]

        assert spec["podSelector"] == {}
        assert spec["policyTypes"] == ["Ingress", "Egress"]


def test_only_the_own_namespace_is_let_in(course):
    spec = one("NetworkPolicy", manifest.environment(course, record()))["spec"]

    assert spec["ingress"] == [{"from": [{"podSelector": {}}]}]


def test_no_rule_is_open_to_every_namespace_or_every_peer(course):
    """Policies add up, so that one empty selector or one empty list opens all."""
    spec = one("NetworkPolicy", manifest.environment(course, record()))["spec"]

    for rule, way in [(r, "from") for r in spec["ingress"]] + [(r, "to") for r in spec["egress"]]:
        assert rule[way]
        for peer in rule[way]:
            assert peer
            if "namespaceSelector" in peer:
                labels = peer["namespaceSelector"]["matchLabels"]
                assert labels.keys() == {"kubernetes.io/metadata.name"}


@pytest.mark.parametrize("fields", [{}, {"egress": "none"}, {"egress": ["203.0.113.0/24"]}])
def test_the_own_namespace_and_dns_are_always_reached(fields):
    own, dns, *_ = egress(**fields)

    assert own == {"to": [{"podSelector": {}}]}
    assert {(port["port"], port["protocol"]) for port in dns["ports"]} == {(53, "UDP"), (53, "TCP")}


def test_without_egress_nothing_else_is_reached():
    assert blocks(egress="none") == []
    assert len(egress(egress="none")) == 2


def test_the_networks_of_the_cohort_are_reached_and_no_other():
    assert blocks(egress=["203.0.113.0/24", "2001:db8::/48"]) == [
        {"cidr": "203.0.113.0/24"},
        {"cidr": "2001:db8::/48"},
    ]


@pytest.mark.parametrize(
    ("address", "reached"),
    [
        ("151.101.0.223", True),
        ("2a04:4e42::223", True),
        ("169.254.169.254", False),  # where clouds serve credentials
        ("fd00:ec2::254", False),
        ("fe80::1", False),
        ("10.96.0.1", False),
        ("172.17.0.1", False),
        ("192.168.1.1", False),
        ("100.100.100.200", False),
        ("127.0.0.1", False),
    ],
)
def test_the_internet_is_reached_and_no_private_network(address, reached):
    ip = ipaddress.ip_address(address)

    def within(cidr):
        network = ipaddress.ip_network(cidr)
        return network.version == ip.version and ip in network

    open_to = [
        block
        for block in blocks(egress="internet")
        if within(block["cidr"]) and not any(map(within, block["except"]))
    ]
    assert bool(open_to) == reached


def test_an_exception_lies_within_its_block():
    """The API server refuses one that does not."""
    for block in blocks(egress="internet"):
        whole = ipaddress.ip_network(block["cidr"])
        assert all(ipaddress.ip_network(cidr).subnet_of(whole) for cidr in block["except"])


# Accounts (ISO-35)


def test_no_pod_gets_a_token_without_asking(course):
    for account in of_kind("ServiceAccount", everything(course)):
        assert account["automountServiceAccountToken"] is False


def test_a_students_account_is_where_no_student_works(course):
    made = manifest.environment(course, record())

    default, own = of_kind("ServiceAccount", made)
    assert (default["metadata"]["name"], default["metadata"]["namespace"]) == (
        "default", "mls26--s20260001",
    )  # fmt: skip
    assert (own["metadata"]["name"], own["metadata"]["namespace"]) == (
        "s20260001", names.identity_namespace("mls26"),
    )  # fmt: skip


def test_no_binding_gives_rights_to_a_default_account(course):
    subjects = [s for b in of_kind("RoleBinding", everything(course)) for s in b["subjects"]]

    assert not any(s["name"] == "default" or s["kind"] == "Group" for s in subjects)


def test_stacks_are_named_after_cohort_and_part():
    stacks = [manifest.stack_name("mls26", part) for part in (manifest.GUARD, 1, 12, 100)]

    assert stacks == ["mls26.guard", "mls26.wave-01", "mls26.wave-12", "mls26.wave-100"]
    assert all(one < other for one, other in pairwise(stacks[:3]))
