"""Hand out clusters: the kubeconfig of each one's admin, sealed to the student's own key.

It cannot be taken back: a cluster's admin can make themselves other ways in. What ends the
access is the end of the cluster, with ``reset`` or ``drop``. Where a scoped role is enough for
the lab, ``kind.access: namespace`` gives that, and `scoped` does the same as for namespaces.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from ... import cluster, credential, private_file
from ...cohort import Record, Student
from ...credential import Address, Credential
from ...errors import InputError, PracticumError
from ...settings import Settings
from ..access import audit, desk, on_disk, terms
from ..access import bundle as bundles
from ..access.audit import AuditLog
from ..access.desk import Issued
from ..access.giving import OTHER_KEY, HandoutResult
from ..access.handout import Wishes
from ..progress import Progress
from . import access, ends, scoped
from .reading import ClustersReading

Pair = tuple[Record, Student]


def handout(
    settings: Settings,
    reading: ClustersReading,
    ids: Iterable[str],
    *,
    progress: Progress,
    wishes: Wishes,
) -> HandoutResult:
    """Give a kubeconfig of their own cluster to those who have none, or an older one.

    Args:
        settings: Folders.
        reading: The cohort.
        ids: Which students; all when empty.
        progress: Told what happens.
        wishes: What is wanted beside.

    Raises:
        InputError: If a student is unknown, or clusters on a shared host would be handed out
            without ``accept_host_root``.
    """
    named = tuple(ids)
    pairs = desk.chosen(reading, named)
    if access.is_scoped(reading.cohort):
        result = scoped.handout(
            settings, reading, pairs, progress=progress, wishes=wishes, named=bool(named)
        )
    else:
        refuse_shared_hosts(reading, pairs)
        result = _Counter(settings, reading, wishes).serve(pairs, progress)
    return _bundled(settings, reading, pairs, result, wishes)


def refuse_shared_hosts(reading: ClustersReading, pairs: Iterable[Pair]) -> None:
    """Stop before a stranger's machine is given away.

    Raises:
        InputError: If somebody's cluster is on a shared host, and the cohort does not accept it.
    """
    kind = reading.cohort.kind
    if kind is None or kind.accept_host_root:
        return
    shared = {reading.berths[record.name].engine for record, _ in pairs if record.name in
              reading.berths and reading.site(record.name).is_shared}  # fmt: skip
    if shared:
        raise InputError(
            f"Clusters on {', '.join(sorted(shared))} are not handed out: a kind cluster's admin"
            " can become root on its host, and others use that host, or reach it.",
            hint="If that is meant, say `accept_host_root: true` under kind in cohort.yaml; for"
            " labs that need one namespace only, say `access: namespace`.",
        )


@dataclass(frozen=True)
class _Given:
    """What became of one student."""

    heading: str
    """``issued``, ``kept``, ``unkeyed``, or ``failed``."""

    issued: Issued | None = None
    why: str = ""
    expires: datetime = access.LATEST


class _Counter:
    """Gives out admins' kubeconfigs, several at a time."""

    def __init__(self, settings: Settings, reading: ClustersReading, wishes: Wishes) -> None:
        self._settings, self._reading, self._wishes = settings, reading, wishes
        self._folder = private_file.make_folder(on_disk.folder_of(settings, reading.cohort.name))

    def serve(self, pairs: list[Pair], progress: Progress) -> HandoutResult:
        """Serve everybody; one who fails stops no other."""
        found: dict[str, dict[str, _Given]] = defaultdict(dict)
        expires: dict[str, datetime] = {}
        for (record, student), given in zip(pairs, self._each(pairs, progress), strict=True):
            found[given.heading][student.id] = given
            expires[record.name] = given.expires
        return HandoutResult(
            cohort=self._reading.cohort.name,
            issued=tuple(one.issued for one in found["issued"].values() if one.issued),
            kept=tuple(found["kept"]),
            unkeyed=tuple(found["unkeyed"]),
            failed={id: one.why for id, one in found["failed"].items()},
            ending=ends.too_early(
                self._reading.cohort, (one for one, _ in pairs), expires, datetime.now(UTC)
            ),
        )

    def _each(self, pairs: list[Pair], progress: Progress) -> list[_Given]:
        """Serve several at a time; returns what became of them, in their order."""
        progress.step("Handing out clusters", len(pairs))
        name = self._reading.cohort.name
        with (
            audit.opened(self._settings, name, self._reading.whoami) as log,
            ThreadPoolExecutor(access.AT_ONCE) as threads,
        ):

            def one(pair: Pair) -> _Given:
                given = self._guarded(pair, log)
                progress.advance(pair[0].name)
                return given

            return list(threads.map(one, pairs))

    def _guarded(self, pair: Pair, log: AuditLog) -> _Given:
        try:
            with access.answers():
                return self._one(*pair, log)
        except PracticumError as error:
            return _Given("failed", why=error.message)

    def _one(self, record: Record, student: Student, log: AuditLog) -> _Given:
        if student.key is None:
            return _Given("unkeyed")
        noted = on_disk.note(on_disk.file_of(self._folder, record))
        other = noted is not None and noted.recipient != student.key.fingerprint
        if other and not self._wishes.replace_key:
            about = {"cohort": self._reading.cohort.name, "id": student.id}
            return _Given("failed", why=OTHER_KEY.format(**about))
        terms.expiry(self._reading.cohort, record)  # nobody gets in after the term
        got = access.of(self._reading, record.name)
        given = _credential(record, student, got)
        if not (other or self._wishes.renew) and on_disk.is_there(self._folder, record, given):
            return _Given("kept", expires=given.expires)
        issued = self._give(record, student, got, given, log, other=other)
        return _Given("issued", issued, expires=given.expires)

    def _give(
        self,
        record: Record,
        student: Student,
        got: cluster.Access,
        given: Credential,
        log: AuditLog,
        *,
        other: bool,
    ) -> Issued:
        assert student.key is not None
        content = credential.admin_kubeconfig(
            self._reading.cohort.name,
            record,
            (got.certificate, got.key),
            Address(server=got.server, ca=got.ca),
        )
        before = on_disk.note(on_disk.file_of(self._folder, record))
        path = on_disk.write(self._folder, record, credential.seal(content, student.key), given)
        fingerprint = student.key.fingerprint
        if other:
            log.note("key-replaced", student.id, fingerprint=fingerprint, expires=given.expires)
        event: audit.Event = "renewed" if before else "issued"
        log.note(event, student.id, fingerprint=fingerprint, expires=given.expires)
        opener = on_disk.opener(student.key, path)
        return Issued(id=student.id, path=path, expires=given.expires, opener=opener)


def _credential(record: Record, student: Student, got: cluster.Access) -> Credential:
    """Describe a hand-out: of another cluster, or at another address, it is another one."""
    assert student.key is not None
    about = hashlib.sha256(b"\0".join((got.ca.encode(), got.server.encode()))).hexdigest()
    return Credential(
        student=record.name,
        issued=datetime.now(UTC),
        expires=credential.end_of(got.certificate),
        recipient=student.key.fingerprint,
        secret={"metadata": {"name": f"cluster-{about[:16]}"}},
    )


def _bundled(
    settings: Settings,
    reading: ClustersReading,
    pairs: list[Pair],
    result: HandoutResult,
    wishes: Wishes,
) -> HandoutResult:
    if wishes.bundle is None:
        return result
    here = {*(one.id for one in result.issued), *result.kept}
    mine = [pair for pair in pairs if pair[1].id in here]
    folder: Path = on_disk.folder_of(settings, reading.cohort.name)
    written = bundles.write_to(settings, reading.cohort.name, folder, mine, wishes.bundle)
    return replace(result, bundle=written)
