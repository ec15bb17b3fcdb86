"""Take a student's access back at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ... import credential
from ...cohort import Record
from ...errors import PracticumError
from ...settings import Settings
from .. import backend
from ..interrupt import ending_in_order
from ..named import refuse_unknown
from ..progress import Progress
from . import desk, logins, on_disk
from .desk import NOTHING, Desk

SECONDS = 10
"""How long an API server may remember a token that is dead (its TokenSuccessCacheTTL)."""


@dataclass(frozen=True, kw_only=True)
class RevokeResult:
    """Whose access was taken back."""

    cohort: str
    revoked: tuple[str, ...] = ()
    already: tuple[str, ...] = ()
    """Students who had been revoked before, by id."""

    failed: Mapping[str, str] = field(default_factory=dict)
    """Why, by id."""

    login: bool = False
    """Whether students log in with the school's account, so that no token was ours."""


def revoke(
    settings: Settings, name: str, ids: Iterable[str], *, progress: Progress
) -> RevokeResult:
    """Kill students' tokens, and note on the cluster that they get no other.

    It takes no lock: a leaked file does not wait until a long `up` is done. The note comes
    before the tokens are looked up, so that what a hand-out gives at the same time is
    found either here or there.

    Args:
        settings: Folders and state backend.
        name: The cohort.
        ids: Which students, also of those who have left; all of the roster when empty.
        progress: Told what happens.

    Raises:
        InputError: If the files are wrong, or a student is unknown.
        ClusterError: If the cluster cannot be read.
        Interrupted: If a signal came; what was in flight has finished.
    """
    with ending_in_order(progress.say):
        return backend.of_name(settings, name).revoke(settings, name, tuple(ids), progress=progress)


def of_namespaces(
    settings: Settings, name: str, ids: tuple[str, ...], *, progress: Progress
) -> RevokeResult:
    """Revoke tokens of one cluster; as ``revoke``.

    Raises:
        InputError: If the files are wrong, or a student is unknown.
        ClusterError: If the cluster cannot be read.
    """
    with desk.opened(settings, name) as found:
        return revoke_at(found, ids, progress=progress)


def revoke_at(found: Desk, ids: tuple[str, ...], *, progress: Progress) -> RevokeResult:
    """Revoke at a desk that is open.

    Raises:
        InputError: If a student is unknown.
        ClusterError: If the cluster cannot be reached.
    """
    records = _known(found, list(dict.fromkeys(ids)))
    already = [record for record in records if found.standing(record).revoked]
    todo = [record for record in records if record not in already]
    progress.step("Revoking access", len(todo))
    why = _mark(found, todo)
    marked = [record for record in todo if record.id not in why]
    why |= _kill(found, marked, progress)
    why |= _shut(found, already)
    if found.reading.cohort.oidc:
        why |= logins.shut_groups(found.reading, [*marked, *already])
    return RevokeResult(
        cohort=found.reading.cohort.name,
        revoked=tuple(record.id for record in todo if record.id not in why),
        already=tuple(record.id for record in already),
        failed=why,
        login=found.reading.cohort.oidc is not None,
    )


def _shut(found: Desk, records: list[Record]) -> dict[str, str]:
    """Shut out who had been revoked before, should that have ended half way; returns why not."""
    if not found.reading.cohort.oidc:
        return {}

    def shut(record: Record) -> str:
        try:
            logins.shut(found.reading.client, found.reading.cohort, record)
        except PracticumError as error:
            return error.message
        return ""

    return {one.id: why for one, why in found.reading.client.each(shut, records) if why}


def _known(found: Desk, ids: list[str]) -> list[Record]:
    records = found.reading.records
    refuse_unknown(found.reading, ids)
    return [records[id] for id in ids or found.reading.students]


def _mark(found: Desk, records: list[Record]) -> dict[str, str]:
    """Note the revocations; returns why some could not be."""

    def mark(record: Record) -> str:
        recipient = found.standing(record).recipient
        try:
            credential.mark_revoked(
                found.reading.client, found.reading.cohort.name, record, recipient
            )
        except PracticumError as error:
            return error.message
        return ""

    marked = found.reading.client.each(mark, records)
    return {record.id: error for record, error in marked if error}


def _kill(found: Desk, records: list[Record], progress: Progress) -> dict[str, str]:
    """End the credentials of students of whom it is noted; returns why some live on."""
    client, cohort = found.reading.client, found.reading.cohort
    standings = credential.standings(client, cohort.name)

    def kill(record: Record) -> str:
        standing = standings.get(record.name, NOTHING)
        try:
            credential.withdraw(client, standing.all)
            if cohort.oidc:
                logins.shut(client, cohort, record)
            found.log.note("revoked", record.id, fingerprint=standing.recipient)
        except PracticumError as error:
            return error.message
        on_disk.remove(found.folder, record)
        progress.advance(record.name)
        return ""

    return {record.id: error for record, error in client.each(kill, records) if error}
