"""Keep what students made: one encrypted file each, read back before anything is deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from ... import cluster, names
from ...cluster import Client, Whereabouts
from ...cohort import Cohort
from ...errors import InputError, PracticumError
from ...manifest import STUDENT, STUDENT_ID, Manifest
from ...settings import Settings
from .. import backend, lock
from ..interrupt import stopping
from ..progress import Progress
from ..reading import Reading
from . import secret_view
from .bounded import UnreadableError
from .copying import Copier
from .kept import Archive, Archived
from .one_archive import Lists, Source, Subject, Work, folder_of, standings

__all__ = [
    "Archive",
    "Archived",
    "folder_of",
    "keep",
    "make",
    "of_namespaces",
    "refuse_without_key",
    "student_namespaces",
    "subject_of",
    "there",
    "whose",
]


def make(settings: Settings, name: str, ids: Iterable[str] = (), *, progress: Progress) -> Archived:
    """Archive students, and delete nothing.

    Args:
        settings: Folders and state backend.
        name: The cohort.
        ids: Which students; all who have a namespace when empty.
        progress: Told what happens.

    Raises:
        InputError: If the files are wrong, a student is unknown or has no namespace, or there
            is no key to encrypt to.
        ClusterError: If the cluster cannot be read.
        LockedError: If another run holds the cohort.
        Interrupted: If a signal came.
    """
    with lock.held(settings.home, name, progress.say):
        reading = backend.read(settings, name, needs_students=False)
        with stopping(lambda: None, progress.say):
            return backend.of(reading.cohort).archive(settings, reading, ids, progress)


def of_namespaces(
    settings: Settings, reading: Reading, ids: Iterable[str], progress: Progress
) -> Archived:
    """Archive the namespaces of students; the caller holds the lock.

    Raises:
        InputError: If a student is unknown or has no namespace, or there is no course key.
        ClusterError: If the cluster cannot be read.
    """
    return keep(settings, reading, there(_chosen(reading, ids)), progress)


def student_namespaces(reading: Reading) -> list[Manifest]:
    """Return every namespace of the cohort in which students work."""
    accounts = names.identity_namespace(reading.cohort.name)
    return [live for live in reading.found.own_namespaces if live["metadata"]["name"] != accounts]


def refuse_without_key(cohort: Cohort, namespaces: Iterable[Manifest], *, otherwise: str) -> None:
    """Stop before anything is done where there is work to keep and no key to keep it with.

    Raises:
        InputError: If the cohort has no course key.
    """
    if cohort.course_key is None and any(True for _ in namespaces):
        raise InputError(
            f"{cohort.name} has no course_key, so nothing can be archived; nothing was changed.",
            hint=f"This makes a pair, and prints the line for {cohort.folder / 'cohort.yaml'}:"
            f" practicum archive key {cohort.name}. {otherwise}".strip(),
        )


def there(namespaces: Iterable[Manifest]) -> list[Manifest]:
    """Leave out those whose deletion has begun: what is left of them is no whole any more."""
    return [live for live in namespaces if not cluster.is_going(live)]


def keep(
    settings: Settings, reading: Reading, namespaces: list[Manifest], progress: Progress
) -> Archived:
    """Archive what lies in some namespaces, a file a student, and read each back.

    Args:
        settings: Folders.
        reading: The cohort.
        namespaces: Of students, as they were read; of none has the deletion begun.
        progress: Told what happens.

    Returns:
        The archives that are whole, and why the others are not there.

    Raises:
        InputError: If there is no course key, or the folder cannot be used.
        ClusterError: If not even the types can be listed: then nobody's archive is complete.
    """
    refuse_without_key(reading.cohort, namespaces, otherwise="")
    if not namespaces:
        return Archived(cohort=reading.cohort.name)
    subjects = _subjects(reading, namespaces)
    progress.step("Archiving the students' work", len(subjects))
    places = [place for subject in subjects for place in subject.namespaces]
    with secret_view.opened(reading, namespaces) as unseen:
        around = cluster.look_around(reading.client, places, unseen=unseen)
        one = _archiving(settings, reading, around)
        answers = list(reading.client.each(_each(one, progress), subjects))
    return Archived(
        cohort=reading.cohort.name,
        folder=folder_of(settings, reading.cohort.name),
        made=tuple(answer for _, answer in answers if isinstance(answer, Archive)),
        failed={subject.name: why for subject, why in answers if isinstance(why, str)},
        failed_ids={subject.id: why for subject, why in answers if isinstance(why, str)},
        shared_requests=around.requests,
    )


def _archiving(
    settings: Settings, reading: Reading, around: Whereabouts
) -> Callable[[Subject], Archive]:
    """Return what archives one student."""
    sources = _Sources.of(reading, around)
    work = Work(settings, reading, standings(reading))

    def one(subject: Subject) -> Archive:
        with sources.opened(subject) as source:
            return with_what_can_be_read(work, subject, source)

    return one


@dataclass(frozen=True, kw_only=True)
class _Sources:
    """Where what students have is read: what one pass over them has found out for all."""

    client: Client
    around: Whereabouts
    copier: Copier
    uid: str
    """Of the cluster."""

    version: str
    claiming: frozenset[str]
    """Namespaces in which there are claims of volumes."""

    @classmethod
    def of(cls, reading: Reading, around: Whereabouts) -> Self:
        """Return those of a cohort.

        Raises:
            ClusterError: If the cluster does not tell its version.
        """
        claims = {place for (place, type), count in around.counts.items()
                  if count and str(type) == "persistentvolumeclaims"}  # fmt: skip
        return cls(
            client=reading.client,
            around=around,
            copier=Copier(reading=reading),
            uid=reading.found.uid,
            version=cluster.version(reading.client),
            claiming=frozenset(claims),
        )

    @contextmanager
    def opened(self, subject: Subject) -> Iterator[Source]:
        """Hold what one student has, volumes too, while the block runs."""
        with self.copier.contents(self.claiming & {*subject.namespaces}) as volumes:
            yield Source(
                lists=Lists(self.client, self.around, subject.namespaces),
                cluster=self.uid,
                kubernetes=self.version,
                volumes=volumes.contents,
                reasons=volumes.reasons,
            )


def with_what_can_be_read(work: Work, subject: Subject, source: Source) -> Archive:
    """Archive a student; a volume that cannot be read is listed, and costs nothing else.

    What was written of it by then cannot be taken back, so the archive is made again.

    Raises:
        PracticumError: If anything else does not work; then there is no file.
    """
    while True:
        try:
            return work.archive(subject, source)
        except UnreadableError as error:
            source = source.without(error.claim, f"it could not be read: {error.why}")


def _each(
    archive: Callable[[Subject], Archive], progress: Progress
) -> Callable[[Subject], Archive | str]:
    def one(subject: Subject) -> Archive | str:
        try:
            return archive(subject)
        except PracticumError as error:
            return f"was not archived: {error.message}"
        finally:
            progress.advance(subject.name)

    return one


def _chosen(reading: Reading, ids: Iterable[str]) -> list[Manifest]:
    namespaces = student_namespaces(reading)
    wanted = list(dict.fromkeys(ids))
    by_id = {whose(reading, live): live for live in namespaces}
    if missing := [id for id in wanted if id not in by_id]:
        raise InputError(
            f"{', '.join(missing)}: no namespace of {reading.cohort.name} is theirs.",
            hint=f"See who has one: practicum status {reading.cohort.name}",
        )
    return [live for live in namespaces if not wanted or whose(reading, live) in wanted]


def _subjects(reading: Reading, namespaces: Iterable[Manifest]) -> list[Subject]:
    known = {record.name: record for record in reading.records.values()}
    found: dict[str, Subject] = {}
    for live in namespaces:
        name, metadata = subject_of(live), live["metadata"]
        before = found[name].namespaces if name in found else {}
        found[name] = Subject(
            id=whose(reading, live),
            name=name,
            generation=known[name].generation if name in known else 0,
            namespaces={**before, metadata["name"]: metadata["uid"]},
        )
    return list(found.values())


def subject_of(live: Manifest) -> str:
    """Return whose a namespace is, by the name in the cluster; its own where it does not say."""
    metadata = live["metadata"]
    return str((metadata.get("labels") or {}).get(STUDENT) or metadata["name"])


def whose(reading: Reading, live: Manifest) -> str:
    """Return whose a namespace is: by our records, else by what it says itself."""
    name = subject_of(live)
    noted = (live["metadata"].get("annotations") or {}).get(STUDENT_ID, name)
    found = reading.id_of(name)
    return found if found != name else str(noted)
