"""Undo a revocation: the student gets a new credential, and no old one comes back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ... import credential
from ...cohort import Record, Student
from ...errors import InputError
from ...settings import Settings
from .. import backend
from ..interrupt import ending_in_order, finished
from ..progress import Progress
from . import desk, logins, terms
from .desk import Desk
from .giving import OTHER_KEY, HandoutResult, distribute

WRONG_KEY = OTHER_KEY.replace("handout", "reinstate")


def reinstate(
    settings: Settings,
    name: str,
    ids: Iterable[str],
    *,
    progress: Progress,
    replace_key: bool = False,
) -> HandoutResult:
    """Undo revocations: those students get a new credential; no old one comes back.

    Args:
        settings: Folders and state backend.
        name: The cohort.
        ids: Which students; all who are revoked when empty.
        progress: Told what happens.
        replace_key: Take the key on file also where the last one was another.

    Raises:
        InputError: If the files are wrong, a student is unknown or not revoked, or the
            term is over.
        ClusterError: If the cluster cannot be read.
        Interrupted: If a signal came; what was in flight has finished.
    """
    # Who has been let back is not revoked any more, so to name them again would be a mistake.
    go_on = f"Go on with: practicum reinstate {name}, and practicum handout {name}"
    with ending_in_order(progress.say, go_on=go_on):
        return backend.of_name(settings, name).reinstate(
            settings, name, tuple(dict.fromkeys(ids)), progress=progress, replace_key=replace_key
        )


def of_namespaces(
    settings: Settings, name: str, named: tuple[str, ...], *, progress: Progress, replace_key: bool
) -> HandoutResult:
    """Undo revocations of one cluster; as ``reinstate``.

    Raises:
        InputError: If the files are wrong, a student is unknown or not revoked, or the
            term is over.
        ClusterError: If the cluster cannot be read.
    """
    with desk.opened(settings, name) as found:
        return reinstate_at(found, named, progress=progress, replace_key=replace_key)


def reinstate_at(
    found: Desk, named: tuple[str, ...], *, progress: Progress, replace_key: bool
) -> HandoutResult:
    """Undo revocations at a desk that is open.

    Raises:
        InputError: If a student is unknown or not revoked, or the term is over.
        ClusterError: If the cluster cannot be reached.
    """
    name = found.reading.cohort.name
    pairs = _revoked(found, named)
    for record, _ in pairs:
        terms.expiry(found.reading.cohort, record)
    why: dict[str, str] = {}
    for record, student in pairs:
        if found.has_other_key(record, student) and not replace_key:
            why[record.id] = WRONG_KEY.format(cohort=name, id=record.id)
        else:
            finished(_let_back, found, record, student)
    back = [record for record, _ in pairs if record.id not in why]
    if not back:
        return HandoutResult(cohort=name, failed=why)
    free = {record.name for record in back}
    standings = {who: one for who, one in found.standings.items() if who not in free}
    fresh = replace(found, standings=standings)
    given = distribute(fresh, [one.id for one in back], lambda *_: "give", progress)
    return replace(given, failed=why | dict(given.failed))


def _revoked(found: Desk, named: tuple[str, ...]) -> list[tuple[Record, Student]]:
    pairs = desk.chosen(found.reading, named)
    free = [record.id for record, _ in pairs if not found.standing(record).revoked]
    if named and free:
        raise InputError(f"Not revoked, so there is nothing to undo: {', '.join(free)}.")
    return [(record, student) for record, student in pairs if record.id not in free]


def _let_back(found: Desk, record: Record, student: Student) -> None:
    reading = found.reading
    credential.unmark_revoked(reading.client, reading.cohort.name, record)
    if reading.cohort.oidc:
        logins.reopen(reading.client, reading.cohort, record, reading.found)
    found.log.note("reinstated", record.id)
    if found.has_other_key(record, student) and student.key:
        found.log.note("key-replaced", record.id, fingerprint=student.key.fingerprint)
