"""Ask the cluster what we may do, before we try."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from .. import names
from ..errors import ClusterError
from ..manifest import PREFIX, Manifest, credentials_rules
from . import role_objects
from .answers import ApiError
from .client import Client

if TYPE_CHECKING:  # the schema takes long to import
    from ..cohort import Cohort

REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
WHO = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


@dataclass(frozen=True, order=True)
class Right:
    """One verb on one resource: in the whole cluster, of one name, or in one namespace."""

    verb: str
    group: str
    resource: str
    subresource: str = ""
    name: str = ""
    namespace: str = ""

    def __str__(self) -> str:
        suffix = f".{self.group}" if self.group else ""
        below = f"/{self.subresource}" if self.subresource else ""
        place = f" in {self.namespace}" if self.namespace else ""
        return f"{self.verb} {self.resource}{below}{suffix}{place}"


def needed(client: Client, cohort: Cohort, *, guard: bool = True) -> list[Right]:
    """List the rights that ``up`` and ``handout`` need: those of the roles, one by one.

    Args:
        client: The cluster, which knows who we are.
        cohort: The cohort.
        guard: Whether what all students share is to be set up or changed.

    Raises:
        ClusterError: If the cluster cannot be reached.
    """
    rules = [
        *role_objects.operator(cohort),
        *(role_objects.guard_installer(cohort) if guard else []),
    ]
    found = [right for rule in rules for right in _spelled_out(rule)]
    if whoami(client) not in cohort.operators:  # else the guard gives them
        identity = names.identity_namespace(cohort.name)
        found += [r for rule in credentials_rules() for r in _spelled_out(rule, identity)]
    for place in role_objects.sources(cohort):
        where = place["metadata"]["namespace"]
        found += [right for rule in place["rules"] for right in _spelled_out(rule, where)]
    # What lets operators past the policies comes with the guard too.
    return [right for right in dict.fromkeys(found) if right.group != PREFIX.rstrip("/")]


def suspension() -> list[Right]:
    """List the rights that `suspend` and `resume` need beside those of `up`."""
    return [right for rule in role_objects.suspension() for right in _spelled_out(rule)]


def missing(client: Client, rights: Iterable[Right]) -> list[Right]:
    """Return those of the rights that the cluster would refuse us.

    Raises:
        ClusterError: If the cluster cannot be reached.
    """
    return [
        right for right, allowed in client.each(lambda r: may(client, r), rights) if not allowed
    ]


def listed(rights: Iterable[Right]) -> str:
    """Tell rights to a person: the many names of one resource once."""
    return ", ".join(dict.fromkeys(map(str, rights)))


def may(client: Client, right: Right) -> bool:
    """Say whether the cluster lets us do something.

    Raises:
        ClusterError: If the cluster cannot be reached.
    """
    attributes: dict[str, Any] = {
        "verb": right.verb,
        "group": right.group,
        "resource": right.resource,
        "subresource": right.subresource,
        "name": right.name,
        "namespace": right.namespace,
    }
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    return bool(client.request("POST", REVIEW, body=body)["status"]["allowed"])


def _spelled_out(rule: Manifest, namespace: str = "") -> Iterator[Right]:
    of = product(rule["apiGroups"], rule["resources"], rule.get("resourceNames", [""]))
    for (group, resource, name), verb in product(of, rule["verbs"]):
        plural, _, below = resource.partition("/")
        yield Right(verb, group, plural, below, name, namespace)


def whoami(client: Client) -> str:
    """Return who we are to the cluster; empty where it keeps that from us.

    Raises:
        ClusterError: If the cluster cannot be reached.
    """
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    try:
        return str(client.request("POST", WHO, body=body)["status"]["userInfo"]["username"])
    except ApiError:
        return ""  # a cluster that keeps it from us: then we are nobody who is named


def uid_of(client: Client) -> str:
    """Return which cluster it is: the UID of its namespace kube-system.

    Raises:
        ClusterError: If the cluster cannot be reached, or does not tell.
    """
    try:
        return str(client.request("GET", "/api/v1/namespaces/kube-system")["metadata"]["uid"])
    except ApiError as error:
        raise ClusterError(f"The namespace kube-system cannot be read: {error.message}") from None
    except (KeyError, TypeError):
        raise ClusterError("The namespace kube-system has no UID.") from None


def version(client: Client) -> str:
    """Return the server's version, such as ``v1.34.9``.

    Raises:
        ClusterError: If the cluster cannot be reached, or does not tell.
    """
    try:
        return str(client.request("GET", "/version")["gitVersion"])
    except ApiError as error:
        raise ClusterError(f"The server's version cannot be read: {error.message}") from None
    except KeyError:
        raise ClusterError("The server does not say its version.") from None
