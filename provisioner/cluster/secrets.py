"""Read and write copies of pull secrets: their metadata, and their content on its way alone.

What is read of a Secret is its metadata, which the API server sends without the rest. The
content is asked for by `copy` and nothing else, and given to nobody but the server.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from ..errors import ClusterError
from ..manifest import (
    COPIES_BINDING,
    COPY_OF,
    MANAGER,
    SOURCE,
    Manifest,
    ObjectKey,
    belongs_to,
    is_copy,
    key_of,
    selector,
)
from ..plan import Live
from . import rights
from .answers import ApiError
from .client import Client
from .observe import Found, made_by_us, whose
from .resources import COPIED, path_of

ONE = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
APPLY = "application/apply-patch+yaml"  # JSON is YAML
FORBIDDEN, NOT_FOUND = 403, 404

SECONDS = 20.0
"""How long a namespace that was just made may take to let a Secret in: until its quota is
counted, and until our right in it has got around."""

PAUSE = 0.25


def look_at(client: Client, key: ObjectKey) -> Manifest | None:
    """Read the metadata of a Secret; None when there is none.

    Raises:
        ApiError: If the server refuses to show it.
        ClusterError: If the server cannot be reached.
    """
    try:
        return client.request("GET", path_of(key), accept=ONE) | {"kind": key.kind}
    except ApiError as error:
        if error.status == NOT_FOUND:
            return None
        raise


def with_copies(
    client: Client,
    found: Found,
    live: Live,
    wanted: Collection[ObjectKey],
    named: Iterable[ObjectKey],
) -> Live:
    """Add to what was found the copies, and what stands in their place.

    One list of metadata tells of all. Who may not list Secrets asks for each by name, where
    the binding that allows it stands.

    Args:
        client: The cluster.
        found: What was read of the cohort.
        live: The same, with strangers.
        wanted: Keys of the copies that the cohort is to have.
        named: Keys of Secrets that accounts of ours still name.

    Raises:
        ClusterError: If the cluster cannot be reached.
    """
    keys = dict.fromkeys([*wanted, *named])
    wide = rights.may(client, rights.Right("list", "", "secrets"))
    ours = _listed(client, found.cohort) if wide else {}
    places = found.namespaces if wide else _bound(found)
    unsure = [key for key in keys if key not in ours and key.namespace in places]
    foreign = {}
    for key, item in client.each(lambda key: _seen(client, key), unsure):
        if item and _is_ours(found.cohort, item):
            ours[key] = item
        elif item and key in wanted:
            foreign[key] = whose(item)
    return Live(owned={**live.owned, **ours}, foreign={**live.foreign, **foreign})


def _bound(found: Found) -> set[str]:
    """Return the namespaces in which operators may ask for copies by name."""
    return {key.namespace for key in found.owned if key.name == COPIES_BINDING}


def _listed(client: Client, cohort: str) -> dict[ObjectKey, Manifest]:
    """Return what bears the cohort's mark and is a copy; credentials bear it too, and are none."""
    path = COPIED["Secret"].path()
    try:
        items = client.pages(path, selector=selector(cohort), metadata_only=True)
        copies = [item | {"kind": "Secret"} for item in items if is_copy(item)]
    except ApiError as error:
        raise ClusterError(f"The cluster refuses to list secrets: {error.message}") from None
    return {key_of(copy): copy for copy in copies}


def _seen(client: Client, key: ObjectKey) -> Manifest | None:
    try:
        return look_at(client, key)
    except ApiError as error:
        raise ClusterError(f"The cluster refuses to show {key}: {error.message}") from None


def _is_ours(cohort: str, item: Manifest) -> bool:
    return belongs_to(cohort, item) or made_by_us(item)


def version_of(item: Manifest) -> str:
    """Return what tells a Secret's content from what it was before."""
    return f"{item['metadata']['uid']}.{item['metadata']['resourceVersion']}"


@dataclass(frozen=True, kw_only=True)
class Source:
    """A pull secret as it is now. Its content is never shown."""

    version: str
    data: Mapping[str, str] = field(repr=False)


def read_source(client: Client, key: ObjectKey) -> Source:
    """Read a pull secret with its content, in order to copy it.

    Raises:
        ClusterError: If it cannot be read, or is of another type.
    """
    where = f"The pull secret {key.name} in {key.namespace}"
    try:
        item = client.request("GET", path_of(key))
    except ApiError as error:
        raise ClusterError(f"{where} cannot be read: {error.message}") from None
    if item.get("type") != COPY_OF:
        raise ClusterError(
            f"{where} is of the type {item.get('type')}, and not {COPY_OF}.",
            hint="Make it with: kubectl create secret docker-registry",
        )
    return Source(version=version_of(item), data=item.get("data") or {})


def write_copy(client: Client, cohort: str, wanted: Manifest, source: Source) -> str:
    """Make a copy, or make it right again.

    Returns:
        Why not, where it cannot be; the server never repeats what is in a Secret.

    Raises:
        ClusterError: If the cluster cannot be reached.
    """
    metadata = {**wanted["metadata"], "annotations": {SOURCE: source.version}}
    body = {**wanted, "metadata": metadata, "data": dict(source.data)}
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            return _write(client, cohort, key_of(wanted), body)
        except ApiError as error:
            if error.status != FORBIDDEN or time.monotonic() > deadline:
                return f"{key_of(wanted)}: {error.message}"
        time.sleep(PAUSE)


def _write(client: Client, cohort: str, key: ObjectKey, body: Manifest) -> str:
    # To apply with force would win over a stranger too.
    there = look_at(client, key)
    if there and not _is_ours(cohort, there):
        return f"{key} {whose(there)}"
    query = {"fieldManager": MANAGER, "force": "true"}
    client.request("PATCH", path_of(key), body=body, query=query, content=APPLY, accept=ONE)
    return ""
