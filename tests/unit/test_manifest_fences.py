"""ISO-10, -24, -30, -31, -35: Pod Security, fair shares, network and accounts, as rendered."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

import pytest

from provisioner import manifest, names
from provisioner.manifest import admission, role

from ..sample import cohort, record
from .rendering import environment, everything, of_kind, one

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


def unlimited(rules: Iterable[dict[str, list[str]]], hard: dict[str, str]) -> list[str]:
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
    rules, hard = role.student_rules(), hard_of(course)

    assert unlimited(rules, hard) == []
    planted = {"apiGroups": ["example.org"], "resources": ["widgets"], "verbs": ["create"]}
    assert unlimited([*rules, planted], hard) == ["widgets"]
    assert unlimited(rules, {}) == sorted(
        resource for resources in role.OWNED.values() for resource in resources
    )


def test_the_quota_has_every_line_that_fairness_needs(course):
    hard = hard_of(course)

    assert [line for line in ISO_30.split() if line not in hard] == []
    assert {hard[line] for line in NOTHING_AT_ALL.split()} == {"0"}


def test_what_a_pod_may_ask_for_is_what_the_quota_counts():
    """Of huge pages and devices a quota counts only what it names, so a policy takes the rest."""
    pods = next(one for one in admission.policies(cohort()) if one.name == "pods")
    [check] = [cel for cel, _ in pods.validations if "resources.limits" in cel]
    offered = set(re.findall(r"'([a-z-]+)'", check))
    hard = cohort().environment.quota.hard()

    assert offered == {"cpu", "memory", "ephemeral-storage"}
    assert {f"{side}.{name}" for side in ("requests", "limits") for name in offered} <= hard.keys()


def test_a_course_that_offers_graphics_processors_counts_them_and_nothing_else_is_offered():
    gpu = "nvidia.com/gpu"
    course = cohort(environment={"gpu": 2})
    pods = next(one for one in admission.policies(course) if one.name == "pods")
    named = [cel for cel, _ in pods.validations if gpu in cel]

    assert hard_of(course)[f"requests.{gpu}"] == "2"
    assert hard_of(cohort())[f"requests.{gpu}"] == "0"
    assert len(named) == 2
    assert any("tolerations" in cel for cel in named)
    assert any("resources.limits" in cel for cel in named)
    plain = next(one for one in admission.policies(cohort()) if one.name == "pods")
    assert not any(gpu in cel for cel, _ in plain.validations)


def test_a_student_with_a_quota_of_their_own_may_hold_the_courses_processors_too():
    own = record(quota=(("cpu", "4"),))

    hard = one("ResourceQuota", environment(own, environment={"gpu": 1}))["spec"]["hard"]

    assert (hard["requests.nvidia.com/gpu"], hard["requests.cpu"]) == ("1", "4")


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
        ("168.63.129.16", False),  # where Azure tells a machine its settings
        ("240.10.0.1", False),  # pods of large clusters
        ("198.18.5.1", False),
        ("192.0.0.192", False),  # metadata of Oracle's cloud, once
        ("64:ff9b::a9fe:a9fe", False),  # metadata, as a cluster without IPv4 reaches it
        ("64:ff9b::a00:1", False),
        ("64:ff9b::9765:df", True),  # 151.101.0.223: else such a cluster has no internet
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


@pytest.mark.parametrize(
    ("egress", "network", "reached"),
    [
        ("internet", "10.244.0.0/16", False),
        ("internet", "34.118.224.0/20", True),  # services of Google's clusters
        ("internet", "8.0.0.0/5", True),  # 10.0.0.0/8 is but a part of it
        ("internet", "fd00:10:96::/112", False),
        ("internet", "2600:1f18::/56", True),  # pods of Amazon's clusters with IPv6
        ("none", "34.118.224.0/20", False),
        (("203.0.113.0/24",), "10.0.0.0/8", False),
        (("10.0.0.0/8",), "10.244.0.0/16", True),
        (("10.0.0.0/8",), "fd00::/64", False),
    ],
)
def test_it_is_known_whether_a_range_of_the_cluster_is_reached(egress, network, reached):
    assert manifest.reaches(egress, ipaddress.ip_network(network)) is reached


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
