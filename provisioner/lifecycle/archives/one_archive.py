"""Make one student's archive: list, pack, encrypt, read back, and copy for the student."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ... import __version__, archive, cluster, credential, private_file
from ...archive import About, Contents, Listing
from ...cohort import Cohort, Recipient, Student, keys
from ...errors import ClusterError, InputError
from ...settings import Settings
from ..overview import Overview
from ..reading import Reading
from . import copying
from .kept import Archive, sha256_of

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
class Subject:
    """Whose work is kept, and where it lies."""

    id: str
    name: str
    generation: int
    namespaces: Mapping[str, str]


def folder_of(settings: Settings, cohort: str) -> Path:
    """Return the folder of a cohort's archives."""
    return settings.home / "archive" / cohort


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where one student's work comes from, while it is read."""

    lists: Lists
    cluster: str
    """UID of the cluster's kube-system namespace."""

    kubernetes: str
    volumes: Sequence[archive.Content] = ()
    reasons: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """Why the content of other volumes cannot be had, by namespace and claim."""

    def without(self, claim: tuple[str, str], why: str) -> Source:
        """Return the same without what one volume holds."""
        left = [one for one in self.volumes if (one.namespace, one.claim) != claim]
        assert len(left) < len(self.volumes)  # else an archive would be made for ever
        return replace(self, volumes=left, reasons={**self.reasons, claim: why})


class Work:
    """What all students of a run share."""

    def __init__(
        self,
        settings: Settings,
        reading: Overview,
        standings: Mapping[str, credential.Standing],
    ) -> None:
        self._reading, self._standings = reading, standings
        self._folder = private_file.make_folder(folder_of(settings, reading.cohort.name))
        self._copies = private_file.make_folder(self._folder / COPIES)
        for folder in (self._folder, self._copies):
            _sweep(folder)
        self._now = datetime.now(UTC).replace(microsecond=0)
        self._course = keys.parse(reading.cohort.course_key or "")

    def archive(self, subject: Subject, source: Source) -> Archive:
        """Write one student's archive, read it back, and make the student's own copy.

        Raises:
            PracticumError: If any of it does not work; then there is no file.
        """
        name = self._free_name(subject)
        path = self._folder / name
        about = self._about(subject, source)
        packed = archive.pack(about, source.lists, source.volumes, source.reasons)
        private = self._write(path, packed, self._course)
        with _removed_on_error(path):
            contents = archive.checked(path, private)
            copy = self._copy(subject, path, private, self._copies / name)
        return Archive(
            id=subject.id,
            path=path,
            objects=contents.objects,
            claims=_claims(contents),
            size=path.stat().st_size,
            sha256=sha256_of(path),
            volumes=len(contents.volumes),
            lists=source.lists.requests,
            **copy,
        )

    def _free_name(self, subject: Subject) -> str:
        """Return a file name that no archive has: a run may follow another within a second."""
        times = (self._now + timedelta(seconds=late) for late in itertools.count())
        names = (f"{keys.file_name(subject.id)}.{at:%Y%m%dT%H%M%SZ}{SUFFIX}" for at in times)
        return next(name for name in names if not (self._folder / name).exists())

    def _write(self, path: Path, pieces: Iterable[bytes], key: Recipient) -> Any:  # noqa: ANN401
        """Write a file for a key, and for one that reads it back; returns the latter's private."""
        public, private = archive.throw_away()
        archive.seal(path, pieces, [archive.recipient(key), public])
        return private

    def _copy(self, subject: Subject, whole: Path, private: Any, path: Path) -> dict[str, Any]:  # noqa: ANN401
        key, why = self._students_key(subject)
        if key is None:
            return {"no_copy": why}
        members = archive.opened(whole, private)
        back = self._write(path, archive.own_part(members), key)
        with _removed_on_error(path):
            archive.checked(path, back)
        return {"copy": path, "copy_sha256": sha256_of(path)}

    def _students_key(self, subject: Subject) -> tuple[Recipient | None, str]:
        """Return the key of a student, also of one who has left the roster."""
        student: Student | None = self._reading.students.get(subject.id)
        key = student.key if student else _handed_in(self._reading.cohort, subject.id)
        if key is None:
            return None, "no key was handed in"
        last = self._standings.get(subject.name)
        if last and last.recipient and last.recipient != key.fingerprint:
            return None, "the key on file is not the one that access was given to"
        return key, ""

    def _about(self, subject: Subject, source: Source) -> About:
        return About(
            cohort=self._reading.cohort.name,
            student=subject.id,
            generation=subject.generation,
            namespaces=subject.namespaces,
            cluster=source.cluster,
            kubernetes=source.kubernetes,
            practicum=__version__,
            time=self._now.isoformat(),
        )


class Lists:
    """Every list of a student's namespaces, read one after the other."""

    def __init__(
        self,
        client: cluster.Client,
        around: cluster.Whereabouts,
        namespaces: Iterable[str],
        more: Sequence[Listing] = (),
    ) -> None:
        self._client, self._around, self._namespaces = client, around, tuple(namespaces)
        self._more = more
        """What was read already, and is in no namespace."""

        self.requests = 0

    def __iter__(self) -> Iterator[Listing]:
        yield from self._more
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
        theirs = (item for item in items if not copying.is_ours(item))
        return replace(listing, resource_version=version, items=theirs)


def standings(reading: Reading) -> Mapping[str, credential.Standing]:
    """Return what access students have; nothing where the cluster does not tell."""
    if not reading.is_up:
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
