"""Turn a rendered manifest into the typed Pulumi resource of its kind."""

from __future__ import annotations

import re
from collections.abc import Callable

import pulumi
from pulumi_kubernetes.admissionregistration.v1 import (
    ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding,
)
from pulumi_kubernetes.core.v1 import (
    LimitRange,
    Namespace,
    PersistentVolume,
    PersistentVolumeClaim,
    ResourceQuota,
    ServiceAccount,
)
from pulumi_kubernetes.networking.v1 import NetworkPolicy
from pulumi_kubernetes.rbac.v1 import ClusterRole, ClusterRoleBinding, RoleBinding
from pulumi_kubernetes.scheduling.v1 import PriorityClass

from provisioner.manifest import Manifest

KINDS: dict[str, Callable[..., pulumi.CustomResource]] = {
    "ClusterRole": ClusterRole,
    "ClusterRoleBinding": ClusterRoleBinding,
    "LimitRange": LimitRange,
    "Namespace": Namespace,
    "NetworkPolicy": NetworkPolicy,
    "PersistentVolume": PersistentVolume,
    "PersistentVolumeClaim": PersistentVolumeClaim,
    "PriorityClass": PriorityClass,
    "ResourceQuota": ResourceQuota,
    "RoleBinding": RoleBinding,
    "ServiceAccount": ServiceAccount,
    "ValidatingAdmissionPolicy": ValidatingAdmissionPolicy,
    "ValidatingAdmissionPolicyBinding": ValidatingAdmissionPolicyBinding,
}

ANNOTATIONS = {
    # Else the provider makes up a field manager a resource and keeps it in state: a
    # run that was killed without checkpoints would conflict with its own past.
    "pulumi.com/patchFieldManager": "practicum",
    # Force would win over a stranger too, so ownership is checked before every wave.
    "pulumi.com/patchForce": "true",
}

SKIP_AWAIT = {"pulumi.com/skipAwait": "true"}
"""A quota is otherwise polled until its status is filled, holding a place each; a volume until
it is bound."""

UNWATCHED = ("PersistentVolume", "PersistentVolumeClaim", "ResourceQuota")

_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")


def declare(
    name: str, manifest: Manifest, opts: pulumi.ResourceOptions, *, counted: bool = False
) -> pulumi.CustomResource:
    """Register one rendered object with the engine.

    Args:
        name: The resource's name in the stack.
        manifest: The object, as ``provisioner.manifest`` renders it.
        opts: Parent, provider and order.
        counted: Whether a quota is to be waited for, because something that it counts follows.
    """
    kind = manifest["kind"]
    added = ANNOTATIONS | (SKIP_AWAIT if kind in UNWATCHED and not counted else {})
    metadata = manifest["metadata"]
    annotations = {**metadata.get("annotations", {}), **added}
    fields = {
        _HUMP.sub("_", key).lower(): value
        for key, value in manifest.items()
        if key not in ("apiVersion", "kind", "metadata")
    }
    return KINDS[kind](name, opts=opts, metadata={**metadata, "annotations": annotations}, **fields)


def resource_name(owner: str, manifest: Manifest) -> str:
    """Return the name of an object's resource: whose it is, a slash, and what it is."""
    metadata = manifest["metadata"]
    return f"{owner}/{manifest['kind'].lower()}/{metadata['name']}"
