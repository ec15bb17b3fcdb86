"""Will a class of clusters fit: memory, cores, inotify and disk of every engine's machine."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

from ... import quantity
from ...capacity import Amounts, Demand, Need, Place, Room, weigh
from ...cohort.kind import Kind
from ...errors import PracticumError
from ...kind import machine
from ...kind.machine import Machine
from ..capacity import Capacity, Words, expected
from .engines import Site
from .reading import ClustersReading

MEMORY, CPU, DISK = "requests.memory", "requests.cpu", "requests.ephemeral-storage"
INSTANCES, WATCHES = "inotify instances", "inotify watches"
IDLE = Decimal("0.1")
"""Cores that a cluster takes while nobody works in it (measured)."""

WORDS = Words(
    place="engine",
    part="a cluster",
    note="requests.cpu: what clusters take while nobody works in them; what students run in"
    " them comes on top",
    ways={
        MEMORY: "more memory, or another engine under kind.engines",
        CPU: "more cores, or another engine under kind.engines",
        DISK: "free some disk where the engine keeps its files (docker system df)",
        INSTANCES: "on the engine's machine, for as long as it runs:"
        " sysctl fs.inotify.max_user_instances=1024",
        WATCHES: "on the engine's machine, for as long as it runs:"
        " sysctl fs.inotify.max_user_watches=524288",
    },
)


def capacity(reading: ClustersReading, at_once: int | None) -> Capacity:
    """Say whether a class fits; the clusters that it has already are not counted as others'.

    Raises:
        InputError: If nobody is to be counted.
    """
    kind, name = reading.cohort.kind, reading.cohort.name
    assert kind is not None
    active = [one for one in reading.records.values() if not one.dropped]
    counted = [one for one in active if not one.suspended]
    need = need_of(kind)
    room = Room(places=tuple(_places(reading, need)))
    count = expected(name, at_once, len(counted))
    demand = Demand(students=(need,) * len(counted), another=need)
    return Capacity(
        cohort=name,
        students=len(counted),
        suspended=len(active) - len(counted),
        simulated=False,
        room=room,
        answer=weigh(demand, room, count, whole=True),
        words=WORDS,
    )


def need_of(kind: Kind) -> Need:
    """Return what one cluster takes; all of it lies on one machine."""
    nodes = 1 + kind.workers
    amounts: Amounts = {
        MEMORY: quantity.parse(kind.memory),
        CPU: IDLE * nodes,
        INSTANCES: Decimal(machine.INSTANCES + machine.OF_A_WORKER * kind.workers),
        WATCHES: Decimal(machine.WATCHES * nodes),
        DISK: Decimal(machine.DISK * nodes),
    }
    return Need(amounts=amounts, largest=amounts)


def _places(reading: ClustersReading, need: Need) -> list[Place]:
    sites = [*reading.sites.values()]
    with ThreadPoolExecutor(len(sites)) as threads:
        return list(threads.map(lambda site: _place(reading, site, need), sites))


def _place(reading: ClustersReading, site: Site, need: Need) -> Place:
    why = reading.sight.silent.get(site.name, "")
    try:
        found = None if why else machine.look(site.engine, _image(reading, site))
    except PracticumError as error:
        found, why = None, error.message.rstrip(".")
    if found is None:
        return Place(name=site.name, has={}, left_out=why)
    return Place(name=site.name, has=has(found), used=used(found, _ours(reading, site), need))


def has(found: Machine) -> Amounts:
    """Return what a machine has, whoever uses it."""
    return {
        MEMORY: Decimal(found.memory),
        CPU: Decimal(found.cores),
        INSTANCES: Decimal(found.instances),
        WATCHES: Decimal(found.watches),
        DISK: Decimal(found.disk),
    }


def used(found: Machine, ours: int, need: Need) -> Amounts:
    """Return what others use of a machine; what some running clusters of ours take is not theirs."""
    taken: Mapping[str, int] = {
        MEMORY: found.memory - found.free,
        INSTANCES: found.held,
        DISK: found.disk - found.disk_free,
    }
    return {
        key: max(Decimal(0), Decimal(amount) - ours * need.amounts[key])
        for key, amount in taken.items()
    }


def _ours(reading: ClustersReading, site: Site) -> int:
    """Count the clusters of the cohort that run on an engine now."""
    return sum(
        bool(found and found.running and reading.berths[name].engine == site.name)
        for name in reading.berths
        if (found := reading.cluster(name))
    )


def _image(reading: ClustersReading, site: Site) -> str:
    kind = reading.cohort.kind
    return (kind.image if kind else None) or site.image()
