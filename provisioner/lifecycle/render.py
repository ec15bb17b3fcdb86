"""Render a cohort's manifests without a cluster."""

from __future__ import annotations

from .. import cohort as cohorts
from .. import manifest
from ..cohort import records as record_file
from ..errors import InputError, Problem
from ..manifest import Manifest
from ..settings import Settings
from .reading import WAVE_SIZE, records_path


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
    ids = [found.id for found in cohorts.load_students(cohort)]
    if student is not None and student not in ids:
        raise InputError(
            f"A student is not in the roster of {name}:",
            problems=[Problem(student, "is not in the roster")],
        )
    records = record_file.assign(record_file.load(records_path(cohort)), ids, name, WAVE_SIZE)
    chosen = ids if student is None else [student]
    shared = manifest.guard(cohort) if student is None else []
    return shared + [o for id in chosen for o in manifest.environment(cohort, records[id])]
