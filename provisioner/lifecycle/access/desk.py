"""What every command works with that gives students access or takes it back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ... import credential, names, private_file
from ...cohort import Oidc, Record, Student
from ...credential import Standing, Wanted
from ...errors import ClusterError, InputError
from ...manifest import Manifest, ObjectKey
from ...settings import Settings
from ..named import refuse_not_in_roster
from ..overview import Overview
from ..reading import Reading, read
from . import audit, delivery, on_disk, terms
from .audit import AuditLog, Event
from .sweeping import sweep

NOTHING = Standing()
AT_ONCE = timedelta(0)


@dataclass(frozen=True, kw_only=True)
class Issued:
    """One kubeconfig that was written."""

    id: str
    path: Path
    expires: datetime | None
    """None where the school's login decides."""

    opener: str
    """The line with which the student opens it; empty where it is not encrypted."""


@dataclass(frozen=True, kw_only=True)
class Desk:
    """A cohort, the access that its students have, and the audit file."""

    reading: Reading
    standings: Mapping[str, Standing] = field(repr=False)
    log: AuditLog = field(repr=False)
    folder: Path
    swept: tuple[str, ...] = ()
    """Students whose old credential was past its end, by id."""

    def standing(self, record: Record) -> Standing:
        """Return the access of one student."""
        return self.standings.get(record.name, NOTHING)

    def account(self, record: Record) -> Manifest | None:
        """Return a student's ServiceAccount as it was read; None where it was not there."""
        identity = names.identity_namespace(self.reading.cohort.name)
        return self.reading.found.owned.get(ObjectKey("ServiceAccount", identity, record.name))

    def has_other_key(self, record: Record, student: Student) -> bool:
        """Say whether the key on file is not the one that was last encrypted to."""
        last = self.standing(record).recipient
        return bool(last and student.key and student.key.fingerprint != last)


@contextmanager
def opened(settings: Settings, name: str) -> Iterator[Desk]:
    """Read a cohort and its students' access, and end what is past its end.

    Raises:
        InputError: If the files are wrong.
        ClusterError: If the cluster cannot be read.
    """
    reading = read(settings, name)
    if not reading.is_up:
        raise ClusterError(
            f"{name} has no environments yet, so there is no access to give or to take.",
            hint=f"Run: practicum up {name}",
        )
    with opened_for(settings, reading, reading.whoami) as desk:
        yield desk


@contextmanager
def opened_for(settings: Settings, reading: Reading, whoami: Callable[[], str]) -> Iterator[Desk]:
    """Read the access of students of one cluster, and end what is past its end.

    Args:
        settings: Folders.
        reading: The students, and where they are.
        whoami: Says who the operator is, for the audit file.

    Raises:
        InputError: If the audit file or the folder of hand-outs cannot be used.
        ClusterError: If the cluster cannot be read.
    """
    name = reading.cohort.name
    with audit.opened(settings, name, whoami) as log:
        found = credential.standings(reading.client, name)
        yield Desk(
            reading=reading,
            standings=found,
            log=log,
            folder=private_file.make_folder(on_disk.folder_of(settings, name)),
            swept=sweep(reading, found, log),
        )


def give(desk: Desk, record: Record, student: Student, *, overlap: timedelta = AT_ONCE) -> Issued:
    """Mint a credential, write it, and let the older ones end after the overlap.

    The new one bears the end of the older ones and counts once its file is written, so a run
    that is killed half way leaves nothing without an end, and nobody without access.

    Args:
        desk: The cohort.
        record: The student.
        student: The same, with the key.
        overlap: How long the older ones stay valid.

    Raises:
        PracticumError: If it cannot be minted or written.
    """
    if desk.reading.cohort.oidc:
        return give_login(desk, record, student, desk.reading.cohort.oidc)
    if student.key is None:
        raise InputError("there is no key")
    client, standing = desk.reading.client, desk.standing(record)
    replaced = desk.has_other_key(record, student)
    wanted = Wanted(
        recipient=student.key,
        address=terms.address_of(desk.reading),
        expires=terms.expiry(desk.reading.cohort, record),
        notes=credential.replacing(standing.credentials, datetime.now(UTC) + overlap),
        account=desk.account(record),
    )
    given, sealed = credential.issue(client, desk.reading.cohort.name, record, wanted)
    with delivery.delivering(client, given) as undo:
        path = on_disk.write(desk.folder, record, sealed, given)
        undo.callback(on_disk.remove, desk.folder, record)
        events: list[Event] = ["key-replaced"] if replaced else []
        events.append("renewed" if standing.recipient else "issued")
        for event in events:
            desk.log.note(event, student.id, fingerprint=given.recipient, expires=given.expires)
    credential.withdraw(client, standing.pending if overlap else standing.all)
    opener = on_disk.opener(student.key, path)
    return Issued(id=student.id, path=path, expires=given.expires, opener=opener)


def give_login(desk: Desk, record: Record, student: Student, oidc: Oidc) -> Issued:
    """Write the kubeconfig of somebody who logs in with the school's account.

    It holds no secret. Who has handed a key in gets it encrypted all the same, so that
    a course which changes to tokens, or back, hands files out in the one way.
    """
    content = login_of(desk.reading, record, oidc)
    path = on_disk.write_login(desk.folder, record, content, student.key)
    fingerprint = student.key.fingerprint if student.key else ""
    desk.log.note("issued", student.id, fingerprint=fingerprint)
    opener = on_disk.opener(student.key, path) if student.key else ""
    return Issued(id=student.id, path=path, expires=None, opener=opener)


def login_of(reading: Reading, record: Record, oidc: Oidc) -> bytes:
    """Return the kubeconfig with which a student logs in at the school.

    Raises:
        InputError: If an authority's file cannot be read.
    """
    address = terms.address_of(reading)
    name = reading.cohort.name
    return credential.login_kubeconfig(name, record, oidc, oidc.read_ca(), address)


def take_back_revoked(desk: Desk, issued: Iterable[Issued]) -> dict[str, str]:
    """Withdraw what was given to students whom another operator revoked in the meantime.

    Returns:
        Why, by id.

    Raises:
        ClusterError: If the cluster cannot be asked, or refuses.
    """
    ids = [one.id for one in issued]
    if not ids:
        return {}
    now = credential.standings(desk.reading.client, desk.reading.cohort.name)
    why = {}
    for id in ids:
        record = desk.reading.records[id]
        standing = now.get(record.name, NOTHING)
        if standing.revoked:
            credential.withdraw(desk.reading.client, standing.all)
            on_disk.remove(desk.folder, record)
            desk.log.note("revoked", id, fingerprint=standing.recipient)
            why[id] = "was revoked by another operator in the meantime"
    return why


def chosen(reading: Overview, ids: Iterable[str]) -> list[tuple[Record, Student]]:
    """Return the students who are meant: all of the roster where nobody is named.

    Raises:
        InputError: If somebody who is named is not in the roster.
    """
    named = list(dict.fromkeys(ids))
    refuse_not_in_roster(reading, named)
    return [(reading.records[id], reading.students[id]) for id in named or reading.students]
