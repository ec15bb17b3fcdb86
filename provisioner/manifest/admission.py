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
from .objects import Manifest
from .pod_admission import images, pods
from .role import ARCHIVE, PULL_SECRETS, WITH_SECRETS, role_name

if TYPE_CHECKING:  # the schema takes long to import
    from ..cohort import Cohort

__all__ = ["Policy", "admission", "policies", "policy_name"]

TOO_LARGE = "a ConfigMap or Secret holds 64 KiB at most here; keep large files in a volume"


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
        _services(),
        _configmaps(),
        _secrets(),
        pods(cohort),
        images(cohort),
        _volumes(cohort),
        _ingresses(cohort),
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
        validations=(
            (
                "!variables.was_ours || variables.by_system",
                "this object is kept by your course and cannot be changed;"
                " ask your instructor if you need something else",
            ),
            (
                "variables.was_ours || !variables.looks_like_ours",
                "labels and annotations that start with practicum.dev/ are kept for your"
                " course; use another prefix",
            ),
        ),
    )


def _finalizers() -> Policy:
    """Let nobody tie an object so that the namespace can never be deleted."""
    return Policy(
        name="finalizers",
        group=ALL,
        resources=(ALL,),
        validations=(
            (
                expressions.FINALIZERS,
                "only Kubernetes' own finalizers may be set here; leave metadata.finalizers out",
            ),
        ),
    )


def _services() -> Policy:
    """Keep Services inside the cluster (MTB HI-1, CVE-2020-8554)."""
    return Policy(
        name="services",
        group="",
        resources=("services", "services/status"),
        validations=(
            (
                "!has(object.spec.type) || object.spec.type == 'ClusterIP'",
                "only Services of type ClusterIP are offered; reach yours with:"
                " kubectl port-forward service/NAME 8080:80",
            ),
            (
                "!has(object.spec.externalIPs) || size(object.spec.externalIPs) == 0",
                "externalIPs are not offered; leave spec.externalIPs out",
            ),
            (
                "!has(object.spec.loadBalancerIP) || object.spec.loadBalancerIP == ''",
                "load balancers are not offered; leave spec.loadBalancerIP out",
            ),
            (
                "!has(object.status) || !has(object.status.loadBalancer) ||"
                " !has(object.status.loadBalancer.ingress) ||"
                " size(object.status.loadBalancer.ingress) == 0",
                "the address of a load balancer cannot be set by hand",
            ),
        ),
    )


def _configmaps() -> Policy:
    """Keep the cluster's own store from being filled (its default quota is 2 GiB)."""
    return Policy(
        name="configmaps",
        group="",
        resources=("configmaps",),
        validations=((expressions.CONFIGMAP_SIZE, TOO_LARGE),),
    )


def _secrets() -> Policy:
    """Refuse Secrets that become credentials without an end, and large ones."""
    return Policy(
        name="secrets",
        group="",
        resources=("secrets",),
        validations=(
            (expressions.SECRET_SIZE, TOO_LARGE),
            (
                "!has(object.type) || !(object.type in"
                " ['kubernetes.io/service-account-token', 'bootstrap.kubernetes.io/token'])",
                "Secrets that hold a token of the cluster are not offered;"
                " use the kubeconfig that you were given",
            ),
        ),
    )


def _volumes(cohort: Cohort) -> Policy:
    """Give volumes by storage class alone: never somebody else's old one."""
    # Also where nothing is shared any more: what was has to be let go of.
    classes = expressions.storage_class(cohort.environment.storage_classes)
    return Policy(
        name="volumes",
        group="",
        resources=("persistentvolumeclaims",),
        validations=(
            (
                f"{expressions.KEPT_BY_COURSE} || ({classes})",
                "choose a storage class of your course: "
                + (", ".join(cohort.environment.storage_classes) or "leave it out"),
            ),
            (
                expressions.STORAGE_ANNOTATION,
                "name the storage class in spec.storageClassName, not in an annotation",
            ),
            (
                expressions.VOLUME_NAME,
                "a volume cannot be chosen by name; leave spec.volumeName out",
            ),
            (
                "!has(object.spec.dataSourceRef) || !has(object.spec.dataSourceRef.namespace)",
                "data cannot come from another namespace; leave dataSourceRef.namespace out",
            ),
        ),
    )


def _ingresses(cohort: Cohort) -> Policy:
    """Give each student the hosts below their own namespace's name, and no other."""
    ingress = cohort.environment.ingress
    if ingress is None:
        checks: tuple[tuple[str, str], ...] = (
            (
                "false",
                "your course offers no Ingress; reach your Service with:"
                " kubectl port-forward service/NAME 8080:80",
            ),
        )
    else:
        checks = (
            (
                expressions.ingress_hosts(ingress.suffix),
                f"the host must be YOUR-NAMESPACE.{ingress.suffix}, or end with it,"
                " in every rule and certificate",
            ),
            (
                f"has(object.spec.ingressClassName) &&"
                f" object.spec.ingressClassName == {expressions.quoted(ingress.ingress_class)}",
                f"set spec.ingressClassName to {ingress.ingress_class}",
            ),
            (expressions.INGRESS_ANNOTATIONS, "snippets and server settings are not offered"),
        )
    return Policy(
        name="ingresses",
        group="networking.k8s.io",
        resources=("ingresses", "ingresses/status"),
        validations=checks,
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
