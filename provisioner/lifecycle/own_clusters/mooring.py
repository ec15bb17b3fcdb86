"""Who has which cluster, where no file says so, or not yet: read off what engines have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ...cohort import Cohort, Record
from ...cohort.clusters import Berth
from ...kind.found import Found
from .engines import Sight, Site
from .planning import student_of


def moored(cohort: Cohort, berths: Mapping[str, Berth], sight: Sight) -> set[str]:
    """Return whose cluster is there, or on an engine that does not say."""
    return {
        name
        for name, berth in berths.items()
        if berth.engine in sight.silent
        or ((found := sight.found.get(berth.engine, {}).get(berth.cluster)) and found.nodes
            and found.belongs_to(cohort.name, name))
    }  # fmt: skip


def bound(found: Iterable[Found]) -> set[int]:
    """Return the host ports that some clusters have."""
    return {port for one in found for port in one.host_ports}


def told_by_engines(
    cohort: Cohort, records: Mapping[str, Record], sight: Sight
) -> dict[str, Berth]:
    """Read off the engines who has what: the file may be lost."""
    ids = {record.name: record.id for record in records.values()}
    told = {}
    for engine, found in sight.found.items():
        for one in found.values():
            name = student_of(cohort, one)
            if name in ids and one.first:
                seen = one.as_wanted()
                told[name] = Berth(
                    name=name,
                    id=ids[name],
                    engine=engine,
                    cluster=one.name,
                    image=seen.image,
                    server_port=seen.server_port,
                    ports=tuple((port.host, port.node) for port in seen.ports),
                )
    return told


def with_images(
    berths: Mapping[str, Berth], there: Mapping[str, Site], sight: Sight
) -> dict[str, Berth]:
    """Decide of which image a cluster is made that never was: then it stays with that one."""
    open_ = {one.engine for one in berths.values() if not one.image and not one.dropped}
    images = {name: there[name].image() for name in open_ & sight.found.keys()}
    return {
        name: one if one.image else replace(one, image=images.get(one.engine, ""))
        for name, one in berths.items()
    }


def with_made(berths: Mapping[str, Berth], cohort: Cohort, sight: Sight) -> dict[str, Berth]:
    """Note which clusters were seen whole: a later look may not see it."""
    whole = {
        (engine, one.name): one.first.id
        for engine, found in sight.found.items()
        for one in found.values()
        if one.complete and one.first and student_of(cohort, one)
    }
    return {
        name: replace(one, made=whole.get((one.engine, one.cluster), one.made))
        for name, one in berths.items()
    }
