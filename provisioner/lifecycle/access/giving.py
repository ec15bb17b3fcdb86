"""Give kubeconfigs to many students: who gets one, who does not, and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ... import cluster
from ...cohort import Record, Student
from ...errors import InputError, PracticumError
from ..progress import Progress
from . import desk, terms
from .bundle import Bundle
from .desk import AT_ONCE, Desk, Issued

Verdict = Callable[[Record, Student], str]
"""Return ``give``, or the heading under which a student is told: ``kept``, for one."""

OTHER_KEY = (
    "the key on file is not the one that the last kubeconfig was encrypted to;"
    " ask the student, then: practicum handout {cohort} {id} --replace-key"
)
REVOKED = "the access was revoked; give it back with: practicum reinstate {cohort} {id}"


@dataclass(frozen=True, kw_only=True)
class HandoutResult:
    """What was handed out, and to whom nothing."""

    cohort: str
    issued: tuple[Issued, ...] = ()
    kept: tuple[str, ...] = ()
    """Students who have one already, by id."""

    elsewhere: tuple[str, ...] = ()
    """Students who have a valid one that does not lie here: another operator gave it."""

    without: tuple[str, ...] = ()
    """Students who have none that could be rotated, by id."""

    unkeyed: tuple[str, ...] = ()
    """Students without a public key, by id."""

    revoked: tuple[str, ...] = ()
    """Students whose access was taken back, by id: they get none."""

    failed: Mapping[str, str] = field(default_factory=dict)
    """Why, by id."""

    swept: tuple[str, ...] = ()
    """Students whose old credential was past its end and was ended now, by id."""

    overlap: timedelta = AT_ONCE
    """How long the older credentials of those who got one stay valid."""

    bundle: Bundle | None = None
    """What the learning platform takes back, where that was asked for."""

    shortened: bool = False
    """Whether the cluster gave tokens a shorter life than the term has."""

    ending: Mapping[str, datetime] = field(default_factory=dict)
    """When certificates end that do so before the term, or soon, by id."""


def distribute(
    found: Desk,
    ids: Iterable[str],
    verdict: Verdict,
    progress: Progress,
    *,
    overlap: timedelta = AT_ONCE,
    replace_key: bool = False,
) -> HandoutResult:
    """Give a kubeconfig to those of whom the verdict says so.

    Args:
        found: The cohort.
        ids: Which students; all when empty.
        verdict: Asked for each who has a key, the right one, and was not revoked.
        progress: Told what happens.
        overlap: How long older credentials stay valid.
        replace_key: Take the key on file also where the last one was another.

    Raises:
        InputError: If a student is unknown, or the term is over.
        ClusterError: If the cluster cannot be reached.
    """
    named = tuple(ids)
    ends = _ends(found, named)
    piles = _sorted(found, ends, named, verdict, replace_key=replace_key)
    issued, why_not = _give_all(found, piles.todo, progress, overlap)
    return HandoutResult(
        cohort=found.reading.cohort.name,
        issued=issued,
        kept=tuple(piles.others["kept"]),
        elsewhere=tuple(piles.others["elsewhere"]),
        without=tuple(piles.others["without"]),
        unkeyed=tuple(piles.others["unkeyed"]),
        revoked=tuple(piles.others["revoked"]),
        failed=piles.failed | why_not,
        swept=found.swept,
        overlap=overlap,
        shortened=any(_is_shorter(ends[item.id], item) for item in issued),
    )


@dataclass(frozen=True, kw_only=True)
class _Piles:
    """Who gets a kubeconfig, and everybody else."""

    todo: list[tuple[Record, Student]] = field(default_factory=list)
    others: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """By the heading under which they are told, by id."""

    failed: dict[str, str] = field(default_factory=dict)
    """Why somebody gets none although that was asked for, by id."""


def _sorted(
    found: Desk,
    ends: Mapping[str, datetime | str],
    named: tuple[str, ...],
    verdict: Verdict,
    *,
    replace_key: bool,
) -> _Piles:
    piles = _Piles()
    for record, student in desk.chosen(found.reading, named):
        end = ends[student.id]
        if isinstance(end, str):
            piles.failed[student.id] = end
        elif why := _refusal(found, record, student, named, replace_key=replace_key):
            piles.failed[student.id] = why
        elif (heading := _heading(found, record, student, verdict)) == "give":
            piles.todo.append((record, student))
        else:
            piles.others[heading].append(student.id)
    return piles


def _ends(found: Desk, named: tuple[str, ...]) -> dict[str, datetime | str]:
    """Return when each student's access ends, or why that is over.

    Raises:
        InputError: If it is over for all of them.
    """
    ends: dict[str, datetime | str] = {}
    over: InputError | None = None
    for record, student in desk.chosen(found.reading, named):
        try:
            ends[student.id] = terms.expiry(found.reading.cohort, record)
        except InputError as error:
            over, ends[student.id] = error, error.message
    if over and all(isinstance(end, str) for end in ends.values()):
        raise over
    return ends


def _is_shorter(end: datetime | str, given: Issued) -> bool:
    if given.expires is None or not isinstance(end, datetime):
        return False
    return end - given.expires > timedelta(minutes=2)


def _refusal(
    found: Desk, record: Record, student: Student, named: tuple[str, ...], *, replace_key: bool
) -> str:
    """Say why somebody gets none although that was asked for; empty where nothing is wrong."""
    standing = found.standing(record)
    about = {"cohort": found.reading.cohort.name, "id": student.id}
    if standing.revoked:
        return REVOKED.format(**about) if student.id in named else ""
    if found.has_other_key(record, student) and not replace_key:
        return OTHER_KEY.format(**about)
    return ""


def _heading(found: Desk, record: Record, student: Student, verdict: Verdict) -> str:
    if found.standing(record).revoked:
        return "revoked"
    # Without a token in it, a kubeconfig need not be encrypted to anybody.
    needs_key = found.reading.cohort.oidc is None
    return verdict(record, student) if student.key or not needs_key else "unkeyed"


def _give_all(
    found: Desk, todo: list[tuple[Record, Student]], progress: Progress, overlap: timedelta
) -> tuple[tuple[Issued, ...], dict[str, str]]:
    if todo:
        _await_counted(found, progress)
    progress.step("Handing out kubeconfigs", len(todo))

    def give(pair: tuple[Record, Student]) -> Issued | str:
        try:
            return desk.give(found, *pair, overlap=overlap)
        except PracticumError as error:
            return error.message
        finally:
            progress.advance(pair[0].name)

    results = list(found.reading.client.each(give, todo))
    why = {pair[0].id: result for pair, result in results if isinstance(result, str)}
    issued = [result for _, result in results if isinstance(result, Issued)]
    why |= desk.take_back_revoked(found, issued)
    return tuple(one for one in issued if one.id not in why), why


def _await_counted(found: Desk, progress: Progress) -> None:
    """Wait where a quota counts nothing yet: the first thing that a student makes were refused."""
    reading = found.reading
    if namespaces := cluster.uncounted(reading.found):
        progress.step("Waiting for the quotas of environments that were just made")
        cluster.await_counted(reading.client, reading.cohort.name, namespaces)
