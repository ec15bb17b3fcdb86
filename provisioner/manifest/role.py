"""What a student and an assistant may do, rule by rule, without a wildcard.

Built-in ``edit`` and ``admin`` are no base for this: they may delete a NetworkPolicy,
mint tokens and read what they should not (bootstrappolicy/testdata/cluster-roles.yaml
in the Kubernetes source). Every resource that a student may create has a line in the
quota; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterable

from . import labels
from .objects import Manifest

READ = ["get", "list", "watch"]
WRITE = ["create", "update", "patch", "delete", "deletecollection"]

OWNED: dict[str, list[str]] = {
    "": ["configmaps", "persistentvolumeclaims", "pods", "secrets", "services"],
    "apps": ["deployments", "replicasets", "statefulsets"],
    "autoscaling": ["horizontalpodautoscalers"],
    "batch": ["cronjobs", "jobs"],
    "networking.k8s.io": ["ingresses"],
    "policy": ["poddisruptionbudgets"],
}
"""What students make and unmake as they like, by API group."""

SEEN: dict[str, list[str]] = {
    "": [
        "endpoints",
        "events",
        "limitranges",
        "replicationcontrollers",
        "resourcequotas",
        "serviceaccounts",
    ],
    "apps": ["daemonsets"],
    "discovery.k8s.io": ["endpointslices"],
    "events.k8s.io": ["events"],
    "networking.k8s.io": ["networkpolicies"],
}
"""What students read in order to understand what happens, and cannot change.

Nobody makes DaemonSets or ReplicationControllers here: without them in this list
``kubectl get all``, which every textbook begins with, ends in two errors.
"""

LOGS = ["pods/log"]
"""Only ``get``: no request lists or watches a log."""

INTO_PODS = ["pods/attach", "pods/exec", "pods/portforward"]
"""Only ``create``: ``get`` would open the same door on servers before 1.35."""

ARCHIVE = "archive"
"""Who the role is for that sees Secrets, bound in a namespace while it is archived."""


WITH_SECRETS = "assistant-secrets"
"""Who the role is for that an assistant has beside their own, where the cohort file says so."""


PULL_SECRETS = "pull-secrets"
"""Who the role is for that keeps the copies of pull secrets, bound in every environment."""

COPIES_BINDING = "practicum-pull-secrets"
"""Name of the RoleBinding of these."""


def role_name(cohort: str, who: str) -> str:
    """Return the ClusterRole of ``student`` or ``assistant`` in a cohort."""
    return f"practicum-{cohort}-{who}"


def _rule(group: str, resources: list[str], verbs: list[str]) -> Manifest:
    return {"apiGroups": [group], "resources": resources, "verbs": verbs}


def operators_subjects(users: Iterable[str]) -> list[Manifest]:
    """Return the cohort's operators as a binding names them."""
    return [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": u} for u in users]


def student_rules() -> list[Manifest]:
    """Return the rules of a student, for a RoleBinding in their own namespace."""
    return [
        *(_rule(group, resources, READ + WRITE) for group, resources in OWNED.items()),
        *(_rule(group, resources, READ) for group, resources in SEEN.items()),
        _rule("", LOGS, ["get"]),
        _rule("", INTO_PODS, ["create"]),
        _rule("", ["pods/ephemeralcontainers"], ["patch"]),
        _rule(
            "apps",
            ["deployments/scale", "replicasets/scale", "statefulsets/scale"],
            ["get", "update", "patch"],
        ),
        # A RoleBinding grants this for the namespace that it stands in, and no other.
        _rule("", ["namespaces"], ["get"]),
    ]


def assistant_rules() -> list[Manifest]:
    """Return the rules of an assistant: see all but Secrets, change nothing."""
    owned = {group: [r for r in names if r != "secrets"] for group, names in OWNED.items()}
    return [
        *(_rule(group, resources, READ) for group, resources in owned.items()),
        *(_rule(group, resources, READ) for group, resources in SEEN.items()),
        _rule("", LOGS, ["get"]),
        _rule("", ["namespaces"], ["get"]),
    ]


def secrets_rules() -> list[Manifest]:
    """Return the rule of an assistant who may read Secrets, too."""
    return [_rule("", ["secrets"], READ)]


def manage_rule(cohort: str) -> Manifest:
    """Return the rule that lets somebody past a cohort's admission policies.

    The verb is on a resource that nobody serves: it grants nothing but the exemption.
    """
    return _rule(labels.PREFIX.rstrip("/"), ["cohorts"], ["manage"]) | {"resourceNames": [cohort]}


def archive_rules() -> list[Manifest]:
    """Return the rule of who archives a namespace: all else they may list anyway."""
    return [_rule("", ["secrets"], ["list"])]


def copies_rules(names: list[str]) -> list[Manifest]:
    """Return the rule of who keeps copies of pull secrets: these by name, and no other Secret.

    Args:
        names: Of the copies; never none, for a rule without names is one for all.
    """
    assert names
    verbs = ["get", "create", "patch", "delete"]
    return [_rule("", ["secrets"], verbs) | {"resourceNames": names}]


def credentials_rules() -> list[Manifest]:
    """Return the rules of who hands credentials out, for the identity namespace alone.

    For the whole cluster they would open every Secret, and mint a token of any account.
    """
    return [
        _rule("", ["secrets"], ["list", "create", "patch", "delete"]),
        _rule("", ["serviceaccounts/token"], ["create"]),
    ]
