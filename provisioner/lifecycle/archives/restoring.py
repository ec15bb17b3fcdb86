"""Bring what was archived back into a student's environment, as the student.

It is done with the student's own rights: whoever made the file, nothing comes back that
the student could not have made. What is there already is never changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from ... import archive, cluster
from ... import cohort as cohorts
from ...archive import Contents, Member, Volume
from ...cohort import Record
from ...errors import ClusterError, InputError
from ...manifest import Manifest
from ...settings import Settings
from .. import backend, lock
from ..interrupt import ending_in_order, finished
from ..overview import Overview
from ..progress import Progress
from .restored import Restored, Result, State

CLAIMS = "persistentvolumeclaims"


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
        InputError: If nobody in the roster has this id, or the student is suspended.
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
    if record.suspended:
        raise InputError(
            f"{id} is suspended: with their rights nothing can be brought back.",
            hint=f"Run: practicum resume {reading.cohort.name} {id}",
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
