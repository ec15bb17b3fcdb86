"""The JSON documents of the commands: other programs rely on every key."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from . import ends, recovery, returning, values

if TYPE_CHECKING:  # a command pays for no other's modules
    from ..lifecycle.access.assistance import Grant
    from ..lifecycle.access.bundle import Bundle
    from ..lifecycle.access.giving import HandoutResult
    from ..lifecycle.access.recipients import RecipientAudit
    from ..lifecycle.access.revoke import RevokeResult
    from ..lifecycle.change import Changed
    from ..lifecycle.hosts.report import LastRun
    from ..lifecycle.overview import Overview
    from ..lifecycle.status import GroupStatus, Status, StudentStatus
    from ..lifecycle.up_result import UpResult
    from ..lifecycle.watch import Drift


def plan(reading: Overview) -> dict[str, Any]:
    """Return what ``plan --json`` prints."""
    return {
        "cohort": reading.cohort.name,
        "guard": reading.plan.guard.action,
        "guard_changes": list(reading.plan.guard.changes),
        "guard_fields": values.document(reading.plan.guard),
        "outdated": reading.plan.outdated,
        "students": [
            {
                "id": part.record.id if part.record else reading.id_of(part.name),
                "namespace": part.record.namespace if part.record else "",
                "action": part.action,
                "changes": list(part.changes),
                "fields": values.document(part),
            }
            for part in reading.plan.students
        ],
        "groups": [
            {
                "group": reading.title_of(part.name),
                "namespace": part.group.namespace if part.group else "",
                "action": part.action,
                "changes": list(part.changes),
                "fields": values.document(part),
            }
            for part in reading.plan.groups
        ],
        "notes": [*reading.notes, *returning.notes(reading)],
    }


def planned(reading: Overview, notes: Iterable[str] = ()) -> dict[str, Any]:
    """Return what a command prints with ``--dry-run --json``: the plan that it would carry out."""
    known = plan(reading)
    return {**known, "notes": [*known["notes"], *notes], "dry_run": True}


def drift(cohort: str, event: Drift) -> dict[str, Any]:
    """Return a line of what ``plan --watch --json`` prints."""
    return {
        "time": _time(event.time),
        "cohort": cohort,
        "event": event.event,
        "student": event.student or None,
        "what": event.what,
        "since": _time(event.since) if event.since else None,
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
        "groups": {
            "created": result.groups["create"],
            "changed": result.groups["change"],
            "same": result.groups["same"],
            "removed": result.groups["remove"],
            "failed": [
                {"group": title, "error": why}
                for title, why in sorted(result.failed_groups.items())
            ],
        },
        "left": result.left,
        "seconds": result.seconds,
        "processes": result.processes,
        "archives": [one.to_json() for one in result.archives],
        "hosts": result.hosts.to_json()["hosts"] if result.hosts else [],
    }


def changed(done: Changed) -> dict[str, Any]:
    """Return what a command for some students prints with ``--json``."""
    return {**up(done.result), "notes": list(done.notes)}


def status(found: Status) -> dict[str, Any]:
    """Return what ``status --json`` prints."""
    return {
        "cohort": found.cohort,
        "server": found.server,
        "simulated": found.simulated,
        "time": _time(found.time),
        "students": [_student(student, found.time) for student in found.students],
        "groups": [_group(group) for group in found.groups],
        "hosts": _last_run(found.hosts),
        "unfinished": recovery.unfinished_document(found.cohort, found.unfinished),
        "ending": ends.document(found.ending),
    }


def _last_run(found: LastRun | None) -> list[dict[str, Any]]:
    """Return the hosts as the last run from here left them."""
    rows = found.rows.values() if found else ()
    return [row.to_json() | {"time": _time(found.time)} for row in rows if found]


def handout(result: HandoutResult) -> dict[str, Any]:
    """Return what ``handout --json`` prints."""
    return {
        "cohort": result.cohort,
        "issued": [
            {"id": item.id, "path": str(item.path), "expires": end(item.expires)}
            for item in result.issued
        ],
        "kept": list(result.kept),
        "elsewhere": list(result.elsewhere),
        "without": list(result.without),
        "unkeyed": list(result.unkeyed),
        "revoked": list(result.revoked),
        "failed": [{"id": id, "error": why} for id, why in sorted(result.failed.items())],
        "swept": list(result.swept),
        "bundle": _bundle(result.bundle) if result.bundle else None,
        "overlap_seconds": int(result.overlap.total_seconds()),
        "ending": ends.document(result.ending),
    }


def revoke(result: RevokeResult) -> dict[str, Any]:
    """Return what ``revoke --json`` prints."""
    return {
        "cohort": result.cohort,
        "revoked": list(result.revoked),
        "already": list(result.already),
        "failed": [{"id": id, "error": why} for id, why in sorted(result.failed.items())],
    }


def recipients(found: RecipientAudit) -> dict[str, Any]:
    """Return what ``keys audit --json`` prints."""
    return {
        "cohort": found.cohort,
        "differs": found.differs,
        "files": [
            {
                "id": one.id,
                "path": str(one.file),
                "written_to": one.written_to or None,
                "on_file": one.on_file or None,
                "on_cluster": one.on_cluster or None,
                "differences": list(one.differences),
            }
            for one in found.files
        ],
    }


def access(cohort: str, found: Iterable[Grant]) -> dict[str, Any]:
    """Return what ``access list --json`` prints."""
    now = datetime.now(UTC)
    listed = []
    for one in found:
        have = one.standing.current
        about = {
            "assistant": one.assistant,
            "account": one.account,
            "state": one.standing.state(now),
            "expires": _time(have.expires) if have else None,
        }
        listed.append(about)
    return {"cohort": cohort, "access": listed}


def _bundle(bundle: Bundle) -> dict[str, Any]:
    return {
        "kind": bundle.kind,
        "path": str(bundle.path),
        "placed": list(bundle.placed),
        "unplaced": list(bundle.unplaced),
    }


def _group(group: GroupStatus) -> dict[str, Any]:
    return {
        "group": group.group,
        "namespace": group.namespace,
        "phase": group.phase,
        "members": list(group.members),
        "quota": {key: {"used": used, "hard": most} for key, (used, most) in group.quota.items()},
        "changes": list(group.changes),
    }


def _student(student: StudentStatus, now: datetime) -> dict[str, Any]:
    have = student.access.current
    older = student.access.credentials[:-1]
    return {
        "id": student.id,
        "namespace": student.namespace,
        "phase": student.phase,
        "until": student.until.isoformat() if student.until else None,
        "key": student.key,
        "credential": {
            "issued": _time(have.issued) if have else None,
            "expires": _time(have.expires) if have else None,
            "recipient": student.access.recipient or None,
            "state": student.access.state(now),
            "revoked": _time(student.access.revoked) if student.access.revoked else None,
            "older": [_time(old.ends) if old.ends else None for old in older],
        },
        "quota": {key: {"used": used, "hard": most} for key, (used, most) in student.quota.items()},
        "changes": list(student.changes),
    }


def end(moment: datetime | None) -> str | None:
    """Return when access ends; None where that is not ours to say."""
    return _time(moment) if moment else None


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
