"""Read a cohort whose students have kind clusters: its files, its engines, and the plan."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ... import cohort as cohorts
from ... import quantity
from ...cohort import Cohort, Record, Student, clusters, enrolment, sections
from ...cohort import records as record_file
from ...cohort.clusters import Berth
from ...errors import InputError, PracticumError
from ...kind.found import Found
from ...manifest import cluster_part, stack_name
from ...settings import Settings
from ..overview import WAVE_SIZE, Overview
from . import engines, mooring
from .engines import Sight, Site
from .planning import make_plan

NO_ISOLATION = (
    "A kind cluster gives no isolation from the host it runs on: its nodes are privileged"
    " containers, and whoever has its admin's kubeconfig can become root there."
)


@dataclass(frozen=True, kw_only=True)
class Files:
    """What the files of a cohort say."""

    cohort: Cohort
    students: Mapping[str, Student]
    records: Mapping[str, Record]
    berths: Mapping[str, Berth]


@dataclass(frozen=True, kw_only=True)
class ClustersReading(Overview):
    """A cohort as it is wanted and as it runs, each student in a cluster of their own."""

    berths: Mapping[str, Berth] = field(repr=False)
    """Who is to have which cluster and where, by the student's name."""

    known_berths: Mapping[str, Berth] = field(repr=False)
    """The same on file."""

    sites: Mapping[str, Site]
    sight: Sight = field(repr=False)
    room: Mapping[str, int] = field(default_factory=dict)
    """Bytes of free memory by engine; asked only where a cluster is to be made."""

    @property
    def stacks(self) -> dict[str, str]:
        """The cohort's Pulumi stacks, each with its student's name."""
        return {stack_of(self.cohort, name): name for name in self.berths}

    @property
    def berths_to_save(self) -> Mapping[str, Berth]:
        """What a run may write of the clusters: of whom it must not touch, nothing new."""
        if self.only is None:
            return self.berths
        mine = {name: berth for name, berth in self.berths.items() if name in self.only}
        return {**self.known_berths, **mine}

    def cluster(self, name: str) -> Found | None:
        """Return what there is of a student's cluster, given the student's name."""
        berth = self.berths.get(name)
        found = self.sight.found.get(berth.engine, {}).get(berth.cluster) if berth else None
        if not found or not found.belongs_to(self.cohort.name, name):
            return None
        return replace(found, complete=found.complete or _was_made(berth, found))

    def is_half(self, name: str) -> bool:
        """Say whether a student's cluster never was whole, whatever its node says by now."""
        found = self.cluster(name)
        return bool(found and found.nodes and not found.complete)

    def places(self, name: str) -> list[tuple[str, Found]]:
        """Return every cluster of a student, wherever it is, with its engine."""
        return [
            (engine, cluster)
            for engine, found in self.sight.found.items()
            for cluster in found.values()
            if cluster.belongs_to(self.cohort.name, name)
        ]

    def site(self, name: str) -> Site:
        """Return the engine of a student's cluster, given the student's name."""
        return self.sites[self.berths[name].engine]

    def whoami(self) -> str:
        """Return who we are on this machine: an engine knows no users."""
        return f"{getpass.getuser()}@{socket.gethostname()}"


def _was_made(berth: Berth | None, found: Found) -> bool:
    """Say whether a cluster was whole once, whatever is in its node now."""
    first = found.first
    return bool(berth and berth.made and first and first.id == berth.made)


def stack_of(cohort: Cohort, name: str) -> str:
    """Return the Pulumi stack of one student's cluster, given the student's name."""
    return stack_name(cohort.name, cluster_part(name))


def read(cohort: Cohort, *, needs_students: bool = True) -> ClustersReading:
    """Read a cohort's files and its engines, and compare the two. Changes nothing.

    Args:
        cohort: What its file says.
        needs_students: Whether somebody must be in the roster.

    Raises:
        InputError: If the cohort's files are wrong.
        MissingToolError: If no engine answers.
    """
    students = cohorts.students_by_id(cohort, needed=needs_students)
    known, namespaces_on = record_file.load_all(cohort.records_file)
    if namespaces_on:
        raise InputError(
            f"The students of {cohort.name} have namespaces, and the cohort file says kind now.",
            hint="Say `backend: namespace` again, and take them down first: practicum down"
            f" {cohort.name}",
        )
    berths = clusters.load(cohort.clusters_file)
    sites = engines.sites(cohort)
    sight = engines.look(sites, (berth.engine for berth in berths.values() if not berth.dropped))
    files = Files(cohort=cohort, students=students, records=known, berths=berths)
    return compared(files, sites, sight)


def again(
    reading: ClustersReading, students: Mapping[str, Student], known: Mapping[str, Record]
) -> ClustersReading:
    """Compare what was read with another roster and other records, which are on no file yet.

    Raises:
        InputError: If there is no port left for somebody.
    """
    files = Files(
        cohort=reading.cohort, students=students, records=known, berths=reading.known_berths
    )
    return replace(compared(files, reading.sites, reading.sight), known=reading.known)


def compared(files: Files, sites: Mapping[str, Site], sight: Sight) -> ClustersReading:
    """Compare what the files say with what was seen on the engines.

    Raises:
        InputError: If there is no port left for somebody.
    """
    cohort, students = files.cohort, files.students
    records = enrolment.assign(files.records, list(students), cohort.name, WAVE_SIZE)
    records = sections.placed(cohort, students, records)
    berths, room = _berthed(files, records, sites, sight)
    records = {id: _named(record, berths) for id, record in records.items()}
    plan = make_plan(cohort, records, berths, sight)
    if plan.having("create") and not room:
        room = _room(sites, sight)
    return ClustersReading(
        cohort=cohort,
        students=students,
        known=files.records,
        kept=enrolment.present_records(files.records, students),
        records=records,
        plan=plan,
        berths=berths,
        known_berths=files.berths,
        sites=sites,
        sight=sight,
        room=room,
        notes=(NO_ISOLATION, *sight.silent.values()),
    )


def _berthed(
    files: Files, records: Mapping[str, Record], sites: Mapping[str, Site], sight: Sight
) -> tuple[dict[str, Berth], dict[str, int]]:
    """Return who is to have which cluster, and the free memory where it had to be asked for."""
    cohort = files.cohort
    known = {**mooring.told_by_engines(cohort, records, sight), **files.berths}
    room = _room(sites, sight) if _has_newcomer(records.values(), known) else {}
    memory = int(quantity.parse(cohort.kind.memory)) if cohort.kind else 1
    berths = clusters.assign(
        known,
        cohort,
        records.values(),
        {engine: free // memory for engine, free in room.items()},
        moored=mooring.moored(cohort, known, sight),
        bound={engine: mooring.bound(found.values()) for engine, found in sight.found.items()},
    )
    return mooring.with_made(mooring.with_images(berths, sites, sight), cohort, sight), room


def _named(record: Record, berths: Mapping[str, Berth]) -> Record:
    """Say in a student's record what the environment is called."""
    berth = berths.get(record.name)
    return replace(record, namespace=berth.cluster) if berth else record


def _has_newcomer(records: Iterable[Record], berths: Mapping[str, Berth]) -> bool:
    return any(record.name not in berths for record in records if not record.dropped)


def _room(sites: Mapping[str, Site], sight: Sight) -> dict[str, int]:
    """Ask the engines that answered for the memory that is free."""
    free = {}
    for name in sight.found:
        try:
            free[name] = sites[name].engine.free_memory()
        except PracticumError:
            continue  # of an engine that tells nothing, nothing can be promised or refused
    return free


def reread(settings: Settings, reading: ClustersReading) -> ClustersReading:
    """Read the same cohort anew.

    Raises:
        PracticumError: As ``read``.
    """
    return read(cohorts.load(settings.stacks, reading.cohort.name))
