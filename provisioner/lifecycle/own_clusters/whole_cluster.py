"""What of a whole cluster is its student's: the namespaces, and what is in none.

A cluster comes with namespaces, roles and classes of its own. These are told from the
student's by their names and marks, as Kubernetes and kind give them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ... import cluster
from ...archive import Listing
from ...errors import ClusterError
from ...manifest import Manifest

OF_THE_SYSTEM = ("kube-system", "kube-public", "kube-node-lease", "local-path-storage")
ALWAYS_THERE = "default"

BOOTSTRAP = "kubernetes.io/bootstrapping"
_ROLES = ("system:", "kubeadm:", "kindnet", "local-path-provisioner")
SYSTEMS_OWN = {
    "clusterroles.rbac.authorization.k8s.io": _ROLES,
    "clusterrolebindings.rbac.authorization.k8s.io": _ROLES,
    "priorityclasses.scheduling.k8s.io": ("system-",),
}
"""How the names of what comes with a cluster begin, where they say so, by type."""

KINDS_CLASS = ("storageclasses.storage.k8s.io", "standard")

DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"
KEPT = (
    DEFINITIONS,
    "namespaces",
    "persistentvolumes",
    "clusterroles.rbac.authorization.k8s.io",
    "clusterrolebindings.rbac.authorization.k8s.io",
    "storageclasses.storage.k8s.io",
    "ingressclasses.networking.k8s.io",
    "priorityclasses.scheduling.k8s.io",
    "runtimeclasses.node.k8s.io",
    "validatingwebhookconfigurations.admissionregistration.k8s.io",
    "mutatingwebhookconfigurations.admissionregistration.k8s.io",
    "validatingadmissionpolicies.admissionregistration.k8s.io",
    "validatingadmissionpolicybindings.admissionregistration.k8s.io",
)
"""Types outside of namespaces that students make, beside those that they define."""


def namespaces(client: cluster.Client) -> dict[str, str]:
    """Return the namespaces in which a student works, with their UIDs.

    Raises:
        ClusterError: If they cannot be listed.
    """
    return {
        one["metadata"]["name"]: one["metadata"]["uid"]
        for one in all_of(client, "namespaces")
        if one["metadata"]["name"] not in OF_THE_SYSTEM
        and not one["metadata"].get("deletionTimestamp")
    }


def listings(client: cluster.Client, places: Iterable[str]) -> Iterator[Listing]:
    """Yield what is the student's of every type outside of namespaces.

    Raises:
        ClusterError: If a type cannot be listed.
    """
    there = {*places} - {ALWAYS_THERE}
    for type in outer_types(client):
        version, items = cluster.list_type(client, type, "")
        mine = [item for item in items if _is_the_students(str(type), item, there)]
        yield Listing(namespace="", type=str(type), resource_version=version, items=mine)


def outer_types(client: cluster.Client) -> list[cluster.Type]:
    """Return the types outside of namespaces of which a student can have objects.

    Raises:
        ClusterError: If the server cannot be reached, or does not tell which were defined.
    """
    types, _ = cluster.served(client)
    defined = {one["metadata"]["name"] for one in all_of(client, DEFINITIONS)}
    return sorted(
        type
        for type in types
        if not (type.namespaced or type.below)
        and "list" in type.verbs
        and (str(type) in {*KEPT, *defined} or _is_of_an_extension(type))
    )


def all_of(client: cluster.Client, name: str) -> list[Manifest]:
    """Return all objects of a type outside of namespaces.

    Raises:
        ClusterError: If it is not served, or cannot be listed.
    """
    types, _ = cluster.served(client)
    for type in types:
        if str(type) == name:
            return list(cluster.list_type(client, type, "")[1])
    raise ClusterError(f"the cluster serves no {name}")


def _is_of_an_extension(type: cluster.Type) -> bool:
    """Say whether a server of the student's own serves it: that has no definition."""
    return "." in type.group and not type.group.endswith(".k8s.io")


def _is_the_students(type: str, item: Manifest, places: set[str]) -> bool:
    metadata = item["metadata"]
    name = metadata["name"]
    if type == "namespaces":
        return name in places
    if (type, name) == KINDS_CLASS or name.startswith(SYSTEMS_OWN.get(type, ())):
        return False
    return BOOTSTRAP not in (metadata.get("labels") or {})
