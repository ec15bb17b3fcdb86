"""Read a cohort: its files, what runs of it, and the plan between the two."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from .. import cluster
from .. import cohort as cohorts
from ..cohort import ClusterAccess, Cohort, Group, Record, Student, clusters, sections
from ..cohort import groups as group_file
from ..cohort import records as record_file
from ..errors import ClusterError, InputError
from ..manifest import GUARD, groups_part, stack_name
from ..plan import Live, Plan, group_of, make_plan, of_students, record_of, render
from ..settings import Settings
from . import identity, logins, pull_secrets
from . import target as targets
from .pull_secrets import NO_SOURCES, Sources
from .target import Target

if TYPE_CHECKING:
    from .ahead import Asked
    from .lab_hosts import Labs

WAVE_SIZE = 50
"""Students a Pulumi stack: of 25, 50 and 100, the quickest cold `up` of 300."""


@dataclass(frozen=True, kw_only=True)
class Overview(ABC):
    """A cohort as it is wanted and as it runs, at one moment, whatever its environments are."""

    cohort: Cohort
    students: Mapping[str, Student] = field(repr=False)
    """Those in the roster, by id."""

    known: Mapping[str, Record] = field(repr=False)
    """The records on file."""

    records: Mapping[str, Record] = field(repr=False)
    """The records as they are to be: joiners placed, leavers marked."""

    plan: Plan
    kept: Mapping[str, Record] = field(default_factory=dict, repr=False)
    """What was decided before this moment, on file or on the cluster."""

    only: frozenset[str] | None = None
    """Names of the students whom a run may touch; all when None."""

    left: int = 0
    """Students who differ, and are left for a later run."""

    known_groups: Mapping[str, Group] = field(default_factory=dict, repr=False)
    """The groups on file, by what the roster calls them."""

    groups: Mapping[str, Group] = field(default_factory=dict, repr=False)
    """The groups as they are to be."""

    labs: Labs | None = None
    """The lab hosts, where a run is about these too."""

    notes: tuple[str, ...] = ()
    """What a person should know who reads the plan."""

    @property
    def to_save(self) -> Mapping[str, Record]:
        """The records as a run may write them.

        Of whom it must not touch it writes nothing new: a leaver who was noted as dropped
        would be missing in the Pulumi program of the wave, and so be deleted by it.
        """
        if self.only is None:
            return self.records
        mine = {id: one for id, one in self.records.items() if one.name in self.only}
        others = {id: one for id, one in self.kept.items() if one.name not in self.only}
        return others | mine

    def title_of(self, name: str) -> str:
        """Return what the roster calls a group; the name when it is unknown."""
        return next((g.title for g in self.groups.values() if g.name == name), name)

    def id_of(self, name: str) -> str:
        """Return the roster's id of a student's name; the name when it is unknown."""
        return next((r.id for r in self.records.values() if r.name == name), name)

    def is_half(self, _name: str) -> bool:
        """Say whether a killed run left half an environment, in which nobody can have worked."""
        return False

    @abstractmethod
    def whoami(self) -> str:
        """Return who we are to what holds the environments."""


@dataclass(frozen=True, kw_only=True)
class Reading(Overview):
    """The same of a cohort whose students have namespaces of one cluster."""

    recorded: str = ""
    """UID of the cluster that the records name; empty before the first `up`."""

    target: Target
    client: cluster.Client
    found: cluster.Found
    live: Live
    sources: Sources = NO_SOURCES
    """Pull secrets that there are to copy."""

    @property
    def groups_to_save(self) -> Mapping[str, Group]:
        """The groups as a run may write them, for the same reason as the records."""
        if self.only is None:
            return self.groups
        mine = {part.group.title for part in self.plan.groups if part.group}
        others = {title: one for title, one in self.known_groups.items() if title not in mine}
        return others | {title: self.groups[title] for title in mine}

    @property
    def stacks(self) -> dict[str, str | int]:
        """The cohort's Pulumi stacks by name: the guard, and every wave by its part."""
        waves = sorted({record.wave for record in self.records.values()})
        shared = sorted({group.wave for group in self.groups.values()})
        parts: list[str | int] = [GUARD, *waves, *map(groups_part, shared)]
        return {stack_name(self.cohort.name, part): part for part in parts}

    def whoami(self) -> str:
        """Return who we are to the cluster.

        Raises:
            ClusterError: If it cannot be asked.
        """
        return cluster.whoami(self.client)


def records_path(cohort: Cohort) -> Path:
    """Return the file that holds what was decided for each student."""
    return cohort.folder / "students.json"


def target_of(cohort: Cohort, home: Path) -> Target:
    """Return the cluster that a cohort names; never the current context."""
    if not isinstance(cohort.cluster, ClusterAccess):
        return targets.rehearsal(home)
    return targets.own(cohort.cluster.kubeconfig, cohort.cluster.context)


def connect(cohort: Cohort, home: Path) -> tuple[Target, cluster.Client]:
    """Open the cluster of a cohort.

    Raises:
        InputError: If its students have a cluster each.
        ClusterError: If its kubeconfig cannot be used.
    """
    refuse_without_namespaces(cohort)
    target = target_of(cohort, home)
    if isinstance(cohort.cluster, str) and not target.kubeconfig.exists():
        raise ClusterError(
            f"The cohort {cohort.name} runs on the rehearsal, and none is up in {home}.",
            hint="Start it with: practicum rehearsal up",
        )
    return target, cluster.Client(cluster.load(target.kubeconfig, target.context))


def read(settings: Settings, name: str, *, adopting: bool = False) -> Reading:
    """Read a cohort's files and its cluster, and compare the two. Changes nothing.

    Args:
        settings: Folders and state backend.
        name: The cohort.
        adopting: Whether damaged records and another cluster are to be got over.

    Raises:
        InputError: If the cohort's files are wrong.
        ClusterError: If the cluster cannot be read, or is not the cohort's.
    """
    return of_cohort(settings, cohorts.load(settings.stacks, name), adopting=adopting)


def of_cohort(
    settings: Settings, cohort: Cohort, asked: Asked | None = None, *, adopting: bool = False
) -> Reading:
    """Read a cohort whose file was read, and whose cluster may have been asked; else as ``read``.

    Raises:
        InputError: If the cohort's files are wrong, or its students have no namespaces.
        ClusterError: If the cluster cannot be read, or is not the cohort's.
    """
    name = cohort.name
    refuse_without_namespaces(cohort)
    _refuse_left_clusters(cohort)
    students = {student.id: student for student in cohorts.load_students(cohort)}
    known, recorded = _on_file(cohort, adopting=adopting)
    target = target_of(cohort, settings.home)
    if asked and asked.target == target:
        client, found = asked.client, asked.listing.found()
    else:
        target, client = connect(cohort, settings.home)
        found = cluster.list_cohort(client, name)
    known_groups = group_file.load(group_file.file_of(cohort))
    if not adopting:
        identity.refuse_other(cohort, recorded, found.uid)
    compared = _compared(cohort, students, (known, known_groups), target, client, found)
    return replace(compared, recorded=recorded)


def refuse_without_namespaces(cohort: Cohort) -> None:
    """Stop a command that is about namespaces where students have a cluster each.

    Raises:
        InputError: If they have.
    """
    if cohort.kind:
        raise InputError(
            f"Every student of {cohort.name} has a kind cluster of their own, and this command is"
            " about namespaces of one cluster.",
            hint="docs/how-to/kind-clusters.md says what takes its place.",
        )


def _refuse_left_clusters(cohort: Cohort) -> None:
    """Stop where students have kind clusters of an earlier word of the cohort file.

    Raises:
        InputError: If some have.
    """
    if any(not berth.dropped for berth in clusters.load(cohort.clusters_file).values()):
        raise InputError(
            f"The students of {cohort.name} have kind clusters, and the cohort file says"
            " namespace now.",
            hint="Say `backend: kind` again, and take them down first: practicum down"
            f" {cohort.name}",
        )


def again(
    reading: Reading, students: Mapping[str, Student], known: Mapping[str, Record]
) -> Reading:
    """Compare what was read with another roster and other records, which are on no file yet.

    Raises:
        InputError: If two students claim one environment.
        ClusterError: If the cluster cannot be asked.
    """
    decided = known, reading.known_groups
    then = _compared(
        reading.cohort, students, decided, reading.target, reading.client, reading.found
    )
    return replace(then, known=reading.known, recorded=reading.recorded)


Some = TypeVar("Some", bound=Overview)


def narrowed(reading: Some, names: Iterable[str], *, left: int = 0) -> Some:
    """Return what concerns some students alone, by name, and the groups that they are in."""
    only = frozenset(names)
    some = replace(reading, plan=reading.plan.of(only), only=only, left=left)
    if not reading.plan.groups or not isinstance(reading, Reading):
        return some
    # Of everybody else a run knows what was decided before, and a group is made of that.
    cohort, groups = reading.cohort, reading.groups
    wanted = render(cohort, some.to_save, groups, reading.sources.versions)
    shared = make_plan(cohort, some.to_save, reading.live, groups, wanted).groups
    concerned = of_students(shared, reading.live, reading.records, only)
    return replace(some, plan=replace(some.plan, groups=concerned))


def _compared(
    cohort: Cohort,
    students: Mapping[str, Student],
    decided: tuple[Mapping[str, Record], Mapping[str, Group]],
    target: Target,
    client: cluster.Client,
    found: cluster.Found,
) -> Reading:
    known, known_groups = decided
    on_cluster = (record_of(namespace) for namespace in found.own_namespaces)
    told = {record.id: record for record in on_cluster if record}
    records = record_file.assign(known, list(students), cohort.name, WAVE_SIZE, told)
    closed = logins.closed(client, cohort, records, found)
    records = logins.with_logins(cohort, students, records, closed)
    records = sections.placed(cohort, students, records)
    shared = (group_of(namespace) for namespace in found.own_namespaces)
    groups = group_file.assign(
        known_groups,
        cohort,
        students.values(),
        WAVE_SIZE,
        {group.title: group for group in shared if group},
    )
    sources = pull_secrets.sources(client, cohort)
    wanted = render(cohort, records, groups, sources.versions)
    live = cluster.look_for_strangers(client, found, wanted.keys)
    live = pull_secrets.with_copies(client, found, live, wanted)
    return Reading(
        cohort=cohort,
        students=students,
        known=known,
        # Also of whom a run must not touch: without a login they would be rendered shut out.
        kept=logins.with_logins(
            cohort, students, record_file.present_records(known, students, told), closed
        ),
        records=records,
        known_groups=known_groups,
        groups=groups,
        target=target,
        client=client,
        found=found,
        live=live,
        sources=sources,
        notes=sources.notes,
        plan=make_plan(cohort, records, live, groups, wanted),
    )


def _on_file(cohort: Cohort, *, adopting: bool) -> tuple[Mapping[str, Record], str]:
    path = records_path(cohort)
    try:
        return record_file.load_all(path)
    except record_file.DamagedRecordsError:
        if adopting:
            return {}, ""
        raise
