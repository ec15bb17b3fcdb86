"""Say before class whether it fits: what the environments may use, against what is free.

What a student may use is read from the manifests that `plan` compares, so it is what the
quota on the cluster is or will be.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from .. import cluster
from .. import cohort as cohorts
from ..capacity import Answer, Demand, Need, Room, need_of, weigh
from ..cohort import Cohort
from ..errors import InputError
from ..manifest import Manifest
from ..plan import Part
from ..settings import Settings
from . import backend
from .reading import Reading, of_cohort


@dataclass(frozen=True, kw_only=True)
class Words:
    """What a report calls what was counted, and what can be changed about it."""

    place: str
    """``node``, or ``engine``."""

    part: str
    """What has to lie in one place."""

    note: str
    """What is left to know, whatever the answer."""

    ways: Mapping[str, str] = field(default_factory=dict)
    """What to do where something is short, by what that is; else the quota is to blame."""


NODES = Words(place="node", part="the largest pod of one container", note="")


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """Whether a cohort fits, and what was counted."""

    cohort: str
    students: int
    """Those who are counted: in the roster, and not suspended."""

    suspended: int
    simulated: bool
    """Whether it runs on a rehearsal, whose nodes are no machines."""

    room: Room
    answer: Answer
    words: Words = NODES


def capacity(settings: Settings, name: str, *, at_once: int | None = None) -> Capacity:
    """Say whether a class fits. Changes nothing; there may be nothing of it yet.

    Args:
        settings: Folders and state backend.
        name: The cohort.
        at_once: How many students are expected to work at the same time; all when None.

    Raises:
        InputError: If the cohort's files are wrong, or nobody is to be counted.
        ClusterError: If the cluster cannot be read, or is not the cohort's.
    """
    cohort = cohorts.load(settings.stacks, name)
    return backend.of(cohort).capacity(settings, cohort, at_once)


def of_namespaces(settings: Settings, cohort: Cohort, at_once: int | None) -> Capacity:
    """Say whether a class fits on the nodes of its cluster.

    Raises:
        InputError: If the cohort's files are wrong, or nobody is to be counted.
        ClusterError: If the cluster cannot be read, or is not the cohort's.
    """
    reading, name = of_cohort(settings, cohort), cohort.name
    parts = [part for part in reading.plan.students if part.wanted and not _is_suspended(part)]
    groups = [part for part in reading.plan.groups if part.wanted]
    count = expected(name, at_once, len(parts))
    demand = Demand(
        students=tuple(map(_need, parts)),
        groups=tuple(map(_need, groups)),
        another=_usual(reading.cohort),
    )
    room = cluster.read_room(reading.client, name, set(_namespaces([*parts, *groups])))
    return Capacity(
        cohort=name,
        students=len(parts),
        suspended=_suspended(reading),
        simulated=isinstance(reading.cohort.cluster, str),
        room=room,
        answer=weigh(demand, room, count),
    )


def expected(name: str, at_once: int | None, there: int) -> int:
    """Return how many students are to be counted.

    Raises:
        InputError: If that is nobody.
    """
    if not (at_once or there):
        raise InputError(
            f"There is nobody in {name} to count.",
            hint=f"Say how many you expect: practicum capacity {name} --at-once 30",
        )
    return at_once or there


def _is_suspended(part: Part) -> bool:
    return bool(part.record and part.record.suspended)


def _suspended(reading: Reading) -> int:
    return sum(bool(part.wanted) and _is_suspended(part) for part in reading.plan.students)


def _need(part: Part) -> Need:
    quota, limits = _one(part, "ResourceQuota"), _one(part, "LimitRange")
    return need_of(quota["spec"]["hard"], limits["spec"]["limits"][0].get("max", {}))


def _usual(cohort: Cohort) -> Need:
    environment = cohort.environment
    return need_of(environment.hard(), environment.limits.container().get("max", {}))


def _one(part: Part, kind: str) -> Manifest:
    return next(one for one in part.wanted if one["kind"] == kind)


def _namespaces(parts: Iterable[Part]) -> Iterator[str]:
    for part in parts:
        yield _one(part, "Namespace")["metadata"]["name"]
