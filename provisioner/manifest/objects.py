"""A Kubernetes object as plain data, and the key that tells one from another."""

from __future__ import annotations

from typing import Any, NamedTuple

Manifest = dict[str, Any]
"""One Kubernetes object: ``apiVersion``, ``kind``, ``metadata`` and its own fields."""


MANAGER = "practicum"
"""The field manager of everything that Practicum applies."""


class ObjectKey(NamedTuple):
    """What makes an object itself while it lives: its kind, namespace and name.

    A tuple, because a plan looks up some ten thousand of them.
    """

    kind: str
    namespace: str
    """Empty for what belongs to the whole cluster."""
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


def key_of(manifest: Manifest) -> ObjectKey:
    """Read the key off an object."""
    metadata = manifest["metadata"]
    return ObjectKey(manifest["kind"], metadata.get("namespace", ""), metadata["name"])


def make(
    api_version: str,
    kind: str,
    name: str,
    *,
    labels: dict[str, str],
    namespace: str = "",
    **fields: Any,  # noqa: ANN401  (the object's own fields)
) -> Manifest:
    """Put an object together in the order that people read one."""
    metadata: dict[str, Any] = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    metadata["labels"] = labels
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}
