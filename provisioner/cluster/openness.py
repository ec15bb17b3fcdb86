"""What a cluster gives to whoever can merely log in, or cannot; nothing is changed by asking."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..manifest import Manifest
from .answers import ApiError, NotKnownError
from .client import Client
from .resources import RBAC
from .rights import Right

EVERYBODY = frozenset(
    {"system:authenticated", "system:unauthenticated", "system:serviceaccounts", "system:anonymous"}
)
"""Groups that each student's account is in, and who shows no credential."""

USUAL = frozenset(
    {
        "system:basic-user",
        "system:discovery",
        "system:public-info-viewer",
        "system:service-account-issuer-discovery",
    }
)
"""Roles that every cluster gives them: to ask about oneself, and what is served."""

PUBLIC = "kube-public"
"""Where kubeadm lets everybody read how to join the cluster."""

STRANGER = "practicum:stranger"
REVIEW = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
MAY_ASK = Right("create", "authorization.k8s.io", "subjectaccessreviews")
DOORS = (
    Right("get", "", "secrets"),
    Right("create", "", "pods"),
    Right("create", "", "namespaces"),
    Right("list", "", "nodes"),
    Right("get", "", "nodes", "proxy"),
    Right("create", "", "serviceaccounts", "token"),
    Right("impersonate", "", "users"),
    Right("create", "rbac.authorization.k8s.io", "rolebindings"),
    Right("escalate", "rbac.authorization.k8s.io", "clusterroles"),
    Right("update", "certificates.k8s.io", "certificatesigningrequests", "approval"),
)
"""Rights that nobody has who is given none."""

NO_LEVEL = "practicum-asks"
POD_SECURITY = "pod-security.kubernetes.io/enforce"


def given_to_everybody(client: Client) -> tuple[list[str], list[str]]:
    """Name bindings that give everybody more than a cluster usually does.

    Returns:
        Those that hold in the whole cluster, and those of one namespace.

    Raises:
        ApiError: If bindings cannot be listed.
        ClusterError: If the cluster cannot be reached.
    """
    wide, narrow = (
        [told for live in client.pages(f"{RBAC}/{plural}") for told in _unusual(live)]
        for plural in ("clusterrolebindings", "rolebindings")
    )
    return wide, narrow


def _unusual(live: Manifest) -> Iterator[str]:
    metadata, role = live["metadata"], live["roleRef"]["name"]
    place = metadata.get("namespace", "")
    if role in USUAL or place == PUBLIC:
        return
    for subject in live.get("subjects") or []:
        if subject.get("name") in EVERYBODY and subject.get("kind") in ("Group", "User"):
            kind = f"RoleBinding {place}/" if place else "ClusterRoleBinding "
            yield f"{kind}{metadata['name']} gives {role} to {subject['name']}"


def strangers_may(client: Client) -> list[str]:
    """Ask which doors are open to somebody who is given nothing, and to who shows nothing.

    Raises:
        ApiError: If we may not ask.
        ClusterError: If the cluster cannot be reached.
    """
    who = {
        "whoever can log in": {"user": STRANGER, "groups": ["system:authenticated"]},
        "whoever shows no credential": {
            "user": "system:anonymous",
            "groups": ["system:unauthenticated"],
        },
    }
    asked = [(told, subject, right) for told, subject in who.items() for right in DOORS]
    answers = client.each(lambda one: _allowed(client, one[1], one[2]), asked)
    return [f"{told} may {right}" for (told, _, right), allowed in answers if allowed]


def _allowed(client: Client, subject: dict[str, Any], right: Right) -> bool:
    attributes = {
        "verb": right.verb,
        "group": right.group,
        "resource": right.resource,
        "subresource": right.subresource,
    }
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {**subject, "resourceAttributes": attributes},
    }
    return bool(client.request("POST", REVIEW, body=body)["status"]["allowed"])


def answers_the_unknown(client: Client) -> bool:
    """Say whether somebody without any credential can list namespaces.

    Raises:
        ClusterError: If the cluster cannot be reached.
    """
    try:
        client.bearing("").request("GET", "/api/v1/namespaces", query={"limit": "1"})
    except (ApiError, NotKnownError):
        return False
    return True


def minds_pod_security(client: Client) -> bool:
    """Say whether Pod Security is on: it refuses a namespace with a level that there is not.

    Raises:
        ApiError: If we may not ask for a namespace.
        ClusterError: If the cluster cannot be reached.
    """
    metadata = {"name": "practicum-doctor", "labels": {POD_SECURITY: NO_LEVEL}}
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    try:
        client.request("POST", "/api/v1/namespaces", body=body, query={"dryRun": "All"})
    except ApiError as error:
        if POD_SECURITY in error.message:
            return True
        raise
    return False
