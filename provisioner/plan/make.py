"""Put the plan of a whole cohort together from its parts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

from .. import manifest as rendering
from ..cohort import Group, Record, override
from ..manifest import Manifest, ObjectKey, Versions, key_of
from .groups import groups_wanted, plan_groups
from .plan import Live, Part, Plan, compare_part, leaver

if TYPE_CHECKING:  # the schema takes long to import
    from ..cohort import Cohort

Parts = dict[str, dict[ObjectKey, Manifest]]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """All that a cohort is to have, rendered; each part in order of creation."""

    guard: list[Manifest]
    students: Mapping[str, list[Manifest]]
    """By the student's name."""

    groups: Mapping[str, list[Manifest]]
    """By the group's name."""

    copies: Mapping[str, list[Manifest]]
    """Copies of pull secrets, without content, by the name of the student or group."""

    @cached_property
    def keys(self) -> list[ObjectKey]:
        """The key of every object whose content is rendered."""
        parts = (self.guard, *self.students.values(), *self.groups.values())
        return [key_of(manifest) for part in parts for manifest in part]

    @property
    def copy_keys(self) -> list[ObjectKey]:
        """The key of every copy of a pull secret."""
        return [key_of(copy) for copies in self.copies.values() for copy in copies]


def render(
    cohort: Cohort,
    records: Mapping[str, Record],
    groups: Mapping[str, Group] | None = None,
    versions: Versions | None = None,
) -> Wanted:
    """Render a whole cohort: whoever is dropped is to have nothing.

    Args:
        cohort: The cohort file.
        records: Every student that Practicum knows, by id.
        groups: Every group that Practicum knows, by title.
        versions: Which pull secrets there are to copy.
    """
    present: list[Record | Group] = [one for one in records.values() if not one.dropped]
    present += [one for one in (groups or {}).values() if not one.dropped]
    return Wanted(
        guard=rendering.guard(cohort),
        students={
            record.name: rendering.environment(cohort, record)
            for record in records.values()
            if not record.dropped
        },
        groups=groups_wanted(cohort, records, groups or {}),
        copies={
            one.name: rendering.copies(cohort, one.name, one.namespace, versions) for one in present
        },
    )


def make_plan(
    cohort: Cohort,
    records: Mapping[str, Record],
    live: Live,
    groups: Mapping[str, Group] | None = None,
    wanted: Wanted | None = None,
) -> Plan:
    """Return the steps that turn what runs into what is wanted.

    Args:
        cohort: The cohort file.
        records: Every student that Practicum knows, by id; dropped ones are removed.
        live: What was found on the cluster.
        groups: Every group that Practicum knows, by title; None: leave groups as they are.
        wanted: What was rendered of all these; rendered here when None.
    """
    wanted = wanted or render(cohort, records, groups)
    active = {record.name: record for record in records.values() if not record.dropped}
    # By key first: a label that somebody changed must not make it anybody's surplus.
    loose = _by_student(live.owned, {*wanted.keys, *wanted.copy_keys})
    guard = compare_part("guard", wanted.guard, live, loose.pop("", {}))
    students = [
        compare_part(
            name, manifests, live, loose.pop(name, {}), active[name], wanted.copies.get(name, ())
        )
        for name, manifests in wanted.students.items()
    ]
    shares = plan_groups(wanted.groups, groups, live, loose, wanted.copies)
    students += _leavers(records.values(), loose)
    return Plan(
        cohort=cohort.name,
        guard=guard,
        students=tuple(students),
        records=records,
        groups=tuple(shares),
    )


def _leavers(records: Iterable[Record], left_over: Parts) -> list[Part]:
    known = {record.name: record for record in records}
    return [leaver(name, mine, known.get(name)) for name, mine in sorted(left_over.items())]


def _by_student(owned: Mapping[ObjectKey, Manifest], claimed: Container[ObjectKey]) -> Parts:
    """Sort what nobody wants by the student whose mark it carries; the guard's under ''."""
    parts: Parts = defaultdict(dict)
    for key, live in owned.items():
        if key not in claimed:
            name = (live["metadata"].get("labels") or {}).get(rendering.STUDENT, "")
            parts[name][key] = live
    return parts


def record_of(namespace: Manifest) -> Record | None:
    """Rebuild a student's record from the labels on their Namespace.

    None when it is not a student's Namespace, or when its labels were taken away.
    """
    metadata = namespace["metadata"]
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    try:
        until = labels.get(rendering.UNTIL)
        return Record(
            id=annotations[rendering.STUDENT_ID],
            name=labels[rendering.STUDENT],
            namespace=metadata["name"],
            wave=int(labels[rendering.WAVE]),
            generation=int(labels[rendering.GENERATION]),
            suspended=labels[rendering.SUSPENDED] == "true",
            until=date.fromisoformat(until) if until else None,
            quota=override.read_back(annotations.get(rendering.QUOTA, "")),
        )
    except (KeyError, ValueError):
        return None
