"""Render a cohort's manifests without a cluster."""

from __future__ import annotations

from collections.abc import Mapping

from .. import cohort as cohorts
from .. import manifest
from ..cohort import Cohort, Record, Student, enrolment, sections
from ..cohort import groups as group_file
from ..cohort import records as record_file
from ..errors import InputError, Problem
from ..manifest import Manifest
from ..settings import Settings
from .access import logins
from .overview import WAVE_SIZE
from .target import refuse_without_namespaces


def authentication(settings: Settings, name: str) -> Manifest:
    """Return what the API server must be told of a cohort's login.

    Raises:
        InputError: If the files are wrong, or students have tokens of ours.
    """
    cohort = cohorts.load(settings.stacks, name)
    refuse_without_namespaces(cohort)
    if cohort.oidc is None:
        raise InputError(
            f"The students of {name} do not log in with the school's account.",
            hint="In cohort.yaml: auth: {oidc: {issuer: …, client_id: …}}",
        )
    return manifest.authentication(cohort.oidc, cohort.oidc.read_ca())


def render(settings: Settings, name: str, student: str | None = None) -> list[Manifest]:
    """Return what a cohort, or one student of it, is to have on the cluster.

    Args:
        settings: Folders.
        name: The cohort.
        student: A student's id; the guard and all students when None.

    Raises:
        InputError: If the files are wrong, or the student is unknown.
    """
    cohort = cohorts.load(settings.stacks, name)
    refuse_without_namespaces(cohort)
    students = cohorts.students_by_id(cohort)
    if student is not None and student not in students:
        raise InputError(
            f"A student is not in the roster of {name}:",
            problems=[Problem(student, "is not in the roster")],
        )
    records = _records(cohort, students)
    if student is not None:
        return manifest.environment(cohort, records[student])
    known = group_file.load(group_file.file_of(cohort))
    groups = group_file.assign(known, cohort, students.values(), WAVE_SIZE)
    present = [group for group in groups.values() if not group.dropped]
    return [
        *manifest.guard(cohort),
        *(one for id in students for one in manifest.environment(cohort, records[id])),
        *(one for group in present for one in manifest.group(cohort, group, records)),
    ]


def _records(cohort: Cohort, students: Mapping[str, Student]) -> dict[str, Record]:
    """Return the records as an `up` would make them of the files alone."""
    known = record_file.load(cohort.records_file)
    records = enrolment.assign(known, list(students), cohort.name, WAVE_SIZE)
    closed = {record.name for record in records.values() if record.revoked}
    records = logins.with_logins(cohort, students, records, closed)
    return sections.placed(cohort, students, records)
