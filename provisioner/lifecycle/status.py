"""Show every student's environment and access as they are now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from .. import credential
from ..cohort import Term
from ..credential import Standing
from ..plan import Part
from ..settings import Settings
from . import backend, journal, usage
from .access import sweeping
from .access.desk import NOTHING
from .hosts import report as host_report
from .hosts.report import LastRun
from .journal import Unfinished
from .reading import Reading

PHASES = {"same": "ready", "change": "differs", "create": "missing", "remove": "leaving"}
"""What a person is told of a plan's action; ``foreign`` stays what it is."""


@dataclass(frozen=True, kw_only=True)
class StudentStatus:
    """One student's environment and credential."""

    id: str
    namespace: str
    phase: str
    """ready, suspended, differs, missing, leaving, ending or foreign."""

    key: str
    """Kind of their public key, or ``unkeyed``."""

    access: Standing = NOTHING
    quota: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Used and hard, by quota key."""

    changes: tuple[str, ...] = ()
    until: date | None = None
    """The last day with access, where it is the student's own."""


@dataclass(frozen=True, kw_only=True)
class GroupStatus:
    """One group's environment."""

    group: str
    """As the roster has it."""

    namespace: str
    phase: str
    """As a student's."""

    members: tuple[str, ...] = ()
    """Ids."""

    quota: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Status:
    """A cohort at one moment."""

    cohort: str
    server: str
    simulated: bool
    """Whether it runs on a rehearsal, where no pod ever runs a container."""

    time: datetime
    students: tuple[StudentStatus, ...]
    term: Term | None = None
    groups: tuple[GroupStatus, ...] = ()
    hosts: LastRun | None = None
    """The lab hosts, as the last run from this home left them: no host is asked."""

    unfinished: Unfinished | None = None
    """The last run from this home, if it did not say that it ended."""

    ending: Mapping[str, datetime] = field(default_factory=dict)
    """When access ends that does so before the term, or soon, by id: of no token does it."""


def status(settings: Settings, name: str, *, say: Callable[[str], None] = lambda _: None) -> Status:
    """Read a cohort's state from the cluster.

    It changes nothing, but for old credentials whose overlap is over: they are ended. What
    students have reserved is kept as a sample for `report`.

    Raises:
        InputError: If the cohort's files are wrong.
        ClusterError: If the cluster cannot be read.
        MissingToolError: If no container engine answers.
    """
    reading = backend.read(settings, name, needs_students=False)
    return backend.of(reading.cohort).status(settings, reading, say)


def of_namespaces(settings: Settings, reading: Reading, say: Callable[[str], None]) -> Status:
    """Say how the students' namespaces and tokens are.

    Raises:
        ClusterError: If the cluster cannot be read.
    """
    name = reading.cohort.name
    usage.sample_on_the_way(settings, reading, say)
    standings: dict[str, Standing] = {}
    if reading.is_up:
        sweeping.sweep_quietly(settings, reading, say)
        standings = credential.standings(reading.client, name)
    return Status(
        cohort=name,
        server=reading.client.access.server,
        simulated=isinstance(reading.cohort.cluster, str),
        time=datetime.now(UTC),
        students=tuple(_student(reading, part, standings) for part in reading.plan.students),
        term=reading.cohort.term,
        groups=tuple(_group(reading, part) for part in reading.plan.groups),
        hosts=host_report.last(settings, name) if reading.cohort.hosts else None,
        unfinished=journal.unfinished(settings, name),
    )


def _group(reading: Reading, part: Part) -> GroupStatus:
    namespace = part.group.namespace if part.group else _namespace(part)
    return GroupStatus(
        group=part.group.title if part.group else part.name,
        namespace=namespace,
        phase=_phase(reading, part, namespace),
        members=part.group.members if part.group else (),
        quota=usage.quota_of(reading, namespace),
        changes=part.changes,
    )


def _student(reading: Reading, part: Part, standings: Mapping[str, Standing]) -> StudentStatus:
    id = reading.id_of(part.name)
    student = reading.students.get(id)
    namespace = part.record.namespace if part.record else _namespace(part)
    return StudentStatus(
        id=id,
        namespace=namespace,
        phase=_phase(reading, part, namespace),
        key=student.key.kind if student and student.key else "unkeyed",
        access=_access(reading, part.name, standings),
        quota=usage.quota_of(reading, namespace),
        changes=part.changes,
        until=part.record.until if part.record else None,
    )


def _access(reading: Reading, name: str, standings: Mapping[str, Standing]) -> Standing:
    standing = standings.get(name, NOTHING)
    return replace(standing, login="oidc") if reading.cohort.oidc else standing


def _phase(reading: Reading, part: Part, namespace: str) -> str:
    live = reading.found.namespaces.get(namespace, {"metadata": {}})
    if live["metadata"].get("deletionTimestamp"):
        return "ending"
    if part.action == "same" and part.record and part.record.suspended:
        return "suspended"
    return PHASES.get(part.action, part.action)


def _namespace(part: Part) -> str:
    names = [live["metadata"]["name"] for live in part.surplus if live["kind"] == "Namespace"]
    return names[0] if names else ""
