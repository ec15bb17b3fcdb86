"""What students may keep: in the cluster's own store, and in volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import expressions
from .admission_policy import Policy

if TYPE_CHECKING:  # the schema takes long to import
    from ..cohort import Cohort

TOO_LARGE = "a ConfigMap or Secret holds 64 KiB at most here; keep large files in a volume"
CREDENTIALS = (
    "!has(object.type) || !(object.type in"
    " ['kubernetes.io/service-account-token', 'bootstrap.kubernetes.io/token'])",
    "Secrets that hold a token of the cluster are not offered;"
    " use the kubeconfig that you were given",
)
ANNOTATION = (
    expressions.STORAGE_ANNOTATION,
    "name the storage class in spec.storageClassName, not in an annotation",
)
VOLUME_NAME = (
    expressions.VOLUME_NAME,
    "a volume cannot be chosen by name; leave spec.volumeName out",
)
ELSEWHERE = (
    "!has(object.spec.dataSourceRef) || !has(object.spec.dataSourceRef.namespace)",
    "data cannot come from another namespace; leave dataSourceRef.namespace out",
)


def configmaps() -> Policy:
    """Keep the cluster's own store from being filled (its default quota is 2 GiB)."""
    return Policy(
        name="configmaps",
        group="",
        resources=("configmaps",),
        validations=((expressions.CONFIGMAP_SIZE, TOO_LARGE),),
    )


def secrets() -> Policy:
    """Refuse Secrets that become credentials without an end, and large ones."""
    return Policy(
        name="secrets",
        group="",
        resources=("secrets",),
        validations=((expressions.SECRET_SIZE, TOO_LARGE), CREDENTIALS),
    )


def volumes(cohort: Cohort) -> Policy:
    """Give volumes by storage class alone: never somebody else's old one."""
    return Policy(
        name="volumes",
        group="",
        resources=("persistentvolumeclaims",),
        validations=(_class(cohort), ANNOTATION, VOLUME_NAME, ELSEWHERE),
    )


def _class(cohort: Cohort) -> tuple[str, str]:
    allowed = cohort.environment.storage_classes
    return (
        # Also where nothing is shared any more: what was has to be let go of.
        f"{expressions.KEPT_BY_COURSE} || ({expressions.storage_class(allowed)})",
        "choose a storage class of your course: " + (", ".join(allowed) or "leave it out"),
    )
