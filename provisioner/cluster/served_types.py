"""Every type and subresource that a cluster serves, in two requests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..errors import ClusterError
from .answers import ApiError
from .client import Client

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


@dataclass(frozen=True, order=True, kw_only=True)
class Type:
    """One type, or one subresource of a type, as the API server tells of it."""

    group: str
    """Empty for the core group."""

    version: str
    plural: str
    below: str = ""
    """The subresource; empty for the type itself."""

    kind: str = ""
    """What a request's body is; ``version_of_kind`` is its ``apiVersion``."""

    version_of_kind: str = ""
    namespaced: bool = True
    verbs: tuple[str, ...] = ()

    def __str__(self) -> str:
        below = f"/{self.below}" if self.below else ""
        return f"{self.plural}{below}" + (f".{self.group}" if self.group else "")

    def path(self, namespace: str = "", name: str = "") -> str:
        """Return the path of a list, of an object, or of its subresource."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        inside = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        below = f"/{self.below}" if self.below else ""
        return f"{root}{inside}/{self.plural}" + (f"/{name}{below}" if name else "")


def served(client: Client) -> tuple[list[Type], list[str]]:
    """Return all types, and the API groups that do not answer.

    A type that a group serves in several versions is told once, in the one that the group
    prefers among these; one that is not in the group's preferred version is told all the same.

    Raises:
        ClusterError: If the server cannot be reached, or does not tell.
    """
    found: dict[tuple[str, str, str], Type] = {}
    silent: list[str] = []
    for root in ("/api", "/apis"):
        for group in _groups(client, root):
            name = group["metadata"].get("name", "")
            for version in group.get("versions") or []:
                if version.get("freshness") == "Stale":
                    silent.append(f"{name}/{version['version']}")
                for item in _types(name, version):
                    found.setdefault((item.group, item.plural, item.below), item)
    return list(found.values()), silent


def listable(client: Client) -> tuple[list[Type], list[str]]:
    """Return the types that can be listed, each once, and the API groups that do not answer.

    Raises:
        ClusterError: If the server cannot be reached, or does not tell.
    """
    types, silent = served(client)
    return [one for one in types if not one.below and "list" in one.verbs], silent


def _groups(client: Client, root: str) -> list[dict[str, Any]]:
    try:
        groups: list[dict[str, Any]] = client.request("GET", root, accept=AGGREGATED)["items"]
    except (ApiError, KeyError):
        raise ClusterError(
            f"The cluster does not tell at {root} what it serves.",
            hint="Practicum needs Kubernetes 1.30 or later: practicum doctor",
        ) from None
    return groups


def _types(group: str, version: dict[str, Any]) -> Iterator[Type]:
    for resource in version.get("resources") or []:
        namespaced = resource.get("scope") == "Namespaced"
        for item in (resource, *(resource.get("subresources") or [])):
            body = item.get("responseKind") or {}
            # Where the answer's group is not told, it is the type's own.
            told = body.get("version")
            kind_group = body.get("group", "") if told else group
            kind_version = told or version["version"]
            yield Type(
                group=group,
                version=version["version"],
                plural=resource["resource"],
                below=item.get("subresource", ""),
                kind=body.get("kind", ""),
                version_of_kind=f"{kind_group}/{kind_version}" if kind_group else kind_version,
                namespaced=namespaced,
                verbs=tuple(sorted(item.get("verbs") or [])),
            )
