"""Labels and annotations that say whose an object is.

The cohort label is the mark of ownership: Practicum changes and deletes only what
carries it. The Namespace also carries the student's record, so that a lost
``students.json`` can be rebuilt from the cluster. Names of people are never written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..cohort import Record, override

PREFIX = "practicum.dev/"
COHORT = PREFIX + "cohort"
STUDENT = PREFIX + "student"
WAVE = PREFIX + "wave"
GENERATION = PREFIX + "generation"
SUSPENDED = PREFIX + "suspended"
UNTIL = PREFIX + "until"
STUDENT_ID = PREFIX + "student-id"
"""An annotation: an id may hold characters that a label may not."""

QUOTA = PREFIX + "quota"
"""An annotation: what differs from the cohort's quota."""

RENDERED_BY = PREFIX + "rendering"
"""An annotation: which rendering made the environment."""

RENDERING = "2"
"""Counts up with every change of what an environment is rendered as, so that an upgrade of
Practicum says in `plan` that it, and nobody's hand, is why environments differ."""

SHARED_VOLUMES = PREFIX + "shared-volumes"
"""An annotation: which of the course's volumes the Namespace has a claim on."""

GROUP = PREFIX + "group"
"""An annotation: what the roster calls a group, on the Namespace that its members share."""

TIE = "run.practicum.dev/claim"
"""A finalizer, of the identity namespace alone and only while a run takes the cohort down: it
keeps the run's claim, which stands on that namespace, until all else has gone."""

POD_SECURITY = "pod-security.kubernetes.io/"


def shared(cohort: str) -> dict[str, str]:
    """Return the labels of an object that serves the whole cohort."""
    return {COHORT: cohort}


def of_student(cohort: str, record: Record) -> dict[str, str]:
    """Return the labels of every object of one student."""
    return {COHORT: cohort, STUDENT: record.name}


def of_record(record: Record) -> dict[str, str]:
    """Return the labels that keep a student's record on their Namespace."""
    kept = {
        WAVE: f"{record.wave:02d}",
        GENERATION: str(record.generation),
        SUSPENDED: str(record.suspended).lower(),
    }
    if record.until:
        kept[UNTIL] = record.until.isoformat()
    return kept


def notes_of_record(record: Record) -> dict[str, str]:
    """Return the annotations that keep a student's record, and who rendered it."""
    quota = {QUOTA: override.written(record.quota)} if record.quota else {}
    return {STUDENT_ID: record.id, RENDERED_BY: RENDERING, **quota}


def pod_security(level: str, version: str) -> dict[str, str]:
    """Return Pod Security labels: one level enforced, ``restricted`` warned about."""
    return {
        POD_SECURITY + "enforce": level,
        POD_SECURITY + "enforce-version": version,
        POD_SECURITY + "warn": "restricted",
        POD_SECURITY + "warn-version": version,
        POD_SECURITY + "audit": "restricted",
        POD_SECURITY + "audit-version": version,
    }


def selector(cohort: str) -> str:
    """Return the label selector that finds all that a cohort owns."""
    return f"{COHORT}={cohort}"


def belongs_to(cohort: str, live: Mapping[str, Any]) -> bool:
    """Say whether a live object carries the cohort's mark of ownership."""
    labels = live["metadata"].get("labels") or {}
    return bool(labels.get(COHORT) == cohort)
