"""Decide what to change. Pure: takes what is wanted and what runs, returns the steps."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ..cohort import Group, Record
from ..manifest import RENDERED_BY, Manifest, ObjectKey, groups_part, key_of
from .compare import differences, strangers
from .copies import due_copies

Action = Literal["create", "change", "same", "remove", "foreign"]


@dataclass(frozen=True, kw_only=True)
class Live:
    """What a read of the cluster found of one cohort."""

    owned: Mapping[ObjectKey, Manifest]
    """Every object that carries the cohort's mark, by key."""

    foreign: Mapping[ObjectKey, str]
    """Objects that stand where ours should and are not ours; the value says whose."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """The guard, or one student: what is to be done, and to which fields."""

    name: str
    """The student's name, or ``guard``."""

    action: Action
    changes: tuple[str, ...] = ()
    """``Kind/name field`` a line, or ``Kind/name is missing``."""

    record: Record | None = None
    """None for the guard, and for a group."""

    group: Group | None = None
    """The group, where it is one's."""

    outdated: bool = False
    """Whether an earlier, or later, Practicum rendered what runs."""

    wanted: tuple[Manifest, ...] = ()
    surplus: tuple[Manifest, ...] = ()
    """Live objects that are ours and not wanted; they go by UID."""

    differing: tuple[tuple[Manifest, Manifest], ...] = field(default=(), repr=False)
    """Of what is there and differs: what is wanted, and what runs. See ``fields``."""

    patches: tuple[tuple[Manifest, dict[str, Any]], ...] = ()
    """Live objects with the merge patch that takes away what others added."""

    copies: tuple[Manifest, ...] = ()
    """Copies of pull secrets to be written. Not by Pulumi, whose state would hold the content."""

    copies_alone: bool = False
    """Whether nothing else differs, so that there is nothing for Pulumi to do."""

    @property
    def is_pulumis(self) -> bool:
        """Whether Pulumi, or a deletion, has something to do."""
        return self.action != "same" and not self.copies_alone

    @property
    def wave(self) -> int | str | None:
        """Which of the cohort's stacks holds it; None for the guard and for strangers."""
        if self.group:
            return groups_part(self.group.wave)
        return self.record.wave if self.record else None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The difference between the cohort that is wanted and the one that runs."""

    cohort: str
    guard: Part
    students: tuple[Part, ...]
    records: Mapping[str, Record] = field(repr=False)
    groups: tuple[Part, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether applying the plan would change nothing."""
        return self.guard.action == "same" and all(
            part.action in ("same", "foreign") for part in (*self.students, *self.groups)
        )

    @property
    def outdated(self) -> int:
        """How many environments were rendered by another Practicum."""
        return sum(part.outdated for part in self.students)

    def of(self, names: Container[str]) -> Plan:
        """Return the plan for some students alone; what several share is left as it is."""
        some = tuple(part for part in self.students if part.name in names)
        guard = replace(self.guard, action="same", changes=(), differing=())
        return replace(self, guard=guard, students=some, groups=())

    def shared(self, *actions: Action) -> list[Part]:
        """Return the groups with one of these actions."""
        return [part for part in self.groups if part.action in actions]

    def having(self, *actions: Action) -> list[Part]:
        """Return the students with one of these actions."""
        return [part for part in self.students if part.action in actions]


def compare_part(
    name: str,
    wanted: Iterable[Manifest],
    live: Live,
    surplus: Mapping[ObjectKey, Manifest],
    record: Record | None = None,
    copies: Iterable[Manifest] = (),
) -> Part:
    """Plan one part of a cohort.

    Args:
        name: The student's name, or ``guard``.
        wanted: The rendered objects, in order of creation.
        live: What was found on the cluster.
        surplus: Live objects that carry this part's mark and that no part wants.
        record: The student's record.
        copies: The copies of pull secrets that it is to have, without content.
    """
    wanted, copies = tuple(wanted), tuple(copies)
    part = Part(name=name, action="same", record=record, wanted=wanted)
    keys = sorted({key_of(one) for one in (*wanted, *copies)}) if live.foreign else []
    taken = [f"{key} {live.foreign[key]}" for key in keys if key in live.foreign]
    if taken:
        return replace(part, action="foreign", changes=tuple(taken))
    changes, differing = _compare_objects(wanted, live.owned)
    changes += [f"{key} is not wanted" for key in sorted(surplus)]
    due = due_copies(copies, live.owned)
    found = live.owned.get(key_of(wanted[0]))
    action: Action = "create" if not found else "change" if changes or due else "same"
    return replace(
        part,
        action=action,
        changes=() if action == "create" else (*changes, *due.values()),
        differing=() if action == "create" else tuple(differing),
        copies=tuple(copy for copy in copies if key_of(copy) in due),
        copies_alone=bool(due) and not changes,
        outdated=action == "change" and _rendered_by(wanted[0]) != _rendered_by(found),
        surplus=tuple(surplus[key] for key in sorted(surplus)),
        patches=tuple(
            (there, patch) for ours, there in differing if (patch := strangers(ours, there))
        ),
    )


def _rendered_by(first: Manifest | None) -> str | None:
    metadata = first["metadata"] if first else {}
    by: str | None = (metadata.get("annotations") or {}).get(RENDERED_BY)
    return by


def _compare_objects(
    wanted: Iterable[Manifest], owned: Mapping[ObjectKey, Manifest]
) -> tuple[list[str], list[tuple[Manifest, Manifest]]]:
    changes: list[str] = []
    differing: list[tuple[Manifest, Manifest]] = []
    for manifest in wanted:
        key = key_of(manifest)
        if key not in owned:
            changes.append(f"{key} is missing")
            continue
        paths = differences(manifest, owned[key])
        changes += [f"{key} {path}" for path in paths]
        if paths:
            differing.append((manifest, owned[key]))
    return changes, differing


def leaver(name: str, mine: Mapping[ObjectKey, Manifest], record: Record | None) -> Part:
    """Plan the removal of a student who is on the cluster and not in the roster."""
    # The Namespace goes first and takes what is inside along.
    surplus = sorted(mine.items(), key=lambda item: (item[0].kind != "Namespace", item[0]))
    return Part(
        name=name,
        action="remove",
        record=record,
        surplus=tuple(manifest for _, manifest in surplus),
    )
