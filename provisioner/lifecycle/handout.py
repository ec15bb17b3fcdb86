"""Give every student a kubeconfig of their own, encrypted to their own key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

from .. import credential, private_file
from ..cohort import Cohort, Record, Student, keys
from ..credential import Address, Credential
from ..errors import InputError, PracticumError, Problem
from ..settings import Settings
from .progress import Progress
from .reading import Reading, read


@dataclass(frozen=True, kw_only=True)
class Issued:
    """One kubeconfig that was written."""

    id: str
    path: Path
    expires: datetime
    opener: str
    """The line with which the student opens it."""


@dataclass(frozen=True, kw_only=True)
class HandoutResult:
    """What was handed out, and to whom nothing."""

    cohort: str
    issued: tuple[Issued, ...] = ()
    kept: tuple[str, ...] = ()
    """Students who have one already, by id."""

    unkeyed: tuple[str, ...] = ()
    """Students without a public key, by id."""

    failed: Mapping[str, str] = field(default_factory=dict)
    """Why, by id."""

    shortened: bool = False
    """Whether the cluster gave tokens a shorter life than the term has."""


def handout(
    settings: Settings,
    name: str,
    ids: Iterable[str],
    *,
    renew: bool,
    progress: Progress,
) -> HandoutResult:
    """Mint, seal and write a kubeconfig for those who have none.

    Args:
        settings: Folders and state backend.
        name: The cohort.
        ids: Which students; all when empty.
        renew: Give a new one also to those who have one; the old one dies.
        progress: Told what happens.

    Raises:
        InputError: If the files are wrong, a student is unknown, or the term is over.
        ClusterError: If the cluster cannot be read.
    """
    reading = read(settings, name)
    chosen = _chosen(reading, list(ids))
    expires = expiry(reading.cohort)
    present = credential.list_credentials(reading.client, name)
    folder = private_file.make_folder(folder_of(settings, name))
    todo, kept, unkeyed = _sort(chosen, present, folder, renew=renew)
    address = address_of(reading)
    progress.step("Handing out kubeconfigs", len(todo))

    def give(pair: tuple[Record, Student]) -> Issued | str:
        record, student = pair
        try:
            issued = _give(reading, record, student, address, expires, folder)
            credential.withdraw(reading.client, present.get(record.name, ()))
        except PracticumError as error:
            return error.message
        finally:
            progress.advance(record.name)
        return issued

    results = list(reading.client.each(give, todo))
    issued = tuple(result for _, result in results if isinstance(result, Issued))
    return HandoutResult(
        cohort=name,
        issued=issued,
        kept=tuple(kept),
        unkeyed=tuple(unkeyed),
        failed={pair[0].id: result for pair, result in results if isinstance(result, str)},
        shortened=any(expires - item.expires > timedelta(minutes=2) for item in issued),
    )


def folder_of(settings: Settings, cohort: str) -> Path:
    """Return the folder of a cohort's encrypted kubeconfigs."""
    return settings.home / "handout" / cohort


def expiry(cohort: Cohort) -> datetime:
    """Return when credentials end: with the last day of grace.

    Raises:
        InputError: If that is over, or too near for a token.
    """
    last = cohort.term.ends + timedelta(days=cohort.term.grace_days)
    ends = datetime.combine(last, time(23, 59, 59), tzinfo=UTC)
    if (ends - datetime.now(UTC)).total_seconds() < credential.SHORTEST:
        raise InputError(
            f"The term of {cohort.name} is over: its grace ended on {last}.",
            hint="Set term.ends in cohort.yaml, or take the cohort down.",
        )
    return ends


def address_of(reading: Reading) -> Address:
    """Return where students reach the cluster: as the cohort says, else as we do."""
    chosen = reading.cohort.cluster
    access = reading.client.access
    if isinstance(chosen, str):
        return Address(server=access.server, ca=access.ca)
    ca = access.ca
    if chosen.student_ca:
        try:
            ca = chosen.student_ca.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise InputError(f"cluster.student_ca: {chosen.student_ca} cannot be read.") from None
    return Address(server=chosen.student_server or access.server, ca=ca)


def _chosen(reading: Reading, ids: list[str]) -> list[tuple[Record, Student]]:
    unknown = [id for id in ids if id not in reading.students]
    if unknown:
        raise InputError(
            f"{len(unknown)} student(s) are not in the roster of {reading.cohort.name}:",
            problems=[Problem(id, "is not in the roster") for id in unknown],
            hint=f"See who is: practicum status {reading.cohort.name}",
        )
    return [(reading.records[id], reading.students[id]) for id in ids or reading.students]


def _sort(
    chosen: list[tuple[Record, Student]],
    present: Mapping[str, list[Credential]],
    folder: Path,
    *,
    renew: bool,
) -> tuple[list[tuple[Record, Student]], list[str], list[str]]:
    now = datetime.now(UTC)
    todo, kept, unkeyed = [], [], []
    for record, student in chosen:
        have = present.get(record.name)
        valid = have and have[-1].state(now) == "issued" and _file(folder, record).exists()
        if student.key is None:
            unkeyed.append(student.id)
        elif valid and not renew:
            kept.append(student.id)
        else:
            todo.append((record, student))
    return todo, kept, unkeyed


def _give(
    reading: Reading,
    record: Record,
    student: Student,
    address: Address,
    expires: datetime,
    folder: Path,
) -> Issued:
    assert student.key is not None
    given, sealed = credential.issue(
        reading.client,
        reading.cohort.name,
        record,
        student.key,
        address=address,
        expires=expires,
    )
    path = _file(folder, record)
    private_file.write(path, sealed)
    key = "key.txt" if student.key.kind == "age" else "~/.ssh/id_" + student.key.kind[4:]
    opener = f"age -d -i {key} -o kubeconfig {path.name}"
    return Issued(id=student.id, path=path, expires=given.expires, opener=opener)


def _file(folder: Path, record: Record) -> Path:
    return folder / f"{keys.file_name(record.id)}.kubeconfig.age"
