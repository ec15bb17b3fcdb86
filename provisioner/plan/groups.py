"""Plan what the groups of a cohort share."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from .. import manifest as rendering
from .. import names
from ..cohort import Group, Record
from ..manifest import Manifest, ObjectKey
from .plan import Live, Part, compare_part, leaver

if TYPE_CHECKING:  # the schema takes long to import
    from ..cohort import Cohort


def groups_wanted(
    cohort: Cohort, records: Mapping[str, Record], groups: Mapping[str, Group]
) -> dict[str, list[Manifest]]:
    """Render every group that somebody is in, by its name."""
    return {
        group.name: rendering.group(cohort, group, records)
        for group in groups.values()
        if not group.dropped
    }


def plan_groups(
    wanted: Mapping[str, list[Manifest]],
    groups: Mapping[str, Group] | None,
    live: Live,
    loose: dict[str, dict[ObjectKey, Manifest]],
    copies: Mapping[str, list[Manifest]],
) -> list[Part]:
    """Plan the groups, and take what is left of others out of what is loose.

    Args:
        wanted: What they are to have, by name.
        groups: Every group that Practicum knows; None: leave groups as they are.
        live: What was found on the cluster.
        loose: What nobody wants, by the name in its mark; it loses what is a group's.
        copies: The copies of pull secrets that they are to have, by name.
    """
    mine = {name: loose.pop(name) for name in list(loose) if names.is_group(name)}
    known = {group.name: group for group in (groups or {}).values()}
    parts = [
        compare_part(name, manifests, live, mine.pop(name, {}), copies=copies.get(name, ()))
        for name, manifests in wanted.items()
    ]
    if groups is not None:
        parts += [leaver(name, left, None) for name, left in sorted(mine.items())]
    return [replace(part, group=known.get(part.name)) for part in parts]


def of_students(
    parts: Iterable[Part], live: Live, records: Mapping[str, Record], only: Collection[str]
) -> tuple[Part, ...]:
    """Return the groups that some students are in, or are let into until now.

    Args:
        parts: The groups of a plan.
        live: What was found on the cluster.
        records: Every student that Practicum knows, by id.
        only: Names of the students.
    """
    some = {id: record for id, record in records.items() if record.name in only}
    logins = {login for one in some.values() for login in (one.name, one.user) if login}
    return tuple(
        part
        for part in parts
        if part.group
        and (some.keys() & set(part.group.members) or logins & _let_in(part.group, live))
    )


def _let_in(group: Group, live: Live) -> set[str]:
    binding = live.owned.get(ObjectKey("RoleBinding", group.namespace, rendering.WAY_IN), {})
    return {subject["name"] for subject in binding.get("subjects") or []}


def group_of(namespace: Manifest) -> Group | None:
    """Rebuild a group from the labels on its Namespace, but for its members.

    None when it is not a group's Namespace, or when its labels were taken away.
    """
    metadata = namespace["metadata"]
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    try:
        return Group(
            title=annotations[rendering.GROUP],
            name=labels[rendering.STUDENT],
            namespace=metadata["name"],
            wave=int(labels[rendering.WAVE]),
        )
    except (KeyError, ValueError):
        return None
