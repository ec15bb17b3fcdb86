"""Give every student a kubeconfig of their own, encrypted to their own key."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from ...cohort import Record, Student
from ...errors import InputError
from ...settings import Settings
from .. import backend
from ..interrupt import ending_in_order
from ..progress import Progress
from . import bundle as bundles
from . import desk, on_disk
from .bundle import Kind
from .desk import Desk
from .giving import HandoutResult, distribute

OVERLAP = timedelta(hours=24)
"""How long a rotated credential stays valid: students are not there to swap at once."""


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What is wanted beside a kubeconfig for whoever has none."""

    renew: bool = False
    """Give a new one also to those who have one; the old one dies."""

    replace_key: bool = False
    """Take the key on file also where the last one was another."""

    bundle: Kind | None = None
    """Write what a learning platform or a mail merge takes, of all that are valid."""


def handout(
    settings: Settings,
    name: str,
    ids: Iterable[str],
    *,
    progress: Progress,
    wishes: Wishes = Wishes(),
) -> HandoutResult:
    """Mint, seal and write a kubeconfig for those who have none.

    Args:
        settings: Folders and state backend.
        name: The cohort.
        ids: Which students; all when empty.
        progress: Told what happens.
        wishes: What is wanted beside.

    Raises:
        InputError: If the files are wrong, a student is unknown, or the term is over.
        ClusterError: If the cluster cannot be read.
        Interrupted: If a signal came; what was in flight has finished.
    """
    named = tuple(ids)
    if wishes.replace_key and not named:
        raise InputError(
            "--replace-key is for students who are named: ask each whether the new key is theirs.",
            hint=f"practicum handout {name} STUDENT --replace-key",
        )
    with ending_in_order(progress.say):
        return backend.of_name(settings, name).handout(
            settings, name, named, progress=progress, wishes=wishes
        )


def of_namespaces(
    settings: Settings, name: str, named: tuple[str, ...], *, progress: Progress, wishes: Wishes
) -> HandoutResult:
    """Hand out tokens of one cluster; as ``handout``.

    Raises:
        InputError: If the files are wrong, a student is unknown, or the term is over.
        ClusterError: If the cluster cannot be read.
    """
    with desk.opened(settings, name) as found:
        result = at(found, named, progress=progress, wishes=wishes)
        if wishes.bundle is None:
            return result
        here = {*(one.id for one in result.issued), *result.kept}
        pairs = [pair for pair in desk.chosen(found.reading, named) if pair[1].id in here]
        return replace(result, bundle=bundles.write(settings, found, pairs, wishes.bundle))


def at(found: Desk, named: tuple[str, ...], *, progress: Progress, wishes: Wishes) -> HandoutResult:
    """Hand out at a desk that is open; the bundle is left to the caller.

    Raises:
        InputError: If a student is unknown, or the term is over.
        ClusterError: If the cluster cannot be reached.
    """

    def verdict(record: Record, student: Student) -> str:
        if oidc := found.reading.cohort.oidc:
            content = desk.login_of(found.reading, record, oidc)
            here = on_disk.holds_login(found.folder, record, content, student.key)
            return "kept" if here and not wishes.renew else "give"
        current = found.standing(record).current
        if found.has_other_key(record, student) or wishes.renew or not current:
            return "give"
        if current.state(datetime.now(UTC)) != "issued":
            return "give"
        return "kept" if on_disk.is_there(found.folder, record, current) else "elsewhere"

    return distribute(found, named, verdict, progress, replace_key=wishes.replace_key)


def rotate(
    settings: Settings,
    name: str,
    ids: Iterable[str],
    *,
    progress: Progress,
    overlap: timedelta = OVERLAP,
) -> HandoutResult:
    """Give a new credential to those who have one; the old one stays valid for a while.

    A token's own end cannot be brought forward, and nothing in a cluster deletes a Secret
    at a given time: what is past its overlap is ended by the next command that looks at
    the cohort, or by `sweep` from a timer.

    Args:
        settings: Folders and state backend.
        name: The cohort.
        ids: Which students; all who have one when empty.
        progress: Told what happens.
        overlap: How long the old one stays valid; not at all when zero.

    Raises:
        InputError: If the files are wrong, a student is unknown, or the term is over.
        ClusterError: If the cluster cannot be read.
        Interrupted: If a signal came; what was in flight has finished.
    """
    with ending_in_order(progress.say):
        return backend.of_name(settings, name).rotate(
            settings, name, tuple(ids), progress=progress, overlap=overlap
        )


def rotate_namespaces(
    settings: Settings, name: str, ids: tuple[str, ...], *, progress: Progress, overlap: timedelta
) -> HandoutResult:
    """Rotate tokens of one cluster; as ``rotate``.

    Raises:
        InputError: If the files are wrong, a student is unknown, or the term is over.
        ClusterError: If the cluster cannot be read.
    """
    with desk.opened(settings, name) as found:
        if found.reading.cohort.oidc:
            raise InputError(
                f"The students of {name} log in with the school's account: there is nothing of"
                " ours to rotate.",
                hint=f"To keep somebody out: practicum revoke {name} {shlex.join(ids) or 'STUDENT'}",
            )
        return rotate_at(found, ids, progress=progress, overlap=overlap)


def rotate_at(
    found: Desk, ids: tuple[str, ...], *, progress: Progress, overlap: timedelta
) -> HandoutResult:
    """Rotate at a desk that is open.

    Raises:
        InputError: If a student is unknown, or the term is over.
        ClusterError: If the cluster cannot be reached.
    """

    def verdict(record: Record, _: Student) -> str:
        return "give" if found.standing(record).current else "without"

    return distribute(found, ids, verdict, progress, overlap=overlap)


def sweep(settings: Settings, name: str) -> tuple[str, ...]:
    """End the old credentials whose overlap is over, and do nothing else.

    Returns:
        The students whose old credential was ended, by id.

    Raises:
        InputError: If the cohort's files are wrong.
        ClusterError: If the cluster cannot be read, or refuses.
    """
    return backend.of_name(settings, name).sweep_access(settings, name)


def sweep_namespaces(settings: Settings, name: str) -> tuple[str, ...]:
    """End old tokens of one cluster; as ``sweep``.

    Raises:
        InputError: If the cohort's files are wrong.
        ClusterError: If the cluster cannot be read, or refuses.
    """
    with desk.opened(settings, name) as found:
        return found.swept
