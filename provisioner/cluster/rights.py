"""Ask the cluster what we may do, before we try."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .client import Client
from .resources import RESOURCES

REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
WRITES = ("create", "patch", "delete")


@dataclass(frozen=True, order=True)
class Right:
    """One verb on one resource, in the whole cluster."""

    verb: str
    group: str
    resource: str
    subresource: str = ""

    def __str__(self) -> str:
        suffix = f".{self.group}" if self.group else ""
        below = f"/{self.subresource}" if self.subresource else ""
        return f"{self.verb} {self.resource}{below}{suffix}"


def needed() -> list[Right]:
    """List the rights that ``up`` and ``handout`` need, beside reading."""
    writes = [
        Right(verb, resource.group, resource.plural)
        for resource in RESOURCES.values()
        for verb in WRITES
    ]
    return [
        *writes,
        # Giving a role to others takes the right to bind it, or to hold all it grants.
        Right("bind", "rbac.authorization.k8s.io", "clusterroles"),
        Right("escalate", "rbac.authorization.k8s.io", "clusterroles"),
        Right("create", "", "secrets"),
        Right("create", "", "serviceaccounts", "token"),
    ]


def missing(client: Client, rights: Iterable[Right]) -> list[Right]:
    """Return those of the rights that the cluster would refuse us.

    Raises:
        ClusterError: If the cluster cannot be reached.
    """
    return [
        right for right, allowed in client.each(lambda r: _may(client, r), rights) if not allowed
    ]


def _may(client: Client, right: Right) -> bool:
    attributes: dict[str, Any] = {
        "verb": right.verb,
        "group": right.group,
        "resource": right.resource,
        "subresource": right.subresource,
    }
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    return bool(client.request("POST", REVIEW, body=body)["status"]["allowed"])


def version(client: Client) -> str:
    """Return the server's version, such as ``v1.34.9``.

    Raises:
        ClusterError: If the cluster cannot be reached.
    """
    return str(client.request("GET", "/version")["gitVersion"])
