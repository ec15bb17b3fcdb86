"""Read all that namespaces hold: which types have objects, then those, page by page.

Asking for every type in every namespace would be types times namespaces; one list of
metadata a type, of the whole cluster, tells where there is anything to ask for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from ..errors import ClusterError
from ..manifest import Manifest
from .answers import ApiError
from .client import METADATA_ONLY, Client
from .served_types import Type, listable

Place = tuple[str, Type]
"""A namespace, and a type in it."""


@dataclass(frozen=True, kw_only=True)
class Whereabouts:
    """How many objects of which type lie in which namespace."""

    types: tuple[Type, ...]
    counts: Mapping[Place, int] = field(repr=False)
    versions: Mapping[Type, str] = field(repr=False)
    """The resource version at which the counts of a type hold."""

    unknown: frozenset[Type] = frozenset()
    """Types that were not counted: they are there until a list shows that they are not."""

    requests: int = 0


def namespaced_types(client: Client) -> list[Type]:
    """Return every type in a namespace that can be listed.

    Raises:
        ClusterError: If the server cannot be reached, or an API group does not answer: it
            may hold objects that nobody can see now.
    """
    types, silent = listable(client)
    if silent:
        raise ClusterError(
            f"API groups that the cluster has do not answer: {', '.join(sorted(silent))}.",
            hint="Mend or delete their APIServices: kubectl get apiservices",
        )
    return sorted(type for type in types if type.namespaced)


def look_around(
    client: Client, namespaces: Collection[str], *, unseen: Collection[str] = ()
) -> Whereabouts:
    """Count the objects of every type in some namespaces, by lists of metadata.

    Args:
        client: The cluster.
        namespaces: Whose objects are counted; one alone is asked, several are picked out of
            the whole cluster.
        unseen: Types that are not counted, for they may not be listed in the whole cluster.

    Raises:
        ClusterError: If a type cannot be listed.
    """
    types = namespaced_types(client)
    place = next(iter(namespaces)) if len(namespaces) == 1 else ""
    seen = [type for type in types if str(type) not in unseen]
    counts: Counter[Place] = Counter()
    versions: dict[Type, str] = {}
    requests = 0

    def count(type: Type) -> tuple[str, Counter[str], int]:
        version, pages = "", 0
        found: Counter[str] = Counter()
        for page in _pages(client, type, place, metadata_only=True):
            pages += 1
            version = page["metadata"].get("resourceVersion", version)
            found.update(item["metadata"]["namespace"] for item in page.get("items") or [])
        return version, found, pages

    for type, (version, found, pages) in client.each(count, seen):
        versions[type] = version
        requests += pages
        counts.update({(name, type): n for name, n in found.items() if name in namespaces})
    return Whereabouts(
        types=tuple(types),
        counts=counts,
        versions=versions,
        unknown=frozenset(set(types) - set(seen)),
        requests=requests + 2,
    )


def list_type(client: Client, type: Type, namespace: str) -> tuple[str, Iterator[Manifest]]:
    """Begin to list a type in a namespace.

    Returns:
        The list's resource version, and the objects, which are read page by page.

    Raises:
        ClusterError: If it cannot be listed; while the objects are read, too.
    """
    pages = _pages(client, type, namespace)
    first = next(pages)

    def items() -> Iterator[Manifest]:
        for item in first.get("items") or []:
            yield _typed(type, item)
        for page in pages:
            for item in page.get("items") or []:
                yield _typed(type, item)

    return first["metadata"].get("resourceVersion", ""), items()


def _pages(
    client: Client, type: Type, namespace: str, *, metadata_only: bool = False
) -> Iterator[Manifest]:
    query = {"limit": str(client.page)}
    accept = METADATA_ONLY if metadata_only else "application/json"
    token = "start"
    while token:
        try:
            page = client.request("GET", type.path(namespace), query=query, accept=accept)
        except ApiError as error:
            where = f" in {namespace}" if namespace else ""
            raise ClusterError(f"{type}{where} cannot be listed: {error.message}") from None
        yield page
        before, token = token, page["metadata"].get("continue", "")
        if token == before:
            raise ClusterError(f"{type} cannot be listed: the list does not end.")
        query = query | {"continue": token}


def _typed(type: Type, item: Manifest) -> Manifest:
    """Say what an item is: in a list it does not itself."""
    return {"apiVersion": type.version_of_kind, "kind": type.kind} | item
