"""Where each kind lives in the API: the only place that knows paths."""

from __future__ import annotations

from dataclasses import dataclass

from ..manifest import ObjectKey


@dataclass(frozen=True)
class Resource:
    """One kind of object that Practicum makes."""

    root: str
    plural: str
    namespaced: bool

    @property
    def group(self) -> str:
        """API group as RBAC writes it; empty for the core group."""
        return "" if self.root == "/api/v1" else self.root.split("/")[2]

    def path(self, namespace: str = "", name: str = "") -> str:
        """Return the path of one object, or of a whole list."""
        inside = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{self.root}{inside}/{self.plural}" + (f"/{name}" if name else "")


ADMISSION = "/apis/admissionregistration.k8s.io/v1"
RBAC = "/apis/rbac.authorization.k8s.io/v1"

RESOURCES = {
    "Namespace": Resource("/api/v1", "namespaces", namespaced=False),
    "ResourceQuota": Resource("/api/v1", "resourcequotas", namespaced=True),
    "LimitRange": Resource("/api/v1", "limitranges", namespaced=True),
    "ServiceAccount": Resource("/api/v1", "serviceaccounts", namespaced=True),
    "NetworkPolicy": Resource("/apis/networking.k8s.io/v1", "networkpolicies", namespaced=True),
    "RoleBinding": Resource(RBAC, "rolebindings", namespaced=True),
    "ClusterRole": Resource(RBAC, "clusterroles", namespaced=False),
    "ClusterRoleBinding": Resource(RBAC, "clusterrolebindings", namespaced=False),
    "ValidatingAdmissionPolicy": Resource(
        ADMISSION, "validatingadmissionpolicies", namespaced=False
    ),
    "ValidatingAdmissionPolicyBinding": Resource(
        ADMISSION, "validatingadmissionpolicybindings", namespaced=False
    ),
    "PriorityClass": Resource("/apis/scheduling.k8s.io/v1", "priorityclasses", namespaced=False),
}
"""Every kind that a rendering may hold; a test compares the two."""


VOLUMES = {
    "PersistentVolume": Resource("/api/v1", "persistentvolumes", namespaced=False),
    "PersistentVolumeClaim": Resource("/api/v1", "persistentvolumeclaims", namespaced=True),
}
"""The same of a cohort that shares volumes: another never asks for these, nor for the right to."""

COPIED = {"Secret": Resource("/api/v1", "secrets", namespaced=True)}
"""What no rendering holds and no list of ours asks for: copies of pull secrets."""


def path_of(key: ObjectKey) -> str:
    """Return the path of one object."""
    return resource_of(key.kind).path(key.namespace, key.name)


def resource_of(kind: str) -> Resource:
    """Return where a kind lives."""
    return RESOURCES.get(kind) or VOLUMES.get(kind) or COPIED[kind]
