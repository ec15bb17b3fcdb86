"""What the students of a cohort share: identity namespace, roles, priority class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import names
from . import labels, role
from .admission import admission
from .objects import Manifest, make
from .role import ARCHIVE, PULL_SECRETS, WITH_SECRETS, role_name

if TYPE_CHECKING:  # the schema takes long to import
    from ..cohort import Cohort

POD_SECURITY_VERSION = "v1.34"
"""Pinned: ``latest`` would change its meaning when the cluster is upgraded."""

RBAC = "rbac.authorization.k8s.io/v1"


def guard(cohort: Cohort) -> list[Manifest]:
    """Render what is shared by a cohort, in order of creation."""
    return [
        *_identity_namespace(cohort),
        *_assistants(cohort),
        _role(cohort, "student", role.student_rules()),
        _role(cohort, "assistant", role.assistant_rules()),
        *([_role(cohort, WITH_SECRETS, role.secrets_rules())] if cohort.shows_secrets else []),
        _priority_class(cohort),
        *admission(cohort),
        *_operators(cohort),
    ]


def _identity_namespace(cohort: Cohort) -> list[Manifest]:
    """Return a namespace for accounts alone: nothing runs in it, nothing reaches it."""
    name, owned = names.identity_namespace(cohort.name), labels.shared(cohort.name)
    return [
        make(
            "v1",
            "Namespace",
            name,
            labels=owned | labels.pod_security("restricted", POD_SECURITY_VERSION),
        ),
        make(
            "v1",
            "ResourceQuota",
            "practicum",
            namespace=name,
            labels=owned,
            spec={"hard": {"pods": "0", "services": "0", "persistentvolumeclaims": "0"}},
        ),
        make(
            "networking.k8s.io/v1",
            "NetworkPolicy",
            "practicum",
            namespace=name,
            labels=owned,
            spec={"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
        ),
    ]


def _assistants(cohort: Cohort) -> list[Manifest]:
    """Return an account for each assistant who can be granted access with a key."""
    return [
        make(
            "v1",
            "ServiceAccount",
            names.assistant(assistant.name),
            namespace=names.identity_namespace(cohort.name),
            labels=labels.shared(cohort.name),
            automountServiceAccountToken=False,
        )
        for assistant in cohort.assistants
        if assistant.key
    ]


def _role(cohort: Cohort, who: str, rules: list[Manifest]) -> Manifest:
    return make(
        RBAC,
        "ClusterRole",
        role_name(cohort.name, who),
        labels=labels.shared(cohort.name),
        rules=rules,
    )


def _operators(cohort: Cohort) -> list[Manifest]:
    """Return what lets the cohort's operators past the admission policies, and to tokens.

    Whoever may do everything on the cluster has both without being named.
    """
    if not cohort.operators:
        return []
    copied = [secret.name for secret in cohort.environment.pull_secrets]
    return [
        _role(cohort, "operator", [role.manage_rule(cohort.name)]),
        _role(cohort, "credentials", role.credentials_rules()),
        _role(cohort, ARCHIVE, role.archive_rules()),
        *([_role(cohort, PULL_SECRETS, role.copies_rules(copied))] if copied else []),
        _operators_binding(
            cohort, "ClusterRoleBinding", "operator", role_name(cohort.name, "operator")
        ),
        _operators_binding(
            cohort,
            "RoleBinding",
            "credentials",
            "practicum-credentials",
            namespace=names.identity_namespace(cohort.name),
        ),
    ]


def _operators_binding(
    cohort: Cohort, kind: str, who: str, name: str, namespace: str = ""
) -> Manifest:
    users = role.operators_subjects(cohort.operators)
    role_ref = {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "ClusterRole",
        "name": role_name(cohort.name, who),
    }
    return make(
        RBAC,
        kind,
        name,
        namespace=namespace,
        labels=labels.shared(cohort.name),
        roleRef=role_ref,
        subjects=users,
    )


def _priority_class(cohort: Cohort) -> Manifest:
    """Return the class of student pods: it never pushes another's pod aside."""
    return make(
        "scheduling.k8s.io/v1",
        "PriorityClass",
        f"practicum-{cohort.name}",
        labels=labels.shared(cohort.name),
        value=0,
        preemptionPolicy="Never",
        description="Pods of students: they wait for room and never evict others.",
    )
