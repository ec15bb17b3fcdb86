"""One verification from beginning to end: set the scene, look, try, ask, clear up."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from .. import cluster
from ..cluster import Client
from ..cohort import Cohort, Record
from ..errors import ClusterError
from ..manifest import Manifest, ObjectKey
from ..plan import Plan
from . import (
    access,
    attacks,
    case,
    fairness,
    guards,
    identities,
    live,
    matrix,
    notes,
    people,
    pulling,
    scene,
)
from .concerns import Cell
from .finding import Finding, Proof, judge_all
from .scene import Scene
from .surroundings import Surroundings

IN_FULL = 3
"""Students whose rights are asked for one by one, unless all are wanted."""


class Progress(Protocol):
    """Told what goes on, from several threads."""

    def step(self, text: str, total: int = 0) -> None:
        """Begin a step of so many parts."""

    def advance(self, student: str) -> None:
        """Say that a part is done."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is to be verified, and how deep."""

    cohort: Cohort
    client: Client
    plan: Plan
    owned: Mapping[ObjectKey, Manifest] = field(repr=False)
    uid: str
    """Which cluster it is."""

    ends: tuple[tuple[str, datetime], ...]
    """Student and end of each credential that was handed out."""

    latest: datetime
    """The end of the term and its grace."""

    student: str | None = None
    """The id of one student to ask about in full."""

    every: bool = False
    """Ask about all in full, and for verbs that the server does not serve as well."""

    live: bool = False
    """Whether pods may be started to look at the network."""

    image: str = ""
    """What those pods are made of; the cohort's own choice when empty."""


def verify(request: Request, progress: Progress) -> Proof:
    """Prove the isolation of a running cohort, and leave nothing behind.

    Raises:
        ClusterError: If the cluster cannot be reached, or the scene not be set or cleared.
        InputError: If a case of the corpus is damaged.
    """
    began = time.monotonic()
    case.load()  # a damaged corpus is told before anything is made
    records = _students(request.plan)
    if request.cohort.oidc:
        identities.refuse_without_rights(request.client, request.cohort, records)
    in_full = _in_full(request, records)
    progress.step("Looking at every guard")
    found = [*_guards(request)]
    types, silent = cluster.served(request.client)
    found += [_silent(group) for group in silent]
    progress.step("Making two scratch environments")
    pair = scene.new_pair(request.cohort)
    with scene.standing(request.client, request.cohort, pair) as stage:
        found += _attempts(request, stage, types, progress)
        asked = matrix.cells(types, every_verb=request.every)
        found += _others(stage, asked, progress)
        around = stage.around
        stage.strike()
        found += _permissions(request, stage, records, in_full, asked, progress)
        progress.step("Taking everything away again")
    found.append(_cleared())
    return _proof(request, found, records, in_full, began, around)


def _students(plan: Plan) -> list[Record]:
    """Return the students who have an environment."""
    there = (part.record for part in plan.students if part.action in ("same", "change"))
    return [record for record in there if record and not record.dropped]


def _guards(request: Request) -> Iterator[Finding]:
    yield from guards.guards(request.plan, request.owned)
    yield from guards.bindings(request.client, request.cohort, request.plan)
    login = request.cohort.oidc is not None
    yield access.NO_END if login else access.expiries(request.ends, request.latest)


def _others(stage: Scene, asked: list[Cell], progress: Progress) -> Iterator[Finding]:
    """Ask for the rights of everybody who is no student of ours, known and unknown."""
    progress.step(f"Asking for {len(asked)} rights of those who are no students of ours")
    for person in people.others(stage):
        yield from matrix.ask_all(person, asked)
    yield from people.unplayed(stage)
    yield matrix.keeps_out_the_unknown(stage.identities["anonymous"])


def _attempts(
    request: Request, stage: Scene, types: list[cluster.Type], progress: Progress
) -> Iterator[Finding]:
    """Try what must not be possible; a token that is taken back first is tried last."""
    taken = access.take_back(stage)
    corpus = case.load()
    progress.step("Trying attacks, each with a twin that is allowed", len(corpus))
    yield from attacks.attack(stage, corpus, types, progress.advance)
    progress.step("Filling a quota to its end")
    yield from fairness.fairness(stage)
    yield access.is_dead(stage, taken)
    yield pulling.images_are_pulled_anew(stage)
    if request.live:
        progress.step("Starting pods that look at the network")
    yield from live.live(
        stage,
        asked=request.live,
        simulated=notes.is_simulated(request.cohort),
        image=request.image or request.cohort.tool_image,
    )


def _in_full(request: Request, records: list[Record]) -> list[Record]:
    if request.every:
        return records
    if request.student is not None:
        return [record for record in records if record.id == request.student]
    active = [record for record in records if not record.suspended] or records
    middle = len(active) // 2
    chosen = active[:1] + active[middle : middle + 1] + active[-1:]
    return list({record.id: record for record in chosen}.values())[:IN_FULL]


def _silent(group: str) -> Finding:
    return Finding(
        about=f"API group {group}",
        requirements=("ISO-01",),
        verdict="failed",
        why=f"failed to prove: the API group {group} does not answer, so what it serves is unknown",
        topic="permissions",
    )


def _permissions(
    request: Request,
    stage: Scene,
    records: list[Record],
    in_full: list[Record],
    asked: list[Cell],
    progress: Progress,
) -> Iterator[Finding]:
    progress.step("Asking for the list of each student's rights", len(records))
    play = people.students(stage, records)

    def listed(record: Record) -> list[Finding]:
        person = play(record)
        rules = matrix.list_rules(person)
        progress.advance(record.id)
        if request.cohort.oidc:
            return [*rules, access.UNKNOWN_GROUPS]
        return [*rules, access.belongs_to_no_administrator(person.who, person.client)]

    for _, findings in request.client.each(listed, records):
        yield from findings
    progress.step(f"Asking for {len(asked)} rights of some students", len(in_full))
    for record in in_full:
        yield from matrix.ask_all(play(record), asked)
        progress.advance(record.id)


def _cleared() -> Finding:
    return Finding(
        about="the scratch namespaces, with all that was in them, are gone",
        requirements=("ISO-17",),
        verdict="passed",
        topic="guards",
    )


def _proof(
    request: Request,
    found: list[Finding],
    records: list[Record],
    in_full: list[Record],
    began: float,
    around: Surroundings,
) -> Proof:
    if not records:
        raise ClusterError(
            f"No student of {request.cohort.name} has an environment yet.",
            hint=f"Run: practicum up {request.cohort.name}",
        )
    return Proof(
        cohort=request.cohort.name,
        server=request.client.access.server,
        cluster=request.uid,
        version=cluster.version(request.client),
        time=datetime.now(UTC),
        seconds=round(time.monotonic() - began, 1),
        students=len(records),
        in_full=tuple(record.id for record in in_full),
        live=request.live,
        simulated=notes.is_simulated(request.cohort),
        notes=tuple(notes.of(request, around)),
        requirements=judge_all(found),
        findings=tuple(found),
    )
