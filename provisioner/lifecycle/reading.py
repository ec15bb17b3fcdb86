"""Read a cohort: its files, what runs of it, and the plan between the two."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .. import cluster
from .. import cohort as cohorts
from ..cohort import Cohort, Group, Record, Student, clusters, enrolment, sections
from ..cohort import groups as group_file
from ..cohort import records as record_file
from ..errors import InputError
from ..manifest import GUARD, groups_part, stack_name
from ..plan import Live, group_of, make_plan, of_students, record_of, render
from ..settings import Settings
from . import identity, pull_secrets
from . import target as targets
from .access import logins
from .overview import WAVE_SIZE, Overview, Some
from .pull_secrets import NO_SOURCES, Sources
from .target import Target

if TYPE_CHECKING:
    from .ahead import Asked


@dataclass(frozen=True, kw_only=True)
class Files:
    """What the files of a cohort say."""

    cohort: Cohort
    students: Mapping[str, Student]
    records: Mapping[str, Record]
    groups: Mapping[str, Group]
    cluster: str = ""
    """UID of the cluster that the records name; empty before the first `up`."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the cluster of a cohort says."""

    target: Target
    client: cluster.Client
    found: cluster.Found


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
    settings: Settings,
    cohort: Cohort,
    asked: Asked | None = None,
    *,
    adopting: bool = False,
    needs_students: bool = True,
) -> Reading:
    """Read a cohort whose file was read, and whose cluster may have been asked; else as ``read``.

    Args:
        settings: Folders and state backend.
        cohort: What its file says.
        asked: What its cluster was asked beforehand.
        adopting: Whether damaged records and another cluster are to be got over.
        needs_students: Whether somebody must be in the roster.

    Raises:
        InputError: If the cohort's files are wrong, or its students have no namespaces.
        ClusterError: If the cluster cannot be read, or is not the cohort's.
    """
    targets.refuse_without_namespaces(cohort)
    _refuse_left_clusters(cohort)
    files = _read_files(cohort, adopting=adopting, needs_students=needs_students)
    answer = _read_cluster(settings, cohort, asked)
    if not adopting:
        identity.refuse_other(cohort, files.cluster, answer.found.uid)
    return _compared(files, answer)


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


def _read_files(cohort: Cohort, *, adopting: bool, needs_students: bool) -> Files:
    students = cohorts.students_by_id(cohort, needed=needs_students)
    try:
        records, uid = record_file.load_all(cohort.records_file)
    except record_file.DamagedRecordsError:
        if not adopting:
            raise
        records, uid = {}, ""
    groups = group_file.load(group_file.file_of(cohort))
    return Files(cohort=cohort, students=students, records=records, groups=groups, cluster=uid)


def _read_cluster(settings: Settings, cohort: Cohort, asked: Asked | None) -> Answer:
    """Ask the cluster, where nobody has; what was asked of another one does not count."""
    if asked and asked.target == targets.of(cohort, settings.home):
        return Answer(target=asked.target, client=asked.client, found=asked.listing.found())
    target, client = targets.connect(cohort, settings.home)
    return Answer(target=target, client=client, found=cluster.list_cohort(client, cohort.name))


def again(
    reading: Reading, students: Mapping[str, Student], known: Mapping[str, Record]
) -> Reading:
    """Compare what was read with another roster and other records, which are on no file yet.

    Raises:
        InputError: If two students claim one environment.
        ClusterError: If the cluster cannot be asked.
    """
    files = Files(
        cohort=reading.cohort,
        students=students,
        records=known,
        groups=reading.known_groups,
        cluster=reading.recorded,
    )
    answer = Answer(target=reading.target, client=reading.client, found=reading.found)
    return replace(_compared(files, answer), known=reading.known)


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


def _compared(files: Files, answer: Answer) -> Reading:
    cohort, client, found = files.cohort, answer.client, answer.found
    records, kept = _enrolled(files, answer)
    groups = _grouped(files, found)
    sources = pull_secrets.sources(client, cohort)
    wanted = render(cohort, records, groups, sources.versions)
    live = cluster.look_for_strangers(client, found, wanted.keys)
    live = pull_secrets.with_copies(client, found, live, wanted)
    return Reading(
        cohort=cohort,
        students=files.students,
        known=files.records,
        kept=kept,
        records=records,
        known_groups=files.groups,
        groups=groups,
        recorded=files.cluster,
        target=answer.target,
        client=client,
        found=found,
        live=live,
        sources=sources,
        notes=sources.notes,
        plan=make_plan(cohort, records, live, groups, wanted),
    )


def _enrolled(files: Files, answer: Answer) -> tuple[dict[str, Record], dict[str, Record]]:
    """Return the records as they are to be, and as they were decided before."""
    cohort, students, known = files.cohort, files.students, files.records
    labelled = (record_of(namespace) for namespace in answer.found.own_namespaces)
    on_cluster = {record.id: record for record in labelled if record}
    records = enrolment.assign(known, list(students), cohort.name, WAVE_SIZE, on_cluster)
    closed = logins.closed(answer.client, cohort, records, answer.found)
    records = logins.with_logins(cohort, students, records, closed)
    # Also of whom a run must not touch: without a login they would be rendered shut out.
    before = enrolment.present_records(known, students, on_cluster)
    kept = logins.with_logins(cohort, students, before, closed)
    return sections.placed(cohort, students, records), kept


def _grouped(files: Files, found: cluster.Found) -> dict[str, Group]:
    """Return the groups as they are to be."""
    labelled = (group_of(namespace) for namespace in found.own_namespaces)
    on_cluster = {group.title: group for group in labelled if group}
    return group_file.assign(
        files.groups, files.cohort, files.students.values(), WAVE_SIZE, on_cluster
    )
