"""Delete the clusters of a cohort, and prove that nothing of them is left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from ...cohort import clusters
from ...errors import PracticumError
from ...kind import locks
from ...kind.docker import Engine
from ...kind.found import COHORT, KINDS_LABEL, STUDENT
from ...settings import Settings
from .. import leftovers
from ..archives.kept import Archived
from ..backend import Ending
from ..interrupt import stopping
from ..progress import Progress
from ..receipt import Receipt
from . import keeping, up
from .engines import Site
from .reading import ClustersReading, stack_of
from .stacks import Stacks
from .status import where


def take_down(
    settings: Settings, reading: ClustersReading, held: int, progress: Progress, ending: Ending
) -> Receipt:
    """Archive and delete every cluster of a cohort; the caller keeps the receipt.

    Raises:
        InputError: If there is no key to archive with.
        MissingToolError: If a tool cannot be had.
        Interrupted: If a signal came; what was in flight has finished.
    """
    name, there = reading.cohort.name, everybody(reading)
    if ending.archive:
        keeping.refuse_without_key(reading, there)
    with Stacks.open(settings, reading, held, progress, needs_state=False) as stacks:
        ending.first()
        with (
            stacks.noted("down", reading.stacks) as noted,
            stopping(stacks.stop, progress.say),
        ):
            kept = Archived(cohort=name)
            if ending.archive and there:
                kept = keeping.keep(settings, reading, there, progress)
            volumes = {site.name: _volumes_or_why(reading, site) for site in reading.sites.values()}
            goes = [one for one in there if one not in kept.failed]
            rest = [one for one in reading.berths if one not in {*there, *kept.failed}]
            why = up.remove(reading, goes, stacks, noted, progress)
            why |= stacks.forget([one for one in rest if one not in _unseen(reading)], noted)
            stacks.workers.close()  # the proof takes a process of this run for one that was left
    progress.step("Searching the engines and this machine for what is left")
    receipt = _prove(settings, reading, volumes, kept, why)
    troubles = tuple(f"{reading.id_of(one)}: {reason}" for one, reason in why.items())
    removed = sum(one not in why for one in goes)
    if receipt.proved:
        gone = {one: replace(berth, dropped=True) for one, berth in reading.berths.items()}
        clusters.save(reading.cohort.clusters_file, gone)
    return replace(receipt, troubles=troubles, removed=removed)


def everybody(reading: ClustersReading) -> list[str]:
    """Return the names of all students of whom a cluster is there, also of those who left."""
    labels = (one.labels or {} for all_ in reading.sight.found.values() for one in all_.values())
    return sorted({told[STUDENT] for told in labels if told.get(COHORT) == reading.cohort.name})


def _unseen(reading: ClustersReading) -> set[str]:
    """Return the students of whom it is not known whether a cluster is there."""
    return {name for name, one in reading.berths.items()
            if one.engine in reading.sight.silent and not one.dropped}  # fmt: skip


def _volumes_or_why(reading: ClustersReading, site: Site) -> set[str] | PracticumError:
    """Return the volumes on an engine; one that has gone keeps the others from nothing."""
    try:
        return _volumes(reading, site)
    except PracticumError as error:
        return error


def _volumes(reading: ClustersReading, site: Site) -> set[str]:
    """Return the volumes that the cohort's nodes have on an engine."""
    found = reading.sight.found.get(site.name, {})
    names = everybody(reading)
    ours = [one for one in found.values()
            if any(one.belongs_to(reading.cohort.name, name) for name in names)]  # fmt: skip
    nodes = [node.name for one in ours for node in one.nodes]
    if not nodes:
        return set()
    told = site.engine.told("inspect", "--type", "container", *nodes)
    return {mount["Name"] for node in told for mount in node["Mounts"] if mount["Type"] == "volume"}


@dataclass(frozen=True, kw_only=True)
class _Search:
    """What was looked through on one engine, and what was found."""

    searched: Mapping[str, int] = field(default_factory=dict)
    remaining: tuple[str, ...] = ()
    version: str = ""
    unlisted: str = ""
    """Why the engine could not be searched."""


def _prove(
    settings: Settings,
    reading: ClustersReading,
    volumes: Mapping[str, set[str] | PracticumError],
    kept: Archived,
    failed: Iterable[str],
) -> Receipt:
    searches = [
        _searched(reading, site, volumes[site.name], done=not kept.failed)
        for site in reading.sites.values()
    ]
    here = leftovers.on_this_machine(settings, reading.cohort.name)
    here += leftovers.in_bucket(settings, (stack_of(reading.cohort, name) for name in failed))
    return Receipt(
        cohort=reading.cohort.name,
        server=where(reading),
        cluster="",
        version="; ".join(search.version for search in searches if search.version),
        time=datetime.now(UTC),
        removed=0,
        what="cluster",
        searched={what: count for search in searches for what, count in search.searched.items()},
        remaining=(*(one for search in searches for one in search.remaining), *here),
        unlisted=tuple(search.unlisted for search in searches if search.unlisted),
        archived=kept,
    )


def _searched(
    reading: ClustersReading, site: Site, volumes: set[str] | PracticumError, *, done: bool
) -> _Search:
    """Search one engine; where nothing is left and all was done, our locks go from there too."""
    try:
        found = _search(reading, site, _told(volumes))
        version = f"{site.name}: Docker {site.engine.require()}"
    except PracticumError as error:
        return _Search(unlisted=f"{site}: {error.message}")
    if done and not found.remaining:
        names = (berth.cluster for berth in reading.berths.values())
        locks.left(site.engine, names, remove=True)
    on_it = {f"{what} on {site.name}": count for what, count in found.searched.items()}
    return replace(found, searched=on_it, version=version)


def _told(volumes: set[str] | PracticumError) -> set[str]:
    if isinstance(volumes, PracticumError):
        raise volumes
    return volumes


def _search(reading: ClustersReading, site: Site, volumes: set[str]) -> _Search:
    """Look through all that an engine has, by our labels and by the names that we gave."""
    mine = _named_by_us(reading, site)
    tab = "\t"
    labelled = "".join(("{{.Label ", f'"{KINDS_LABEL}"', "}}", tab, "{{.Names}}"))
    marked = "".join(("{{.Label ", f'"{COHORT}"', "}}", tab, "{{.Name}}"))
    containers = _rows(site.engine, "ps", "--all", "--format", labelled)
    networks = _rows(site.engine, "network", "ls", "--format", marked)
    there = _rows(site.engine, "volume", "ls", "--format", "{{.Name}}")
    left = [f"container {row[1]} on {site.name}" for row in containers if row[0] in mine]
    left += [
        f"network {row[1]} on {site.name}" for row in networks if row[0] == reading.cohort.name
    ]
    left += [f"volume {row[0]} on {site.name}" for row in there if row[0] in volumes]
    counts = {"containers": len(containers), "networks": len(networks), "volumes": len(there)}
    return _Search(searched=counts, remaining=tuple(left))


def _named_by_us(reading: ClustersReading, site: Site) -> set[str]:
    """Return the names of the cohort's clusters, less those that are somebody else's."""
    found = reading.sight.found.get(site.name, {}).values()
    ours = {one.name for one in found if (one.labels or {}).get(COHORT) == reading.cohort.name}
    given = {one.cluster for one in reading.berths.values() if one.engine == site.name}
    return ours | (given - {one.name for one in found})


def _rows(engine: Engine, *command: str) -> list[list[str]]:
    told = engine.run(*command).splitlines()
    return [line.split("\t") for line in told if line.strip()]
