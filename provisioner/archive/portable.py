"""What of an archived object can be made again elsewhere, and which objects make themselves.

The cluster fills in what holds for one object on one cluster: UIDs, addresses, nodes, the
volume behind a claim. Taken away, what is left is what the student wrote, with defaults
spelled out, and two such objects can be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from copy import deepcopy
from typing import Any

from ..manifest import COHORT, Manifest

KEPT_METADATA = ("name", "labels", "annotations", "generateName")

MADE_BY_THE_CLUSTER = {
    "controllerrevisions.apps": "the cluster makes it again for its StatefulSet",
    "endpoints": "the cluster makes it again for its Service",
    "endpointslices.discovery.k8s.io": "the cluster makes it again for its Service",
    "leases.coordination.k8s.io": "it tells which program was at work, and is of no use later",
}

EVERYWHERE = {("configmaps", "kube-root-ca.crt"), ("serviceaccounts", "default")}
"""What Kubernetes puts into every namespace."""

API_SERVICE = ("services", "default", "kubernetes")
PROVISIONED = "pv.kubernetes.io/provisioned-by"

ANNOTATIONS = (
    "deployment.kubernetes.io/revision",
    "kubectl.kubernetes.io/last-applied-configuration",
    "pv.kubernetes.io/bind-completed",
    "pv.kubernetes.io/bound-by-controller",
    "volume.beta.kubernetes.io/storage-provisioner",
    "volume.kubernetes.io/selected-node",
    "volume.kubernetes.io/storage-provisioner",
    "batch.kubernetes.io/job-tracking",
    "endpoints.kubernetes.io/last-change-trigger-time",
)

JOB_LABELS = (
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-name",
    "controller-uid",
    "job-name",
)

FIRST = (
    "namespaces",
    "customresourcedefinitions.apiextensions.k8s.io",
    "storageclasses.storage.k8s.io",
    "priorityclasses.scheduling.k8s.io",
    "clusterroles.rbac.authorization.k8s.io",
    "persistentvolumes",
    "serviceaccounts",
    "configmaps",
    "secrets",
    "persistentvolumeclaims",
    "services",
    "networkpolicies.networking.k8s.io",
)
"""What others refer to; the rest may come in any order."""


def order(type: str) -> tuple[int, str]:
    """Return what to sort types by, so that an object comes after what it refers to."""
    return (FIRST.index(type) if type in FIRST else len(FIRST), type)


def why_not(type: str, item: Manifest, uids: Container[str]) -> str:
    """Say why an object is not to be restored; empty when it is.

    Args:
        type: Plural and group.
        item: The object as it was archived.
        uids: Of all objects of the archive: an owner that is not among them is gone.
    """
    metadata = item["metadata"]
    if COHORT in (metadata.get("labels") or {}):
        return "Practicum makes it"
    if why := _makes_itself(type, metadata):
        return why
    if type in MADE_BY_THE_CLUSTER:
        return MADE_BY_THE_CLUSTER[type]
    for owner in metadata.get("ownerReferences") or []:
        if owner.get("controller") and owner.get("uid") in uids:
            return f"{owner.get('kind')}/{owner.get('name')} makes it again"
    return _is_over(type, item)


def _makes_itself(type: str, metadata: dict[str, Any]) -> str:
    if (type, metadata["name"]) in EVERYWHERE:
        return "Kubernetes makes it in every namespace"
    if (type, metadata.get("namespace"), metadata["name"]) == API_SERVICE:
        return "Kubernetes makes it in every cluster"
    if type == "persistentvolumes" and PROVISIONED in (metadata.get("annotations") or {}):
        return "its provisioner makes it again for its claim"
    return ""


def _is_over(type: str, item: Manifest) -> str:
    status = item.get("status") or {}
    if type == "pods" and status.get("phase") in ("Succeeded", "Failed"):
        return "it has ended, and would run again"
    if type == "jobs.batch":
        ends = [c for c in status.get("conditions") or [] if c.get("status") == "True"]
        if any(c.get("type") in ("Complete", "Failed") for c in ends):
            return "it has ended, and would run again"
    return ""


def portable(type: str, item: Manifest) -> Manifest:
    """Return an object without what the cluster filled in; the given one is not changed."""
    result = {key: deepcopy(value) for key, value in item.items() if key != "status"}
    metadata = {key: result["metadata"][key] for key in KEPT_METADATA if key in result["metadata"]}
    _drop(metadata.get("annotations"), ANNOTATIONS)
    if type == "jobs.batch":
        _drop(metadata.get("labels"), JOB_LABELS)
    for part in ("annotations", "labels"):
        if not metadata.get(part):
            metadata.pop(part, None)
    result["metadata"] = metadata
    spec = result.get("spec")
    if type in _STRIP and isinstance(spec, dict):
        _STRIP[type](spec)
    return result


def _pod(spec: dict[str, Any]) -> None:
    _drop(spec, ("nodeName", "priority", "preemptionPolicy", "serviceAccount"))
    token = [v["name"] for v in spec.get("volumes") or [] if _is_token(v)]
    spec["volumes"] = [v for v in spec.get("volumes") or [] if v["name"] not in token]
    if not spec["volumes"]:
        del spec["volumes"]
    for container in [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]:
        mounts = [m for m in container.get("volumeMounts") or [] if m["name"] not in token]
        container.pop("volumeMounts", None)
        if mounts:
            container["volumeMounts"] = mounts
    # Debugging containers are added to a pod that runs, and to no other.
    spec.pop("ephemeralContainers", None)


def _is_token(volume: dict[str, Any]) -> bool:
    return str(volume.get("name", "")).startswith("kube-api-access-") and "projected" in volume


def _service(spec: dict[str, Any]) -> None:
    headless = spec.get("clusterIP") == "None"
    _drop(spec, ("clusterIP", "clusterIPs", "healthCheckNodePort", "ipFamilies", "ipFamilyPolicy"))
    if headless:
        spec["clusterIP"] = "None"
    for port in spec.get("ports") or []:
        port.pop("nodePort", None)


def _claim(spec: dict[str, Any]) -> None:
    _drop(spec, ("volumeName",))


def _volume(spec: dict[str, Any]) -> None:
    # It goes to the claim of the same name, which is a new one.
    _drop(spec.get("claimRef"), ("uid", "resourceVersion"))


def _namespace(spec: dict[str, Any]) -> None:
    _drop(spec, ("finalizers",))


def _job(spec: dict[str, Any]) -> None:
    if not spec.get("manualSelector"):
        spec.pop("selector", None)
        metadata = (spec.get("template") or {}).get("metadata") or {}
        _drop(metadata.get("labels"), JOB_LABELS)
        if not metadata.get("labels"):
            metadata.pop("labels", None)


_STRIP: dict[str, Callable[[dict[str, Any]], None]] = {
    "pods": _pod,
    "services": _service,
    "persistentvolumeclaims": _claim,
    "persistentvolumes": _volume,
    "namespaces": _namespace,
    "jobs.batch": _job,
}


def _drop(mapping: object, keys: tuple[str, ...]) -> None:
    if isinstance(mapping, dict):
        for key in keys:
            mapping.pop(key, None)
