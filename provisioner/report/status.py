"""A cohort as `status` shows it to people. Ids are shown, names of people are not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING

from ..cohort import Term
from . import ends, hosts, recovery

if TYPE_CHECKING:  # a command pays for no other's modules
    from ..lifecycle.status import Status, StudentStatus

COLUMNS = (
    "id",
    "namespace",
    "phase",
    "key",
    "access",
    "issued",
    "until",
    "own end",
    "recipient",
    "pods",
    "cpu",
    "memory",
)

SPARE = ("recipient", "namespace", "issued", "key", "memory", "cpu", "pods", "own end")
"""Columns that a narrow terminal goes without, the first one first."""


def term(when: Term, today: date) -> str:
    """Return how long a term still goes, in a word."""
    left = (when.ends - today).days
    grace_ends = when.ends + timedelta(days=when.grace_days)
    if today < when.starts:
        return f"The term starts in {_days((when.starts - today).days)} ({when.starts})."
    if left >= 0:
        return f"The term ends {f'in {_days(left)}' if left else 'today'} ({when.ends})."
    if today <= grace_ends:
        return f"The term ended {_days(-left)} ago; access ends with {grace_ends}."
    return f"The term is over, and its grace ended {_days((today - grace_ends).days)} ago."


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"


def header(found: Status) -> Iterator[str]:
    """Yield the totals of a cohort."""
    phases = Counter(student.phase for student in found.students)
    issued = sum(_has_access(student, found) for student in found.students)
    unkeyed = sum(1 for student in found.students if student.key == "unkeyed")
    phase_text = ", ".join(f"{count} {phase}" for phase, count in phases.most_common()) or "none"
    yield f"{found.cohort} on {found.server}: {len(found.students)} students ({phase_text})"
    for group in found.groups:
        members = f"{len(group.members)} member{'' if len(group.members) == 1 else 's'}"
        yield f"  group {group.group}: {group.namespace}, {members}, {group.phase}"
    yield f"{issued} with a credential, {unkeyed} without a key"
    if found.term:
        yield term(found.term, found.time.date())
    yield from hosts.last_run(found.hosts)
    if found.unfinished:
        yield recovery.unfinished(found.cohort, found.unfinished)
    yield from ends.lines(found.cohort, found.ending)
    if found.simulated:
        yield "This is a rehearsal: the API server is real, pods are simulated."


def _has_access(student: StudentStatus, found: Status) -> bool:
    return student.access.state(found.time) in ("issued", "oidc")


def row(student: StudentStatus, found: Status) -> tuple[str, ...]:
    """Return one row of the status table."""
    have = student.access.current
    return (
        student.id,
        student.namespace,
        student.phase,
        student.key,
        student.access.state(found.time),
        f"{have.issued:%Y-%m-%d}" if have else "",
        f"{have.expires:%Y-%m-%d}" if have else "",
        f"{student.until:%Y-%m-%d}" if student.until else "",
        _short(student.access.recipient),
        _use(student, "pods"),
        _use(student, "requests.cpu"),
        _use(student, "requests.memory"),
    )


def _short(fingerprint: str) -> str:
    # 72 bits: enough to compare by eye; all of it is in --json and in `keys audit`.
    return fingerprint[:19] + "…" if len(fingerprint) > 19 else fingerprint


def _use(student: StudentStatus, key: str) -> str:
    used, most = student.quota.get(key, ("", ""))
    return f"{used}/{most}" if most else ""
