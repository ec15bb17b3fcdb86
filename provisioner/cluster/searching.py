"""Look through every listable type of a cluster for what is left of a cohort.

Four ways to be left: by mark (our label), by place (in a namespace that was the cohort's),
by name (what the guard is called, whose label somebody took), and by what an object points
to: an account or a namespace of the cohort, or its label in a selector. What points to the
cohort may be somebody else's: it is named here, and deleted by nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from .. import names
from ..manifest import Manifest, ObjectKey, belongs_to, selector
from . import pointers, rights
from .answers import ApiError
from .client import Client
from .resources import RESOURCES
from .served_types import Type, listable

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
    types, silent = listable(client)
    unlisted = [f"{version}: it does not answer" for version in silent]
    narrow = not rights.may(client, rights.Right("list", "", SECRETS))
    sought = _sought(cohort, namespaces, shared)

    def look(type: Type) -> list[str] | ApiError:
        try:
            if narrow and str(type) == SECRETS:
                return list(_left_in_ours(client, type, sought))
            return list(_left(client, type, sought))
        except ApiError as error:
            return error

    for type, found in client.each(look, types):
        name = OURS_ONLY if narrow and str(type) == SECRETS else str(type)
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


def _left(client: Client, type: Type, sought: _Sought) -> Iterator[str]:
    """Yield what is left of one type, each object once."""
    whole = str(type) in READ_INSIDE or not (type.namespaced or str(type) in NOT_READ)
    for item in client.pages(type.path(), metadata_only=not whole):
        if why := _why(type, item, sought):
            yield f"{_name(type, item)} {why}"


def _why(type: Type, item: Manifest, sought: _Sought) -> str:
    metadata = item["metadata"]
    if belongs_to(sought.cohort, item):
        return "carries the cohort's mark"
    if metadata.get("namespace") in sought.namespaces:
        return "is in a namespace that was the cohort's"
    if type.plural == "namespaces" and metadata["name"] in sought.namespaces:
        return "was the cohort's"
    if not type.namespaced and (type.plural, metadata["name"]) in sought.names:
        return "has the name of what the cohort shared"
    return pointers.why(item, sought.marks)


def _left_in_ours(client: Client, type: Type, sought: _Sought) -> Iterator[str]:
    """Yield what is left of a type in the cohort's namespaces; where one is gone, nothing is."""
    there = client.pages(RESOURCES["Namespace"].path(), metadata_only=True)
    for name in sorted({item["metadata"]["name"] for item in there} & sought.namespaces):
        path = type.path(name)
        for item in client.pages(path, selector=selector(sought.cohort), metadata_only=True):
            yield f"{_name(type, item)} carries the cohort's mark"


def _name(type: Type, item: Manifest) -> str:
    metadata = item["metadata"]
    place = f"{metadata['namespace']}/" if metadata.get("namespace") else ""
    return f"{type} {place}{metadata['name']}"
