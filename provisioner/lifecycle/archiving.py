"""Keep what students made: one encrypted file each, read back before anything is deleted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import __version__, archive, cluster, credential, names, private_file
from ..archive import About, Contents, Listing
from ..cohort import Cohort, Recipient, Student, keys
from ..errors import ClusterError, InputError, PracticumError
from ..manifest import STUDENT, STUDENT_ID, Manifest
from ..settings import Settings
from . import lock, secret_view
from .interrupt import stopping
from .progress import Progress
from .reading import Reading, read

SUFFIX = ".tar.gz.age"
COPIES = "students"
"""Folder of the students' own copies, below the cohort's."""

NOT_KEPT = {
    "events": "messages about what happened, which the cluster itself keeps for an hour",
    "events.events.k8s.io": "messages about what happened, which the cluster keeps for an hour",
    "pods.metrics.k8s.io": "measurements of the moment, not objects",
}
"""Types whose objects are counted and not read."""


@dataclass(frozen=True, kw_only=True)
class Archive:
    """One student's archive, which was read back and is whole."""

    id: str
    path: Path
    sha256: str
    size: int
    """Bytes."""

    objects: int
    claims: tuple[str, ...] = ()
    """Volumes whose content is not included."""

    copy: Path | None = None
    """The student's own, which opens with the student's key."""

    copy_sha256: str = ""
    no_copy: str = ""
    """Why the student has no copy."""

    lists: int = 0
    """Requests that it took, beside those for all students together."""

    def to_json(self) -> dict[str, Any]:
        """Return what receipts and ``--json`` say of it."""
        return {
            "id": self.id,
            "path": str(self.path),
            "sha256": self.sha256,
            "bytes": self.size,
            "objects": self.objects,
            "volumes_not_included": list(self.claims),
            "copy": str(self.copy) if self.copy else None,
            "copy_sha256": self.copy_sha256 or None,
            "no_copy": self.no_copy or None,
            "requests": self.lists,
        }


@dataclass(frozen=True, kw_only=True)
class Archived:
    """What a run archived, and whose work it could not."""

    cohort: str
    folder: Path = Path()
    made: tuple[Archive, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)
    """Why, by the student's name in the cluster."""

    failed_ids: Mapping[str, str] = field(default_factory=dict)
    """The same, by id."""

    shared_requests: int = 0
    """Requests for all students together."""

    def to_json(self) -> dict[str, Any]:
        """Return what ``archive make --json`` prints."""
        return {
            "cohort": self.cohort,
            "archives": [one.to_json() for one in self.made],
            "failed": [{"id": id, "error": why} for id, why in sorted(self.failed_ids.items())],
            "shared_requests": self.shared_requests,
        }


@dataclass(frozen=True, kw_only=True)
class _Subject:
    """Whose work is kept, and where it lies."""

    id: str
    name: str
    generation: int
    namespaces: Mapping[str, str]


def folder_of(settings: Settings, cohort: str) -> Path:
    """Return the folder of a cohort's archives."""
    return settings.home / "archive" / cohort


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
        reading = read(settings, name)
        with stopping(lambda: None, progress.say):
            return before_deletion(settings, reading, _chosen(reading, ids), progress)


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
            hint=f"Make a pair with `age-keygen -o {cohort.name}.agekey`, and write its public"
            f" key into {cohort.folder / 'cohort.yaml'} as course_key. {otherwise}".strip(),
        )


def before_deletion(
    settings: Settings, reading: Reading, namespaces: list[Manifest], progress: Progress
) -> Archived:
    """Archive what lies in some namespaces, a file a student, and read each back.

    Args:
        settings: Folders.
        reading: The cohort.
        namespaces: Of students, as they were read.
        progress: Told what happens.

    Returns:
        The archives that are whole, and why the others are not there.

    Raises:
        InputError: If there is no course key, or the folder cannot be used.
        ClusterError: If not even the types can be listed: then nobody's archive is complete.
    """
    # What is left of one whose deletion has begun is no whole any more.
    namespaces = [live for live in namespaces if not live["metadata"].get("deletionTimestamp")]
    refuse_without_key(reading.cohort, namespaces, otherwise="")
    if not namespaces:
        return Archived(cohort=reading.cohort.name)
    subjects = _subjects(reading, namespaces)
    progress.step("Archiving the students' work", len(subjects))
    places = [place for subject in subjects for place in subject.namespaces]
    with secret_view.opened(reading, namespaces) as unseen:
        around = cluster.look_around(reading.client, places, unseen=unseen)
        work = _Work(settings, reading, around)
        answers = [answer for _, answer in reading.client.each(_each(work, progress), subjects)]
    return Archived(
        cohort=reading.cohort.name,
        folder=folder_of(settings, reading.cohort.name),
        made=tuple(answer for answer in answers if isinstance(answer, Archive)),
        failed={s.name: a for s, a in zip(subjects, answers, strict=True) if isinstance(a, str)},
        failed_ids={s.id: a for s, a in zip(subjects, answers, strict=True) if isinstance(a, str)},
        shared_requests=around.requests,
    )


def _each(work: _Work, progress: Progress) -> Any:  # noqa: ANN401  (a closure)
    def one(subject: _Subject) -> Archive | str:
        try:
            return work.archive(subject)
        except PracticumError as error:
            return f"was not archived: {error.message}"
        finally:
            progress.advance(subject.name)

    return one


def _chosen(reading: Reading, ids: Iterable[str]) -> list[Manifest]:
    namespaces = student_namespaces(reading)
    wanted = list(dict.fromkeys(ids))
    by_id = {_id(reading, live): live for live in namespaces}
    if missing := [id for id in wanted if id not in by_id]:
        raise InputError(
            f"{', '.join(missing)}: no namespace of {reading.cohort.name} is theirs.",
            hint=f"See who has one: practicum status {reading.cohort.name}",
        )
    return [live for live in namespaces if not wanted or _id(reading, live) in wanted]


def _subjects(reading: Reading, namespaces: Iterable[Manifest]) -> list[_Subject]:
    known = {record.name: record for record in reading.records.values()}
    found: dict[str, _Subject] = {}
    for live in namespaces:
        name, metadata = subject_of(live), live["metadata"]
        before = found[name].namespaces if name in found else {}
        found[name] = _Subject(
            id=_id(reading, live),
            name=name,
            generation=known[name].generation if name in known else 0,
            namespaces={**before, metadata["name"]: metadata["uid"]},
        )
    return list(found.values())


def subject_of(live: Manifest) -> str:
    """Return whose a namespace is, by the name in the cluster; its own where it does not say."""
    metadata = live["metadata"]
    return str((metadata.get("labels") or {}).get(STUDENT) or metadata["name"])


def _id(reading: Reading, live: Manifest) -> str:
    """Return whose a namespace is: by our records, else by what it says itself."""
    name = subject_of(live)
    noted = (live["metadata"].get("annotations") or {}).get(STUDENT_ID, name)
    found = reading.id_of(name)
    return found if found != name else str(noted)


class _Work:
    """What all students of a run share."""

    def __init__(self, settings: Settings, reading: Reading, around: cluster.Whereabouts) -> None:
        self._reading, self._around = reading, around
        self._folder = private_file.make_folder(folder_of(settings, reading.cohort.name))
        self._copies = private_file.make_folder(self._folder / COPIES)
        for folder in (self._folder, self._copies):
            _sweep(folder)
        self._now = datetime.now(UTC).replace(microsecond=0)
        self._version = cluster.version(reading.client)
        self._course = keys.parse(reading.cohort.course_key or "")
        self._standings = _standings(reading)

    def archive(self, subject: _Subject) -> Archive:
        """Write one student's archive, read it back, and make the student's own copy.

        Raises:
            PracticumError: If any of it does not work; then there is no file.
        """
        name = f"{keys.file_name(subject.id)}.{self._now:%Y%m%dT%H%M%SZ}{SUFFIX}"
        path = self._folder / name
        lists = _Lists(self._reading.client, self._around, subject.namespaces)
        private = self._write(path, archive.pack(self._about(subject), lists), self._course)
        with _removed_on_error(path):
            contents = archive.checked(path, private)
            copy = self._copy(subject, path, private, self._copies / name)
        return Archive(
            id=subject.id,
            path=path,
            objects=len(contents.files),
            claims=_claims(contents),
            size=path.stat().st_size,
            sha256=_sha256(path),
            lists=lists.requests,
            **copy,
        )

    def _write(self, path: Path, pieces: Iterable[bytes], key: Recipient) -> Any:  # noqa: ANN401
        """Write a file for a key, and for one that reads it back; returns the latter's private."""
        public, private = archive.throw_away()
        archive.seal(path, pieces, [archive.recipient(key), public])
        return private

    def _copy(self, subject: _Subject, whole: Path, private: Any, path: Path) -> dict[str, Any]:  # noqa: ANN401
        key, why = self._students_key(subject)
        if key is None:
            return {"no_copy": why}
        members = archive.opened(whole, private)
        back = self._write(path, archive.own_part(members), key)
        with _removed_on_error(path):
            archive.checked(path, back)
        return {"copy": path, "copy_sha256": _sha256(path)}

    def _students_key(self, subject: _Subject) -> tuple[Recipient | None, str]:
        """Return the key of a student, also of one who has left the roster."""
        student: Student | None = self._reading.students.get(subject.id)
        key = student.key if student else _handed_in(self._reading.cohort, subject.id)
        if key is None:
            return None, "no key was handed in"
        last = self._standings.get(subject.name)
        if last and last.recipient and last.recipient != key.fingerprint:
            return None, "the key on file is not the one that access was given to"
        return key, ""

    def _about(self, subject: _Subject) -> About:
        return About(
            cohort=self._reading.cohort.name,
            student=subject.id,
            generation=subject.generation,
            namespaces=subject.namespaces,
            cluster=self._reading.found.uid,
            kubernetes=self._version,
            practicum=__version__,
            time=self._now.isoformat(),
        )


class _Lists:
    """Every list of a student's namespaces, read one after the other."""

    def __init__(
        self, client: cluster.Client, around: cluster.Whereabouts, namespaces: Iterable[str]
    ) -> None:
        self._client, self._around, self._namespaces = client, around, tuple(namespaces)
        self.requests = 0

    def __iter__(self) -> Iterator[Listing]:
        for namespace in self._namespaces:
            for type in self._around.types:
                yield self._one(namespace, type)

    def _one(self, namespace: str, type: cluster.Type) -> Listing:
        count = self._around.counts.get((namespace, type), 0)
        version = self._around.versions.get(type, "")
        listing = Listing(namespace=namespace, type=str(type), resource_version=version)
        if str(type) in NOT_KEPT:
            return replace(listing, skipped=count, why=NOT_KEPT[str(type)])
        if not count and type not in self._around.unknown:
            return listing
        self.requests += 1
        version, items = cluster.list_type(self._client, type, namespace)
        return replace(listing, resource_version=version, items=items)


def _standings(reading: Reading) -> Mapping[str, credential.Standing]:
    if reading.plan.guard.action in ("create", "foreign"):
        return {}
    try:
        return credential.standings(reading.client, reading.cohort.name)
    except ClusterError:
        return {}


def _handed_in(cohort: Cohort, id: str) -> Recipient | None:
    path = keys.find(cohort.keys_folder, id)
    with suppress(InputError):
        return keys.read(path) if path else None
    return None


def _claims(contents: Contents) -> tuple[str, ...]:
    return tuple(
        f"{one.namespace}/{one.name}: {one.why}"
        for one in contents.left_out
        if one.type == "persistentvolumeclaims"
    )


class _removed_on_error:  # noqa: N801  (used as a function)
    """Leave no archive that was not read back: somebody might rely on it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error:
            with suppress(OSError):
                self._path.unlink()


def _sweep(folder: Path) -> None:
    """Remove what a killed run left half written; the cohort's lock is held."""
    for path in folder.glob(f".*{SUFFIX}.*"):
        with suppress(OSError):
            path.unlink()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
