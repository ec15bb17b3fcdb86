"""Take a student's access away and bring their work to rest, and give both back.

The RoleBinding goes, and with it every right: the next request is answered 403, by the
authorization that names what is missing. The token itself is left alone, so `resume` needs
no new hand-out. The quota has no room for a pod any more, so that no controller makes one
either. What runs is brought to rest after that, when nobody can start it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from .. import cluster
from ..cluster import workloads
from ..cluster.workloads import Running
from ..cohort import Record
from ..errors import ClusterError, PracticumError
from ..settings import Settings
from . import backend
from .backend import Resting
from .change import Changed, Confirm, Finished, Proposal, carry_out, known_in
from .overview import Overview
from .progress import Progress
from .reading import Reading


def suspend(
    settings: Settings,
    name: str,
    ids: Iterable[str],
    *,
    keep_pods: bool = False,
    confirm: Confirm,
    progress: Progress,
) -> Changed | None:
    """Take access away and bring to rest what runs; objects, volumes and data stay.

    Args:
        settings: Folders and state backend.
        name: The cohort.
        ids: Whom.
        keep_pods: Leave pods running that nobody owns; else these end for good.
        confirm: Shown the plan, and what would stop.
        progress: Told what happens.

    Raises:
        InputError: If one of them is not in the roster.
        ClusterError: If the cluster cannot be used.
    """
    chosen = tuple(dict.fromkeys(ids))

    def propose(reading: Overview) -> Proposal:
        proposal = _proposal(reading, known_in(reading, chosen), suspended=True)
        how = backend.of(reading.cohort).rest(reading, chosen, keep_pods=keep_pods)
        return replace(proposal, notes=how.notes, finish=how.finish)

    return carry_out(settings, name, propose, confirm=confirm, progress=progress)


def resume(
    settings: Settings, name: str, ids: Iterable[str], *, confirm: Confirm, progress: Progress
) -> Changed | None:
    """Give access back with the credential of before, and wake what was brought to rest.

    Args:
        settings: Folders and state backend.
        name: The cohort.
        ids: Whom.
        confirm: Shown the plan.
        progress: Told what happens.

    Raises:
        InputError: If one of them is not in the roster.
        ClusterError: If the cluster cannot be used.
    """
    chosen = tuple(dict.fromkeys(ids))

    def propose(reading: Overview) -> Proposal:
        proposal = _proposal(reading, known_in(reading, chosen), suspended=False)
        how = backend.of(reading.cohort).wake(reading, chosen)
        return replace(proposal, notes=how.notes, finish=how.finish)

    return carry_out(settings, name, propose, confirm=confirm, progress=progress)


def at_rest(reading: Reading, ids: tuple[str, ...], *, keep_pods: bool) -> Resting:
    """Say how what runs in namespaces comes to rest.

    Raises:
        ClusterError: If we may not do that.
    """
    _refuse_without_rights(reading)

    def stop(reading: Reading, namespace: str) -> str:
        stopped = workloads.put_to_rest(reading.client, namespace, keep_pods=keep_pods)
        return f"brought to rest: {_listed(stopped)}" if _any(stopped) else ""

    places = _namespaces(reading, ids)
    found = reading.client.each(lambda at: workloads.running(reading.client, at[1]), places)
    notes = [line for (id, _), one in found for line in _would_stop(id, one, keep_pods=keep_pods)]
    return Resting(notes=tuple(notes), finish=lambda then, ready: _in_each(then, ready, stop))


def awake(reading: Reading) -> Resting:
    """Say how what came to rest is woken.

    Raises:
        ClusterError: If we may not do that.
    """
    _refuse_without_rights(reading)

    def wake(reading: Reading, namespace: str) -> str:
        woken = workloads.wake(reading.client, namespace)
        return f"woken: {', '.join(woken)}" if woken else ""

    return Resting(notes=(), finish=lambda then, ready: _in_each(then, ready, wake))


def _proposal(reading: Overview, records: Mapping[str, Record], *, suspended: bool) -> Proposal:
    now = {id: replace(record, suspended=suspended) for id, record in records.items()}
    return Proposal(
        event="suspended" if suspended else "resumed",
        ids=tuple(records),
        students=reading.students,
        known={**reading.kept, **now},
    )


def _refuse_without_rights(reading: Reading) -> None:
    missing = cluster.missing_rights(reading.client, cluster.suspension_rights())
    if missing:
        raise ClusterError(
            "The cluster does not let us stop and start what students run:"
            f" {cluster.listed_rights(missing)}.",
            hint="Its administrator gives these rights, as docs/how-to/own-cluster.md says:"
            f" practicum role {reading.cohort.name}",
        )


def _namespaces(reading: Reading, ids: Iterable[str]) -> list[tuple[str, str]]:
    """Return id and namespace of those students whose namespace is there."""
    records = [reading.records[id] for id in ids]
    return [(one.id, one.namespace) for one in records if one.namespace in reading.found.namespaces]


def _in_each(reading: Reading, ids: Iterable[str], do: Callable[[Reading, str], str]) -> Finished:
    """Do something in the namespaces of students; one who fails stops no other."""

    def one(place: tuple[str, str]) -> tuple[str, str]:
        try:
            return do(reading, place[1]), ""
        except PracticumError as error:
            return "", error.message

    done = list(reading.client.each(one, _namespaces(reading, ids)))
    return Finished(
        notes=tuple(f"{id}: {told}" for (id, _), (told, _) in done if told),
        failed={id: why for (id, _), (_, why) in done if why},
    )


def _would_stop(id: str, found: Running, *, keep_pods: bool) -> Iterator[str]:
    if found.workloads:
        yield f"{id}: comes to rest: {', '.join(found.workloads)}"
    if found.bare and keep_pods:
        yield f"{id}: goes on running, because nobody owns it: {', '.join(found.bare)}"
    elif found.bare:
        yield (
            f"{id}: ENDS FOR GOOD, because nobody owns it and would make it again:"
            f" {', '.join(found.bare)} (--keep-pods leaves such pods running)"
        )


def _any(stopped: Running) -> bool:
    return bool(stopped.workloads or stopped.bare)


def _listed(stopped: Running) -> str:
    return ", ".join([*stopped.workloads, *(f"pods/{name} (for good)" for name in stopped.bare)])
