"""The admission policies of a cohort: what RBAC and Pod Security cannot say.

Each is a ValidatingAdmissionPolicy with a binding that selects the cohort's student
namespaces by labels that students cannot set. A policy fails closed, and its message
tells the student what to do instead.

Who may do what a policy forbids is asked of the cluster's own authorization: whoever
holds the verb ``manage`` on this cohort (operators, and all who may do everything).
The system's controllers are let through by exact identity and subresource, never as a
group: they also make pods on a student's behalf.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import expressions
from .admission_policy import ALL, Policy, policy_name, spelled_out
from .network_admission import ingresses, services
from .objects import Manifest
from .pod_admission import images, pods
from .role import ARCHIVE, PULL_SECRETS, WITH_SECRETS, role_name
from .storage_admission import configmaps, secrets, volumes

if TYPE_CHECKING:  # the schema takes long to import
    from ..cohort import Cohort

__all__ = ["Policy", "admission", "policies", "policy_name"]

KEPT = (
    "!variables.was_ours || variables.by_system",
    "this object is kept by your course and cannot be changed;"
    " ask your instructor if you need something else",
)
RESERVED = (
    "variables.was_ours || !variables.looks_like_ours",
    "labels and annotations that start with practicum.dev/ are kept for your"
    " course; use another prefix",
)
FINALIZERS = (
    expressions.FINALIZERS,
    "only Kubernetes' own finalizers may be set here; leave metadata.finalizers out",
)


def admission(cohort: Cohort) -> list[Manifest]:
    """Render the policies of a cohort, each with its binding."""
    return [
        manifest for policy in policies(cohort) for manifest in spelled_out(cohort.name, policy)
    ]


def policies(cohort: Cohort) -> list[Policy]:
    """Return the policies that a cohort file asks for."""
    return [
        _managed(),
        _finalizers(),
        services(),
        configmaps(),
        secrets(),
        pods(cohort),
        images(cohort),
        volumes(cohort),
        ingresses(cohort),
        _bindings(cohort),
    ]


def _managed() -> Policy:
    """Keep what Practicum made out of everybody's hands, through every door."""
    return Policy(
        name="managed",
        group=ALL,
        resources=("*/*",),
        operations=("CREATE", "UPDATE", "DELETE"),
        variables=(
            ("was_ours", expressions.WAS_OURS),
            ("looks_like_ours", expressions.LOOKS_LIKE_OURS),
            ("by_system", expressions.BY_SYSTEM),
        ),
        validations=(KEPT, RESERVED),
    )


def _finalizers() -> Policy:
    """Let nobody tie an object so that the namespace can never be deleted."""
    return Policy(
        name="finalizers",
        group=ALL,
        resources=(ALL,),
        validations=(FINALIZERS,),
    )


def _bindings(cohort: Cohort) -> Policy:
    """Keep the cohort's roles to its own namespaces.

    RBAC lets an operator bind them by name, and cannot say where: a student's rights in
    ``kube-system`` would be those of an administrator. So this one has no exceptions.
    """
    held = ["student", "assistant", "operator", "credentials", ARCHIVE]
    held += [WITH_SECRETS] if cohort.shows_secrets else []
    held += [PULL_SECRETS] if cohort.operators_copy else []
    roles = ", ".join(expressions.quoted(role_name(cohort.name, who)) for who in held)
    return Policy(
        name="bindings",
        group="rbac.authorization.k8s.io",
        resources=("rolebindings",),
        only_if=("binds-our-role", f"object.roleRef.name in [{roles}]"),
        validations=(
            (
                expressions.own_namespace(cohort.name),
                f"the roles of the course {cohort.name} are for its own namespaces alone;"
                " bind them there, or bind another role",
            ),
        ),
    )
