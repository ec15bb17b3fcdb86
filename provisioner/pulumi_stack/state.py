"""Look at a stack's saved state before the engine does: whole, ours, and nothing too much.

The engine takes an empty document for an empty stack, deletes by name whatever its state
has and the program has not, and only warns of operations that a killed run left open. So a
state that cannot be trusted is never given to it, and what nobody wants is taken out of the
state beforehand: Practicum deletes by UID, the engine has nothing to delete.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

PROJECT = "practicum"
FORMATS = (3, 4)
"""Versions of the format that our engine writes and reads."""

Resource = dict[str, Any]


class DamagedStateError(Exception):
    """A saved state that must not be used; the message says why."""


class NewerStateError(Exception):
    """A saved state that a later Pulumi or provider wrote; the message says which."""


@dataclass(frozen=True, kw_only=True)
class Saved:
    """The saved state of one stack."""

    version: int
    deployment: dict[str, Any] = field(repr=False)

    @property
    def resources(self) -> list[Resource]:
        """Everything that the state says is there."""
        return self.deployment.get("resources") or []

    @property
    def pending(self) -> list[dict[str, Any]]:
        """What was under way when the state was saved."""
        return self.deployment.get("pending_operations") or []

    def to_json(self) -> dict[str, Any]:
        """Return the document that ``pulumi stack import`` takes."""
        return {"version": self.version, "deployment": self.deployment}


def parse(content: bytes, stack: str, *, provider: str) -> Saved:
    """Read what a file backend keeps of one stack.

    Args:
        content: The file.
        stack: The name of the stack that it is to be the state of.
        provider: Version of the Kubernetes provider that we have.

    Raises:
        DamagedStateError: If it is not the whole and sound state of this stack.
        NewerStateError: If a later Pulumi or provider wrote it.
    """
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise DamagedStateError("it is empty, cut off or no JSON") from None
    if not isinstance(document, dict) or not isinstance(document.get("version"), int):
        raise DamagedStateError("it is not what Pulumi writes")
    if document["version"] > max(FORMATS):
        raise NewerStateError(f"a later Pulumi wrote it (format {document['version']})")
    checkpoint = document.get("checkpoint")
    if document["version"] not in FORMATS or not isinstance(checkpoint, dict):
        raise DamagedStateError("it is not what Pulumi writes")
    if str(checkpoint.get("stack", "")).rpartition("/")[2] != stack:
        raise DamagedStateError(f"it is the state of {checkpoint.get('stack') or 'no stack'}")
    found = Saved(version=document["version"], deployment=checkpoint.get("latest") or {})
    check(found, stack, provider=provider)
    return found


def check(saved: Saved, stack: str, *, provider: str) -> None:
    """Refuse a state that does not hold together, or is not this stack's.

    Raises:
        DamagedStateError: If it is one of these.
        NewerStateError: If a later provider wrote it.
    """
    try:
        _check_resources(saved.resources, stack)
        _check_providers(saved.resources, provider)
    except (KeyError, TypeError, AttributeError):
        raise DamagedStateError("it is not what Pulumi writes") from None


def _check_resources(resources: list[Resource], stack: str) -> None:
    """Go through the resources in order: each comes after what it hangs on.

    Raises:
        DamagedStateError: If one does not.
    """
    begin = f"urn:pulumi:{stack}::{PROJECT}::"
    seen: set[str] = set()
    for resource in resources:
        urn = resource["urn"]
        if not urn.startswith(begin):
            raise DamagedStateError(f"it holds {urn}, which is another stack's")
        missing = [other for other in _hangs_on(resource) if other not in seen]
        if missing:
            raise DamagedStateError(f"{urn} hangs on {missing[0]}, which is not in it")
        seen.add(urn)


def _hangs_on(resource: Resource) -> Iterator[str]:
    if parent := resource.get("parent"):
        yield parent
    if provider := resource.get("provider"):
        yield provider.rpartition("::")[0]
    yield from resource.get("dependencies") or []
    if owner := resource.get("deletedWith"):
        yield owner


def _check_providers(resources: list[Resource], ours: str) -> None:
    """Refuse what a later provider wrote: its objects may have fields that ours drops.

    Raises:
        NewerStateError: If one did.
    """
    for resource in resources:
        if resource["type"] == "pulumi:providers:kubernetes":
            theirs = str((resource.get("inputs") or {}).get("version") or "")
            if theirs and _numbers(theirs) > _numbers(ours):
                raise NewerStateError(
                    f"version {theirs} of the Kubernetes provider wrote it, and ours is {ours}"
                )


def _numbers(version: str) -> tuple[int, ...]:
    """Return major and minor: a patch changes no format."""
    parts = version.lstrip("v").split(".")
    return tuple(int(part) if part.isdigit() else 0 for part in parts[:2])


def tidy(saved: Saved, wanted: Collection[str]) -> Saved | None:
    """Take out of a state what the program does not want, and what was left under way.

    An object that is ours and not wanted is deleted by its UID, in the state or not. One
    that was being created when a run was killed is either not there, or ours and applied
    again, or somebody else's and its student left out: that is told by the plan, which
    reads the cluster. In all three the note in the state has nothing to add.

    Args:
        saved: The state.
        wanted: Names of the components and objects that the program registers.

    Returns:
        The state as it is to be; None when it is so already.
    """
    gone = {one["urn"] for one in saved.resources if _is_to_go(one, wanted)}
    if not gone and not saved.pending:
        return None
    deployment = copy.copy(saved.deployment)
    deployment.pop("pending_operations", None)
    deployment["resources"] = [
        _without(one, gone) for one in saved.resources if one["urn"] not in gone
    ]
    return Saved(version=saved.version, deployment=deployment)


def _is_to_go(resource: Resource, wanted: Collection[str]) -> bool:
    kind, name = resource["type"], resource["urn"].rpartition("::")[2]
    return not kind.startswith("pulumi:") and (name not in wanted or bool(resource.get("delete")))


def _without(resource: Resource, gone: Collection[str]) -> Resource:
    """Let a resource hang on nothing that goes."""
    if not any(urn in gone for urn in _hangs_on(resource)):
        return resource
    kept = {
        **resource,
        "dependencies": [u for u in resource.get("dependencies") or [] if u not in gone],
    }
    kept["propertyDependencies"] = {
        key: [urn for urn in urns or [] if urn not in gone]
        for key, urns in (resource.get("propertyDependencies") or {}).items()
    }
    if kept.get("deletedWith") in gone:
        del kept["deletedWith"]
    return kept
