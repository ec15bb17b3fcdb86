"""Look through every listable type of a cluster for what is left of a cohort.

Four ways to be left: by mark (our label), by place (in a namespace that was the cohort's),
by name (what the guard is called, whose label somebody took), and by what an object points
to: an account or a namespace of the cohort, or its label in a selector. What points to the
cohort may be somebody else's: it is named here, and deleted by nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from .. import names
from ..manifest import Manifest, ObjectKey, belongs_to, selector
from . import pointers, rights
from .answers import ApiError
from .client import Client
from .resources import RESOURCES

SECRETS = "secrets"
OURS_ONLY = "secrets (the cohort's namespaces only)"
"""What stands in a receipt where we may not list the Secrets of the whole cluster."""

NOT_READ = frozenset(
    {
        "clusterroles.rbac.authorization.k8s.io",  # they name objects, and bind nobody
        "componentstatuses",
        "customresourcedefinitions.apiextensions.k8s.io",
        "nodes",
    }
)
"""Types of the whole cluster that are looked at by mark and name alone."""

READ_INSIDE = frozenset({"rolebindings.rbac.authorization.k8s.io"})
"""Types in namespaces that are read for what they point to."""


@dataclass(frozen=True, order=True)
class Served:
    """One type that the server can list."""

    group_version: str
    plural: str
    namespaced: bool

    def __str__(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def group(self) -> str:
        """API group as RBAC writes it; empty for the core group."""
        return self.group_version.rpartition("/")[0]

    @property
    def path(self) -> str:
        """Return the path that lists the type in the whole cluster."""
        return self.path_in("")

    def path_in(self, namespace: str) -> str:
        """Return the path that lists the type in one namespace; in all when empty."""
        root = "/apis/" if "/" in self.group_version else "/api/"
        inside = f"namespaces/{namespace}/" if namespace else ""
        return f"{root}{self.group_version}/{inside}{self.plural}"


@dataclass(frozen=True, kw_only=True)
class Search:
    """What a search went through and what it found."""

    searched: dict[str, int]
    """Objects that were found, by type; a type is here when it could be listed."""

    remaining: list[str]
    """What is left, one object each, with why it counts."""

    unlisted: list[str]
    """Types that could not be listed, with the reason: the proof cannot hold."""


@dataclass(frozen=True, kw_only=True)
class _Sought:
    """What was the cohort's."""

    cohort: str
    namespaces: frozenset[str]
    names: frozenset[tuple[str, str]]
    """Type and name of what all students shared, outside namespaces."""

    marks: pointers.Marks = field(repr=False)


def search(
    client: Client,
    cohort: str,
    namespaces: Collection[str],
    shared: Collection[ObjectKey] = (),
) -> Search:
    """Go through every listable type.

    Args:
        client: The cluster.
        cohort: The cohort whose mark is searched for.
        namespaces: Names of the namespaces that the cohort had.
        shared: Keys of what all its students shared.

    Raises:
        ClusterError: If the cluster cannot be reached.
    """
    searched: dict[str, int] = {}
    remaining: list[str] = []
    types, unlisted = discover(client)
    narrow = not rights.may(client, rights.Right("list", "", SECRETS))
    sought = _sought(cohort, namespaces, shared)

    def look(served: Served) -> list[str] | ApiError:
        try:
            if narrow and str(served) == SECRETS:
                return list(_left_in_ours(client, served, sought))
            return list(_left(client, served, sought))
        except ApiError as error:
            return error

    for served, found in client.each(look, types):
        name = OURS_ONLY if narrow and str(served) == SECRETS else str(served)
        if isinstance(found, ApiError):
            unlisted.append(f"{name}: {found.message}")
        else:
            searched[name] = len(found)
            remaining += found
    return Search(searched=searched, remaining=sorted(set(remaining)), unlisted=unlisted)


def _sought(cohort: str, namespaces: Collection[str], shared: Collection[ObjectKey]) -> _Sought:
    outside = [key for key in shared if not RESOURCES[key.kind].namespaced]
    return _Sought(
        cohort=cohort,
        namespaces=frozenset(namespaces),
        names=frozenset((RESOURCES[key.kind].plural, key.name) for key in outside),
        marks=pointers.Marks(
            cohort=cohort,
            identity=names.identity_namespace(cohort),
            namespaces=frozenset(namespaces),
        ),
    )


def discover(client: Client) -> tuple[list[Served], list[str]]:
    """Return the types that the server lists, and the API groups that do not answer."""
    groups = client.request("GET", "/apis")["groups"]
    versions = ["v1", *(group["preferredVersion"]["groupVersion"] for group in groups)]
    types: list[Served] = []
    silent: list[str] = []
    for version, answer in client.each(lambda version: _resources(client, version), versions):
        if isinstance(answer, ApiError):
            silent.append(f"{version}: {answer.message}")
            continue
        types += [
            Served(version, item["name"], item["namespaced"])
            for item in answer
            if "list" in item["verbs"] and "/" not in item["name"]
        ]
    return types, silent


def _resources(client: Client, version: str) -> list[dict[str, Any]] | ApiError:
    root = "/apis/" if "/" in version else "/api/"
    try:
        found: list[dict[str, Any]] = client.request("GET", root + version)["resources"]
    except ApiError as error:
        return error
    return found


def _left(client: Client, served: Served, sought: _Sought) -> Iterator[str]:
    """Yield what is left of one type, each object once."""
    whole = str(served) in READ_INSIDE or not (served.namespaced or str(served) in NOT_READ)
    for item in client.pages(served.path, metadata_only=not whole):
        if why := _why(served, item, sought):
            yield f"{_name(served, item)} {why}"


def _why(served: Served, item: Manifest, sought: _Sought) -> str:
    metadata = item["metadata"]
    if belongs_to(sought.cohort, item):
        return "carries the cohort's mark"
    if metadata.get("namespace") in sought.namespaces:
        return "is in a namespace that was the cohort's"
    if served.plural == "namespaces" and metadata["name"] in sought.namespaces:
        return "was the cohort's"
    if not served.namespaced and (served.plural, metadata["name"]) in sought.names:
        return "has the name of what the cohort shared"
    return pointers.why(item, sought.marks)


def _left_in_ours(client: Client, served: Served, sought: _Sought) -> Iterator[str]:
    """Yield what is left of a type in the cohort's namespaces; where one is gone, nothing is."""
    there = client.pages(RESOURCES["Namespace"].path(), metadata_only=True)
    for name in sorted({item["metadata"]["name"] for item in there} & sought.namespaces):
        path = served.path_in(name)
        for item in client.pages(path, selector=selector(sought.cohort), metadata_only=True):
            yield f"{_name(served, item)} carries the cohort's mark"


def _name(served: Served, item: Manifest) -> str:
    metadata = item["metadata"]
    place = f"{metadata['namespace']}/" if metadata.get("namespace") else ""
    return f"{served} {place}{metadata['name']}"
