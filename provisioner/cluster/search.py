"""Look through every listable type of a cluster for what is left of a cohort."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from ..manifest import Manifest, selector
from . import rights
from .client import ApiError, Client
from .resources import RESOURCES

SECRETS = "secrets"
OURS_ONLY = "secrets (the cohort's namespaces only)"
"""What stands in a receipt where we may not list the Secrets of the whole cluster."""

MARKED_BY_SUBJECT = ("rolebindings", "clusterrolebindings")


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


def search(client: Client, cohort: str, namespaces: Collection[str]) -> Search:
    """Go through every listable type.

    Args:
        client: The cluster.
        cohort: The cohort whose mark is searched for.
        namespaces: Names of the namespaces that the cohort had.

    Raises:
        ClusterError: If the cluster cannot be reached.
    """
    searched: dict[str, int] = {}
    remaining: list[str] = []
    types, unlisted = discover(client)
    narrow = not rights.may(client, rights.Right("list", "", SECRETS))

    def look(served: Served) -> list[str] | ApiError:
        try:
            if narrow and str(served) == SECRETS:
                return list(_left_in_ours(client, served, cohort, namespaces))
            return list(_left(client, served, cohort, namespaces))
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


def _left(
    client: Client, served: Served, cohort: str, namespaces: Collection[str]
) -> Iterator[str]:
    """Yield what is left of one type: by mark, by place, and by what it points to."""
    for item in client.pages(served.path, selector=selector(cohort), metadata_only=True):
        yield f"{_name(served, item)} carries the cohort's mark"
    if served.plural == "namespaces":
        for item in client.pages(served.path, metadata_only=True):
            if item["metadata"]["name"] in namespaces:
                yield f"{_name(served, item)} was the cohort's"
    elif served.plural in MARKED_BY_SUBJECT:
        yield from _pointing(client, served, namespaces, _subject_namespaces, "gives rights to")
    elif str(served) == "persistentvolumes":
        yield from _pointing(client, served, namespaces, _claim_namespaces, "is claimed from")


def _left_in_ours(
    client: Client, served: Served, cohort: str, namespaces: Collection[str]
) -> Iterator[str]:
    """Yield what is left of a type in the cohort's namespaces; where one is gone, nothing is."""
    there = client.pages(RESOURCES["Namespace"].path(), metadata_only=True)
    for name in sorted({item["metadata"]["name"] for item in there} & set(namespaces)):
        path = served.path_in(name)
        for item in client.pages(path, selector=selector(cohort), metadata_only=True):
            yield f"{_name(served, item)} carries the cohort's mark"


def _pointing(
    client: Client,
    served: Served,
    namespaces: Collection[str],
    targets: Callable[[Manifest], set[str]],
    how: str,
) -> Iterator[str]:
    for item in client.pages(served.path):
        for namespace in sorted(targets(item) & set(namespaces)):
            yield f"{_name(served, item)} {how} {namespace}"


def _subject_namespaces(item: Manifest) -> set[str]:
    return {subject.get("namespace", "") for subject in item.get("subjects") or []}


def _claim_namespaces(item: Manifest) -> set[str]:
    return {((item.get("spec") or {}).get("claimRef") or {}).get("namespace", "")}


def _name(served: Served, item: Manifest) -> str:
    metadata = item["metadata"]
    place = f"{metadata['namespace']}/" if metadata.get("namespace") else ""
    return f"{served} {place}{metadata['name']}"
