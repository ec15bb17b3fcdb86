"""Put the plan of a whole cohort together from its parts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from datetime import date

from .. import manifest as rendering
from ..cohort import Cohort, Group, Record, override
from ..manifest import Manifest, ObjectKey, key_of
from .groups import groups_wanted, plan_groups
from .plan import Live, Part, Plan, compare_part, leaver

Parts = dict[str, dict[ObjectKey, Manifest]]


def make_plan(
    cohort: Cohort,
    records: Mapping[str, Record],
    live: Live,
    groups: Mapping[str, Group] | None = None,
) -> Plan:
    """Return the steps that turn what runs into what is wanted.

    Args:
        cohort: The cohort file.
        records: Every student that Practicum knows, by id; dropped ones are removed.
        live: What was found on the cluster.
        groups: Every group that Practicum knows, by title; None: leave groups as they are.
    """
    active = {record.name: record for record in records.values() if not record.dropped}
    wanted = {name: rendering.environment(cohort, record) for name, record in active.items()}
    shared = rendering.guard(cohort)
    together = groups_wanted(cohort, records, groups or {})
    all_wanted = (shared, *wanted.values(), *together.values())
    claimed = {key_of(manifest) for part in all_wanted for manifest in part}
    # By key first: a label that somebody changed must not make it anybody's surplus.
    loose = _by_student(live.owned, claimed)
    guard = compare_part("guard", shared, live, loose.pop("", {}))
    students = [
        compare_part(name, manifests, live, loose.pop(name, {}), active[name])
        for name, manifests in wanted.items()
    ]
    shares = plan_groups(together, groups, live, loose)
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


def wanted_keys(
    cohort: Cohort, records: Mapping[str, Record], groups: Mapping[str, Group] | None = None
) -> list[ObjectKey]:
    """List the key of every object that the cohort wants."""
    wanted = rendering.guard(cohort)
    for record in records.values():
        if not record.dropped:
            wanted += rendering.environment(cohort, record)
    for manifests in groups_wanted(cohort, records, groups or {}).values():
        wanted += manifests
    return [key_of(manifest) for manifest in wanted]


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
