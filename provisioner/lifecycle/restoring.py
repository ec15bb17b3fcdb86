"""Bring what was archived back into a student's environment, as the student.

It is done with the student's own rights: whoever made the file, nothing comes back that
the student could not have made. What is there already is never changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol

from .. import archive, cluster, credential
from .. import cohort as cohorts
from ..archive import Contents, Member, Volume
from ..cohort import Cohort, Record
from ..errors import ClusterError, InputError
from ..manifest import Manifest
from ..settings import Settings
from . import backend, copying, lock
from .interrupt import ending_in_order, finished
from .overview import Overview
from .progress import Progress
from .reading import Reading, of_cohort

State = Literal["restored", "same", "other", "refused", "skipped"]

CLAIMS = "persistentvolumeclaims"

NOT_ALL: tuple[State, ...] = ("other", "refused")
"""What a restore that is whole has none of."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """One object of an archive, and what became of it."""

    type: str
    name: str
    state: State
    why: str = ""

    def to_json(self) -> dict[str, str]:
        """Return what ``archive restore --json`` says of it."""
        return {"type": self.type, "name": self.name, "state": self.state, "why": self.why}


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What a restore did, or would do."""

    cohort: str
    student: str
    namespace: str
    contents: Contents
    results: tuple[Result, ...]
    dry_run: bool

    @property
    def partial(self) -> bool:
        """Whether something of the student's did not come back."""
        return any(result.state in NOT_ALL for result in self.results)

    def to_json(self) -> dict[str, Any]:
        """Return what ``archive restore --json`` prints."""
        return {
            "cohort": self.cohort,
            "student": self.student,
            "namespace": self.namespace,
            "archived": self.contents.about.time,
            "dry_run": self.dry_run,
            "objects": [result.to_json() for result in self.results],
        }


@dataclass(frozen=True, kw_only=True)
class Source:
    """The file to restore from."""

    path: Path
    key: Path
    """File of a private key that opens it."""

    of: str = ""
    """Whose archive it is, where that is another id than the student's."""


def restore(
    settings: Settings,
    name: str,
    id: str,
    source: Source,
    *,
    confirm: Callable[[Restored], bool],
    progress: Progress,
) -> Restored:
    """Restore an archive into the present environment of a student.

    Args:
        settings: Folders.
        name: The cohort.
        id: The student.
        source: The archive.
        confirm: Shown what would be restored, after the server was asked for each object;
            False stops before anything is made.
        progress: Told what happens.

    Returns:
        What was done; what would be done where it was not confirmed.

    Raises:
        InputError: If the files are wrong, or the archive is another student's, or damaged.
        ClusterError: If the cluster cannot be used, or the student has no environment.
        LockedError: If another run holds the cohort.
        Interrupted: If a signal came; the object, or the volume, that was in flight is whole.
    """
    opened = _load(source, id)
    with lock.held(settings.home, name, progress.say):
        cohort = cohorts.load(settings.stacks, name)
        work = backend.of(cohort).restoring(settings, cohort, id, opened)
        count = len(opened.members)
        progress.step("Asking the cluster whether it takes the objects", count)
        planned = Restored(
            cohort=name,
            student=work.record.id,
            namespace=work.record.namespace,
            contents=opened.contents,
            results=work.run(progress, dry_run=True),
            dry_run=True,
        )
        todo = any(result.state == "restored" for result in planned.results)
        if not todo or not confirm(planned):
            return planned
        progress.step("Restoring", count)
        with ending_in_order(progress.say):
            return replace(planned, results=work.run(progress, dry_run=False), dry_run=False)


def of_namespaces(settings: Settings, cohort: Cohort, id: str, opened: Opened) -> Restoring:
    """Get ready to restore into a student's namespace.

    Raises:
        InputError: If the files are wrong, or nobody has this id.
        ClusterError: If the cluster cannot be used, or the student has no environment.
    """
    reading = of_cohort(settings, cohort)
    return _Work(reading, record_in(reading, id), opened)


def _load(source: Source, id: str) -> Opened:
    """Read an archive whole; nothing of it is used before all of it was checked."""
    key = archive.identity(source.key)
    members = []
    for path, content in archive.opened(source.path, key):
        member = Member(path, content)
        if member.is_object:  # what volumes hold is too large to keep, and is read once more
            members.append(member)
    contents = archive.parse(members.pop().content)
    whose = contents.about.student
    if whose != (source.of or id):
        raise InputError(
            f"{source.path} is the archive of {whose}, not of {source.of or id}.",
            hint=f"If it is the same person under another id, say: --of {whose}",
        )
    found = [(member, member.object) for member in members]
    found.sort(key=lambda pair: archive.order(pair[0].type))
    return Opened(contents=contents, members=found, path=source.path, key=key)


def record_in(reading: Overview, id: str) -> Record:
    """Return the student who has an environment to restore into.

    Raises:
        InputError: If nobody in the roster has this id.
        ClusterError: If the student has no environment.
    """
    record = reading.records.get(id)
    part = next((p for p in reading.plan.students if record and p.name == record.name), None)
    if record is None or record.dropped or part is None:
        raise InputError(
            f"{id} is not in the roster of {reading.cohort.name}.",
            hint=f"See who is: practicum status {reading.cohort.name}",
        )
    if part.action not in ("same", "change"):
        raise ClusterError(
            f"{id} has no environment to restore into.",
            hint=f"Run: practicum up {reading.cohort.name}",
        )
    return record


@dataclass(frozen=True, kw_only=True)
class Opened:
    """An archive that was read whole and is true."""

    contents: Contents
    members: list[tuple[Member, Manifest]]
    """Every object, in the order in which they can be made."""

    path: Path
    key: Any = field(repr=False)
    """The private key that opens it."""

    def pieces(self, volume: Volume) -> Iterator[bytes]:
        """Yield what a volume held as a tar file; it is read anew each time."""
        return archive.content_of(self.path, self.key, volume)


class Restoring(Protocol):
    """An archive on its way into a student's environment."""

    record: Record

    def run(self, progress: Progress, *, dry_run: bool) -> tuple[Result, ...]:
        """Make all that is to be made, or ask whether it could be."""


def in_order(
    members: Iterable[tuple[Member, Manifest]],
    one: Callable[[Member, Manifest], Result],
    volumes: Iterator[Result],
    progress: Progress,
) -> Iterator[Result]:
    """Yield what becomes of every object, in order, and of volumes before what uses them runs.

    A signal cuts none of them off: a volume that is filled by half would never be filled again.

    Args:
        members: The objects, in the order in which they can be made.
        one: Makes an object, or asks whether it could be.
        volumes: Fills volumes while it is gone through.
        progress: Told of each object.
    """
    for member, item in members:
        if archive.order(member.type) > archive.order(CLAIMS):
            yield from _filled(volumes)  # the first time; then there are no more
        yield finished(one, member, item)
        progress.advance(f"{member.type}/{item['metadata']['name']}")
    yield from _filled(volumes)


def _filled(volumes: Iterator[Result]) -> Iterator[Result]:
    while result := finished(next, volumes, None):
        yield result


def compare(
    student: cluster.Client, type: cluster.Type, place: str, wanted: Manifest
) -> tuple[State, str]:
    """Say whether what is there already is what was archived."""
    live = cluster.read_object(student, type, place, wanted)
    if isinstance(live, cluster.ApiError):
        return "refused", live.message
    if archive.portable(str(type), live) == wanted:
        return "same", ""
    return "other", "another object of this name is there, and was not changed"


class _Work:
    """The objects of an archive, on their way into one namespace."""

    def __init__(self, reading: Reading, record: Record, opened: Opened) -> None:
        client, members = reading.client, opened.members
        self._copier, self._opened = copying.Copier(reading=reading), opened
        self._claims: dict[str, State] = {}
        token = credential.short_token(client, reading.cohort.name, record.name)
        self.record = record
        self._student = client.bearing(token)
        self._namespace = record.namespace
        self._types = {str(type): type for type in cluster.namespaced_types(client)}
        self._uids = {str(item["metadata"].get("uid", "")) for _, item in members}

    def run(self, progress: Progress, *, dry_run: bool) -> tuple[Result, ...]:
        """Make every object that is to be made, one after the other."""
        one = partial(self._object, dry_run=dry_run)
        volumes = self._volumes(progress, dry_run=dry_run)
        return tuple(in_order(self._opened.members, one, volumes, progress))

    def _object(self, member: Member, item: Manifest, *, dry_run: bool) -> Result:
        name = str(item["metadata"]["name"])
        state, why = self._one(member.type, item, dry_run=dry_run)
        if member.type == CLAIMS:
            self._claims[name] = state
        return Result(type=member.type, name=name, state=state, why=why)

    def _volumes(self, progress: Progress, *, dry_run: bool) -> Iterator[Result]:
        for volume in self._opened.contents.volumes:
            state, why = self._content(volume, dry_run=dry_run)
            progress.advance(f"the content of {volume.claim}")
            yield Result(type="volume", name=volume.claim, state=state, why=why)

    def _content(self, volume: Volume, *, dry_run: bool) -> tuple[State, str]:
        """Fill a volume whose claim is as it was; one that is not empty is left alone."""
        if self._claims.get(volume.claim) not in ("restored", "same"):
            return "refused", "its claim did not come back"
        if dry_run:
            return "restored", "if it is empty"
        wanted = archive.tree(self._opened.pieces(volume))
        claim = (self._namespace, volume.claim)
        why = self._copier.fill(claim, self._opened.pieces(volume), wanted)
        if why == copying.SAME:
            return "same", ""
        return (
            ("other" if why == copying.NOT_EMPTY else "refused", why) if why else ("restored", "")
        )

    def _one(self, type: str, item: Manifest, *, dry_run: bool) -> tuple[State, str]:
        if why := archive.why_not(type, item, self._uids):
            return "skipped", why
        served = self._types.get(type)
        if served is None:
            return "refused", "this cluster has no such type"
        wanted = archive.portable(type, item)
        answer = cluster.create(self._student, served, self._namespace, wanted, dry_run=dry_run)
        if answer == "made":
            return "restored", ""
        if isinstance(answer, cluster.ApiError):
            return "refused", answer.message
        return compare(self._student, served, self._namespace, wanted)
