"""A scoped role in one's own cluster: the student environment of the other backend, inside it.

With ``kind.access: namespace`` a student gets the namespace, quota, guard and account that
students of a shared cluster get, made from the same manifests, and a token that can be
rotated and revoked. Each cluster is a desk of its own, with one student.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from ... import cluster, manifest
from ...cohort import Record, Student
from ...errors import InputError, PracticumError
from ...plan import Live
from ...settings import Settings
from ..access import desk as desks
from ..access import handout as handouts
from ..access import reinstatement
from ..access import revoke as revoking
from ..access.desk import Desk
from ..access.giving import HandoutResult
from ..access.handout import Wishes
from ..access.revoke import RevokeResult
from ..progress import Progress, Silent
from ..reading import Reading
from ..target import Target
from . import access
from .reading import ClustersReading

Pair = tuple[Record, Student]
Result = TypeVar("Result", HandoutResult, RevokeResult)


def refuse_admins(reading: ClustersReading, what: str, ids: tuple[str, ...] = ()) -> None:
    """Stop where students are admins of their clusters: what they have cannot be taken back.

    Raises:
        InputError: If they are.
    """
    if not access.is_scoped(reading.cohort):
        name = reading.cohort.name
        raise InputError(
            f"The students of {name} are admins of their own clusters, so there is nothing to"
            f" {what}: an admin can make themselves other ways in.",
            hint="A cluster-admin kubeconfig is taken back by deleting the cluster:"
            f" practicum reset {name} {shlex.join(ids) if len(ids) == 1 else 'STUDENT'}",
        )


def chosen(reading: ClustersReading, ids: Iterable[str]) -> list[Pair]:
    """Return the students who are meant and whose cluster runs; of those named, all.

    Raises:
        InputError: If somebody who is named is not in the roster.
    """
    named = tuple(ids)
    pairs = desks.chosen(reading, named)
    if named:
        return pairs
    return [pair for pair in pairs if (found := reading.cluster(pair[0].name)) and found.running]


def sweep(settings: Settings, reading: ClustersReading) -> tuple[str, ...]:
    """End old tokens whose overlap is over; returns whose, by id."""
    if not access.is_scoped(reading.cohort):
        return ()
    pairs = chosen(reading, ())
    result = _handed(settings, reading, pairs, Silent(), lambda found, _: _only_swept(found))
    return result.swept


def _only_swept(found: Desk) -> HandoutResult:
    return HandoutResult(cohort=found.reading.cohort.name, swept=found.swept)


def handout(
    settings: Settings,
    reading: ClustersReading,
    pairs: Iterable[Pair],
    *,
    progress: Progress,
    wishes: Wishes,
    named: bool,
) -> HandoutResult:
    """Make each environment as it is to be, and give its student a token.

    Who is named and was revoked has failed; who is merely among all, was passed over.
    """

    def one(found: Desk, id: str) -> HandoutResult:
        _make_environment(found.reading, found.reading.records[id])
        return handouts.at(found, (id,) if named else (), progress=Silent(), wishes=wishes)

    return _handed(settings, reading, pairs, progress, one)


def rotate(
    settings: Settings,
    reading: ClustersReading,
    pairs: Iterable[Pair],
    *,
    progress: Progress,
    overlap: timedelta,
) -> HandoutResult:
    """Give new tokens to those who have one."""

    def one(found: Desk, id: str) -> HandoutResult:
        return handouts.rotate_at(found, (id,), progress=Silent(), overlap=overlap)

    return _handed(settings, reading, pairs, progress, one)


def reinstate(
    settings: Settings,
    reading: ClustersReading,
    pairs: Iterable[Pair],
    *,
    progress: Progress,
    replace_key: bool,
    named: bool,
) -> HandoutResult:
    """Undo revocations; where nobody is named, of whoever is revoked."""

    def one(found: Desk, id: str) -> HandoutResult:
        who = (id,) if named else ()
        return reinstatement.reinstate_at(found, who, progress=Silent(), replace_key=replace_key)

    return _handed(settings, reading, pairs, progress, one)


def revoke(
    settings: Settings, reading: ClustersReading, pairs: Iterable[Pair], *, progress: Progress
) -> RevokeResult:
    """Kill tokens, and note in each cluster that there is to be no other."""

    def one(found: Desk, id: str) -> RevokeResult:
        return revoking.revoke_at(found, (id,), progress=Silent())

    results, failed = _each(settings, reading, pairs, progress, one)
    return RevokeResult(
        cohort=reading.cohort.name,
        revoked=tuple(id for result in results for id in result.revoked),
        already=tuple(id for result in results for id in result.already),
        failed=failed | {id: why for one in results for id, why in one.failed.items()},
    )


def _handed(
    settings: Settings,
    reading: ClustersReading,
    pairs: Iterable[Pair],
    progress: Progress,
    call: Callable[[Desk, str], HandoutResult],
) -> HandoutResult:
    results, failed = _each(settings, reading, pairs, progress, call)

    def all_of(part: str) -> tuple[str, ...]:
        return tuple(id for result in results for id in getattr(result, part))

    return HandoutResult(
        cohort=reading.cohort.name,
        issued=tuple(issued for result in results for issued in result.issued),
        kept=all_of("kept"),
        elsewhere=all_of("elsewhere"),
        without=all_of("without"),
        unkeyed=all_of("unkeyed"),
        revoked=all_of("revoked"),
        swept=all_of("swept"),
        failed=failed | {id: why for one in results for id, why in one.failed.items()},
        overlap=max((one.overlap for one in results), default=desks.AT_ONCE),
        shortened=any(one.shortened for one in results),
    )


def _each(
    settings: Settings,
    reading: ClustersReading,
    pairs: Iterable[Pair],
    progress: Progress,
    call: Callable[[Desk, str], Result],
) -> tuple[list[Result], dict[str, str]]:
    """Call something at each student's desk; returns what it gave, and why it did not, by id."""
    pairs = list(pairs)
    progress.step("Seeing to access", len(pairs))

    def one(pair: Pair) -> Result | str:
        try:
            with access.answers(), _desk(settings, reading, *pair) as found:
                return call(found, pair[1].id)
        except PracticumError as error:
            return error.message
        finally:
            progress.advance(pair[0].name)

    with ThreadPoolExecutor(access.AT_ONCE) as threads:
        answers = list(zip(pairs, threads.map(one, pairs), strict=True))
    failed = {pair[1].id: why for pair, why in answers if isinstance(why, str)}
    return [answer for _, answer in answers if not isinstance(answer, str)], failed


def _desk(
    settings: Settings, reading: ClustersReading, record: Record, student: Student
) -> AbstractContextManager[Desk]:
    """Open one student's cluster as if it were a course's, with this student alone."""
    inside = _inside(reading, record, student)
    # Every operator is the same admin to a student's cluster, so it cannot say who did it.
    return desks.opened_for(settings, inside, reading.whoami)


def _inside(reading: ClustersReading, record: Record, student: Student) -> Reading:
    client = access.client_of(reading, record.name)
    found = cluster.list_cohort(client, reading.cohort.name)
    return Reading(
        cohort=reading.cohort,
        students={student.id: student},
        known=reading.known,
        records={student.id: record},
        plan=reading.plan,
        target=Target(kubeconfig=Path(), context=""),  # it lies in no file
        client=client,
        found=found,
        live=Live(owned=found.owned, foreign={}),
    )


def _make_environment(reading: Reading, record: Record) -> None:
    wanted = (*manifest.guard(reading.cohort), *manifest.environment(reading.cohort, record))
    for one in wanted:
        cluster.apply(reading.client, one)
    new = [one for one in wanted if manifest.key_of(one) not in reading.found.owned]
    quotas = [one["metadata"]["namespace"] for one in new if one["kind"] == "ResourceQuota"]
    cluster.await_counted(reading.client, reading.cohort.name, quotas)
