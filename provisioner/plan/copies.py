"""Say which copies of pull secrets are to be written, by what is known without their content."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..manifest import MANAGER, NOT_READ, SOURCE, Manifest, ObjectKey, key_of
from .compare import differences


def due_copies(
    copies: Iterable[Manifest], owned: Mapping[ObjectKey, Manifest]
) -> dict[ObjectKey, str]:
    """Return what is wrong with copies, by key; those that are right are not in it.

    Args:
        copies: As they are to be, without content.
        owned: What was found of the cohort, Secrets without content too.
    """
    found = {key_of(copy): _wrong(copy, owned.get(key_of(copy))) for copy in copies}
    return {key: f"{key} {what}" for key, what in found.items() if what}


def _wrong(copy: Manifest, live: Manifest | None) -> str:
    if live is None:
        return "is missing"
    if others := _changed_by(live):
        return f"was changed by {', '.join(others)}"
    if copy["metadata"]["annotations"][SOURCE] == NOT_READ:
        return ""
    paths = differences(copy, live)
    source = f"metadata.annotations.{SOURCE}"
    return "is of an earlier version of its source" if paths == [source] else ", ".join(paths)


def _changed_by(live: Manifest) -> list[str]:
    """Return who else has written the content, as the server itself notes it."""
    entries = live["metadata"].get("managedFields") or []
    return sorted(
        str(entry.get("manager"))
        for entry in entries
        if entry.get("manager") != MANAGER
        and {"f:data", "f:immutable"} & (entry.get("fieldsV1") or {}).keys()
    )
