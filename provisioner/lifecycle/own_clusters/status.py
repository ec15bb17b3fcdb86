"""Say how every student's cluster is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from ...credential import Standing
from ...plan import Part
from ...settings import Settings
from .. import journal
from ..access.desk import NOTHING
from ..hosts import report as host_report
from ..status import PHASES, Status, StudentStatus
from . import access, ends
from .reading import ClustersReading


def status(settings: Settings, reading: ClustersReading) -> Status:
    """Return a cohort at this moment, as for namespaces."""
    cohort, now = reading.cohort, datetime.now(UTC)
    standings = access.standings(settings, reading)
    return Status(
        cohort=cohort.name,
        server=where(reading),
        simulated=False,
        time=now,
        students=tuple(_student(reading, part, standings) for part in reading.plan.students),
        term=cohort.term,
        hosts=host_report.last(settings, cohort.name) if cohort.hosts else None,
        unfinished=journal.unfinished(settings, cohort.name),
        ending=ends.noted(settings, cohort, reading.records.values(), now),
    )


def where(reading: ClustersReading) -> str:
    """Return in a word where the clusters are."""
    return ", ".join(reading.sites) + " (kind)"


def _student(
    reading: ClustersReading, part: Part, standings: Mapping[str, Standing]
) -> StudentStatus:
    id = reading.id_of(part.name)
    student = reading.students.get(id)
    berth = reading.berths.get(part.name)
    return StudentStatus(
        id=id,
        namespace=berth.cluster if berth else str(part.surplus[0]["metadata"]["name"]),
        phase=_phase(reading, part),
        key=student.key.kind if student and student.key else "unkeyed",
        access=standings.get(part.name, NOTHING),
        changes=part.changes,
        until=part.record.until if part.record else None,
    )


def _phase(reading: ClustersReading, part: Part) -> str:
    berth = reading.berths.get(part.name)
    if part.action == "foreign" and berth and berth.engine in reading.sight.silent:
        return "unreachable"
    if part.action == "same" and part.record and part.record.suspended:
        return "suspended"
    return PHASES.get(part.action, part.action)
