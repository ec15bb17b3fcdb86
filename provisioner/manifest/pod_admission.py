"""What of a pod's specification students may choose, and what the scheduler and quotas decide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import expressions
from .admission_policy import Policy

if TYPE_CHECKING:  # the schema takes long to import
    from ..cohort import Cohort

NODE = (
    "request.operation != 'CREATE' || !has(object.spec.nodeName) || object.spec.nodeName == ''",
    "a pod cannot choose its node; leave spec.nodeName out",
)
RUNTIME = (
    "!has(object.spec.runtimeClassName)",
    "a runtime class cannot be chosen; leave spec.runtimeClassName out",
)
SCHEDULER = (
    "!has(object.spec.schedulerName) || object.spec.schedulerName == 'default-scheduler'",
    "a scheduler cannot be chosen; leave spec.schedulerName out",
)
AFFINITY = (
    expressions.AFFINITY,
    "affinity can only look at pods of your own namespace; leave namespaces and namespaceSelector out",
)
TOLERATIONS = (
    "only tolerations of the standard node conditions may be set; leave spec.tolerations out"
)
RESOURCES = (
    "only cpu, memory and ephemeral-storage are offered; leave huge pages and devices out of"
    " requests and limits"
)


def pods(cohort: Cohort) -> Policy:
    """Leave it to the scheduler where and how soon a pod runs, and count all that it takes."""
    devices = cohort.environment.devices
    return Policy(
        name="pods",
        group="",
        resources=("pods",),
        validations=(
            NODE,
            (expressions.tolerations(devices), TOLERATIONS),
            _priority(f"practicum-{cohort.name}"),
            RUNTIME,
            SCHEDULER,
            (expressions.resources(devices), RESOURCES),
            AFFINITY,
            *_shared(cohort),
        ),
    )


def _priority(name: str) -> tuple[str, str]:
    """Let nobody be scheduled before the others."""
    return (
        f"!has(object.spec.priorityClassName) || object.spec.priorityClassName in ['', '{name}']",
        f"use the priority class {name}, or leave it out",
    )


def _shared(cohort: Cohort) -> list[tuple[str, str]]:
    """Let nobody write to what all read."""
    claims = [volume.name for volume in cohort.environment.shared_volumes]
    message = (
        "what your course shares can only be read; mount it with"
        f" persistentVolumeClaim: {{claimName: {claims[0] if claims else ''}, readOnly: true}}"
    )
    return [(expressions.mounted_read_only(claims), message)] if claims else []


def images(cohort: Cohort) -> Policy:
    """Admit the images that the course allows, in all lists of containers."""
    return Policy(
        name="images",
        group="",
        resources=("pods", "pods/ephemeralcontainers"),
        variables=(("images", expressions.ALL_IMAGES),),
        validations=(
            (
                expressions.images_match(cohort.environment.images),
                "this image is not one that your course allows; write its name in full and"
                " use one of: " + (", ".join(cohort.environment.images) or "any"),
            ),
        ),
    )
