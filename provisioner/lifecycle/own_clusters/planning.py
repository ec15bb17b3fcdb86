"""Plan kind clusters: what is wanted held against what engines have. Nothing here does I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any

from ...cohort import Cohort, Record
from ...cohort.clusters import Berth
from ...kind.found import CLUSTER, COHORT, STUDENT, Found
from ...manifest import KIND_CLUSTER, Manifest, ObjectKey, as_object, key_of, kind_cluster
from ...plan import Live, Part, Plan
from ...plan.plan import compare_part, leaver
from .engines import Sight

ANEW = "a new cluster takes its place: what is in it goes"


def make_plan(
    cohort: Cohort,
    records: Mapping[str, Record],
    berths: Mapping[str, Berth],
    sight: Sight,
) -> Plan:
    """Return the steps that turn the clusters that are there into those that are wanted.

    Args:
        cohort: The cohort file.
        records: Every student that Practicum knows, by id; of dropped ones nothing stays.
        berths: Who is to have which cluster where, by the student's name.
        sight: What the engines have.
    """
    active = [record for record in records.values() if not record.dropped]
    wanted = {one.name: kind_cluster(cohort, one, berths[one.name]) for one in active}
    live = _live(cohort, berths, sight, wanted)
    parts = [
        _replacing(compare_part(one.name, [wanted[one.name]], live, {}, one)) for one in active
    ]
    parts += _leavers(cohort, records, berths, sight, {key_of(one) for one in wanted.values()})
    guard = Part(name="guard", action="same")
    return Plan(cohort=cohort.name, guard=guard, students=tuple(parts), records=records)


def _replacing(part: Part) -> Part:
    """Say plainly where the difference cannot be mended without a new cluster."""
    fixed = [line for line in part.changes if not line.endswith(" spec.running")]
    if part.action != "change" or not fixed:
        return part
    return replace(part, changes=(*part.changes, ANEW))


def is_anew(part: Part) -> bool:
    """Say whether a change makes a new cluster, and ends the one that is there."""
    return part.action == "change" and ANEW in part.changes


def _live(
    cohort: Cohort, berths: Mapping[str, Berth], sight: Sight, wanted: Mapping[str, Manifest]
) -> Live:
    owned, foreign = {}, {}
    for name, manifest in wanted.items():
        berth, key = berths[name], key_of(manifest)
        if berth.engine in sight.silent:
            foreign[key] = f"cannot be seen: {sight.silent[berth.engine]}"
            continue
        found = sight.found.get(berth.engine, {}).get(berth.cluster)
        if found and found.belongs_to(cohort.name, name):
            if found.nodes:
                owned[key] = described(cohort, name, found)
        elif found:
            foreign[key] = f"on {berth.engine} is somebody else's cluster; it is not touched"
    return Live(owned=owned, foreign=foreign)


def described(cohort: Cohort, name: str, found: Found) -> Manifest:
    """Return what runs in the form of what is wanted."""
    seen = found.as_wanted()
    spec: dict[str, Any] = {
        "image": seen.image,
        "workers": seen.workers,
        "ports": [asdict(port) for port in seen.ports],
        "address": seen.address,
        "server_port": seen.server_port,
        "names": list(seen.names),
        "running": found.runs,
        **({} if found.complete else {"complete": False}),
    }
    return as_object(cohort.name, name, found.name, spec)


def _leavers(
    cohort: Cohort,
    records: Mapping[str, Record],
    berths: Mapping[str, Berth],
    sight: Sight,
    wanted: Iterable[ObjectKey],
) -> list[Part]:
    """Plan the end of every cluster of the cohort that nobody is to have."""
    known = {record.name: record for record in records.values()}
    wanted = set(wanted)
    parts: dict[str, Part] = {}
    for found in (one for all_ in sight.found.values() for one in all_.values()):
        name = student_of(cohort, found)
        key = ObjectKey(KIND_CLUSTER, "", found.name)
        if name and key not in wanted:
            mine = {key: described(cohort, name, found)}
            parts[name] = leaver(name, mine, known.get(name))
    for name, berth in berths.items():
        record = known.get(name)
        gone = berth.dropped or (record is not None and not record.dropped)
        if not gone and name not in parts and berth.engine in sight.silent:
            why = f"{KIND_CLUSTER}/{berth.cluster} cannot be seen: {sight.silent[berth.engine]}"
            parts[name] = Part(name=name, action="foreign", changes=(why,), record=record)
    return [parts[name] for name in sorted(parts)]


def student_of(cohort: Cohort, found: Found) -> str:
    """Return whose a cluster is, by the student's name; empty when it is not the cohort's."""
    labels = found.labels or {}
    ours = labels.get(COHORT) == cohort.name and labels.get(CLUSTER) == found.name
    return labels.get(STUDENT, "") if ours else ""
