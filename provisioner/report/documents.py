"""The JSON documents of the commands: other programs rely on every key."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ..lifecycle.handout import HandoutResult
from ..lifecycle.reading import Reading
from ..lifecycle.status import Status, StudentStatus
from ..lifecycle.up import UpResult


def plan(reading: Reading) -> dict[str, Any]:
    """Return what ``plan --json`` prints."""
    return {
        "cohort": reading.cohort.name,
        "guard": reading.plan.guard.action,
        "guard_changes": list(reading.plan.guard.changes),
        "students": [
            {
                "id": reading.id_of(part.name),
                "namespace": part.record.namespace if part.record else "",
                "action": part.action,
                "changes": list(part.changes),
            }
            for part in reading.plan.students
        ],
    }


def up(result: UpResult) -> dict[str, Any]:
    """Return what ``up --json`` prints."""
    return {
        "cohort": result.cohort,
        "created": result.created,
        "changed": result.changed,
        "same": result.same,
        "removed": result.removed,
        "failed": [{"id": id, "error": why} for id, why in sorted(result.failed.items())],
        "seconds": result.seconds,
        "processes": result.processes,
    }


def status(found: Status) -> dict[str, Any]:
    """Return what ``status --json`` prints."""
    return {
        "cohort": found.cohort,
        "server": found.server,
        "simulated": found.simulated,
        "time": _time(found.time),
        "students": [_student(student, found.time) for student in found.students],
    }


def handout(result: HandoutResult) -> dict[str, Any]:
    """Return what ``handout --json`` prints."""
    return {
        "cohort": result.cohort,
        "issued": [
            {"id": item.id, "path": str(item.path), "expires": _time(item.expires)}
            for item in result.issued
        ],
        "kept": list(result.kept),
        "unkeyed": list(result.unkeyed),
        "failed": [{"id": id, "error": why} for id, why in sorted(result.failed.items())],
    }


def _student(student: StudentStatus, now: datetime) -> dict[str, Any]:
    have = student.credential
    return {
        "id": student.id,
        "namespace": student.namespace,
        "phase": student.phase,
        "key": student.key,
        "credential": {
            "issued": _time(have.issued) if have else None,
            "expires": _time(have.expires) if have else None,
            "recipient": have.recipient if have else None,
            "state": have.state(now) if have else "none",
        },
        "quota": {key: {"used": used, "hard": most} for key, (used, most) in student.quota.items()},
        "changes": list(student.changes),
    }


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
