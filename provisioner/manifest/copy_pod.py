"""The pod of ours that mounts one claim, so that what the volume holds is read or filled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .objects import Manifest

if TYPE_CHECKING:  # the schema takes long to import
    from ..cohort import Cohort

LABEL = "practicum-copies-volume"
"""Not with the cohort's prefix: what has that is kept from everybody, also from the kubelet."""

LIFE = 6 * 60 * 60
"""Seconds after which such a pod ends by itself, should we be killed."""

WHERE = "/volume"
AMOUNTS = {"cpu": "50m", "memory": "64Mi", "ephemeral-storage": "8Mi"}


def copy_pod(cohort: Cohort, name: str, claim: str, user: int, *, read_only: bool) -> Manifest:
    """Render the pod.

    Args:
        cohort: Whose Pod Security level it keeps to.
        name: What it is called.
        claim: What it mounts.
        user: Whom it runs as; 0 for root.
        read_only: Whether it may write there.
    """
    volume = {"claimName": claim, "readOnly": read_only}
    spec = {
        "restartPolicy": "Never",
        "activeDeadlineSeconds": LIFE,
        "terminationGracePeriodSeconds": 0,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": _as_user(user),
        "containers": [_container(cohort)],
        "volumes": [{"name": "volume", "persistentVolumeClaim": volume}],
    }
    return {"kind": "Pod", "metadata": {"name": name, "labels": {LABEL: "true"}}, "spec": spec}


def _as_user(user: int) -> Manifest:
    return {
        "runAsUser": user,
        "runAsNonRoot": user != 0,
        "seccompProfile": {"type": "RuntimeDefault"},
        **({"fsGroup": user} if user else {}),
    }


def _container(cohort: Cohort) -> Manifest:
    return {
        "name": "copy",
        "image": cohort.tool_image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sleep", str(LIFE)],
        "resources": {"requests": AMOUNTS, "limits": AMOUNTS},
        "securityContext": _within(cohort.environment.pod_security),
        "volumeMounts": [{"name": "volume", "mountPath": WHERE}],
    }


def _within(level: str) -> Manifest:
    """Return what a container may: as root, whatever it takes to read everybody's files."""
    if level == "restricted":
        return {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    return {"allowPrivilegeEscalation": False}
