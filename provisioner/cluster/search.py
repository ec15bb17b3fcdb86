"""Look through every listable type of a cluster for what is left of a cohort."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from ..manifest import Manifest, selector
from .client import ApiError, Client

MARKED_BY_SUBJECT = ("rolebindings", "clusterrolebindings")


@dataclass(frozen=True, order=True)
class Served:
    """One type that the server can list."""

    group_version: str
    plural: str
    namespaced: bool

    def __str__(self) -> str:
        group = self.group_version.rpartition("/")[0]
        return f"{self.plural}.{group}" if group else self.plural

    @property
    def path(self) -> str:
        """Return the path that lists the type in the whole cluster."""
        root = "/apis/" if "/" in self.group_version else "/api/"
        return f"{root}{self.group_version}/{self.plural}"


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

    def look(served: Served) -> list[str] | ApiError:
        try:
            return list(_left(client, served, cohort, namespaces))
        except ApiError as error:
            return error

    for served, found in client.each(look, types):
        if isinstance(found, ApiError):
            unlisted.append(f"{served}: {found.message}")
        else:
            searched[str(served)] = len(found)
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
