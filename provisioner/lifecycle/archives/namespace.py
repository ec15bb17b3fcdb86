"""Bring an archive back into a student's namespace, with the student's own rights."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ... import archive, cluster, credential
from ...archive import Member, Volume
from ...cluster import workloads
from ...cohort import Cohort, Record
from ...manifest import Manifest
from ...settings import Settings
from ..progress import Progress
from ..reading import Reading, of_cohort
from . import copying
from .restored import Result, State
from .restoring import CLAIMS, Opened, compare, in_order, record_in


def prepare(settings: Settings, cohort: Cohort, id: str, opened: Opened) -> Restore:
    """Get ready to restore into a student's namespace.

    Raises:
        InputError: If the files are wrong, or nobody has this id.
        ClusterError: If the cluster cannot be used, or the student has no environment.
    """
    reading = of_cohort(settings, cohort)
    return Restore(reading, record_in(reading, id), opened)


class Restore:
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
        wanted = archive.portable(type, workloads.woken(type, item))
        answer = cluster.create(self._student, served, self._namespace, wanted, dry_run=dry_run)
        if answer == "made":
            return "restored", ""
        if isinstance(answer, cluster.ApiError):
            return "refused", answer.message
        return compare(self._student, served, self._namespace, wanted)
