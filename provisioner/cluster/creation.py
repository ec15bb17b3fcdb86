"""Make objects of any type in a namespace, and never change one that is there."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from ..manifest import Manifest
from .answers import ApiError
from .client import Client
from .served_types import Type

Made = Literal["made", "exists"]


def create(
    client: Client, type: Type, namespace: str, item: Manifest, *, dry_run: bool = False
) -> Made | ApiError:
    """Make an object.

    Args:
        client: Who makes it: what this identity may not make is refused.
        type: What it is.
        namespace: Where, whatever the object says.
        item: The object, in the version that it names.
        dry_run: Only ask whether the server would take it.

    Raises:
        ClusterError: If the server cannot be reached.
    """
    body = item | {"metadata": item["metadata"] | {"namespace": namespace}}
    path = _in_its_version(type, item).path(namespace)
    try:
        client.request("POST", path, body=body, query={"dryRun": "All"} if dry_run else None)
    except ApiError as error:
        return "exists" if error.reason == "AlreadyExists" else error
    return "made"


def read_object(client: Client, type: Type, namespace: str, item: Manifest) -> Manifest | ApiError:
    """Read the live object of the same type and name.

    Raises:
        ClusterError: If the server cannot be reached.
    """
    path = _in_its_version(type, item).path(namespace, item["metadata"]["name"])
    try:
        return client.request("GET", path)
    except ApiError as error:
        return error


def _in_its_version(type: Type, item: Manifest) -> Type:
    return replace(type, version=str(item.get("apiVersion", "")).rpartition("/")[2])
