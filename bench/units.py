"""What is measured in one go, from an empty cluster to an empty cluster."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from . import peers
from .access import Access
from .cases import Round
from .cohort import Cohort
from .options import QUICK
from .results import FAR, LOOPBACK, Measurement, Results, Revocation, Session
from .stage import CaseError, Stage

FAR_SIZES = (10, 300)
"""Those that are also measured far away, where kubectl takes a minute for 300 students."""

VERIFIED = {30: False, 300: True}
"""Cohorts whose access is measured, and whether more of it than a verification is."""


@dataclass(frozen=True)
class Unit:
    """What is measured in one go, from an empty cluster to an empty cluster."""

    what: str
    size: int
    network: str
    repeat: int

    @property
    def name(self) -> str:
        """What tells it from every other unit."""
        return f"{self.what} of {self.size}, {self.network}, {self.repeat}"

    @property
    def cohort(self) -> str:
        """The name of its cohort."""
        what = self.what.lower().replace(" ", "")
        return f"{what}-{self.size}-{word(self.network)}-{self.repeat}"


def wanted(options: argparse.Namespace) -> Iterator[Unit]:
    """Yield everything that is to be measured; the repeats of one thing lie far apart."""
    for repeat in range(1, options.repeats + 1):
        for what, size, network in _things(options):
            if what in options.only or (what in peers.SIZES and "peers" in options.only):
                yield Unit(what, size, network, repeat)


def _things(options: argparse.Namespace) -> Iterator[tuple[str, int, str]]:
    for size, network in itertools.product(options.sizes, options.networks):
        if network != FAR or size in (*FAR_SIZES, *QUICK):
            yield "rounds", size, network
    for subject, size in peers.SIZES.items():
        yield subject, size, LOOPBACK
    for size in VERIFIED:
        yield "access", size, LOOPBACK


def play(stage: Stage, unit: Unit, session: Session, described: dict[str, str]) -> Results:
    """Play one unit; what breaks off counts with what it had come to."""
    stage.unit = unit.name
    objects: dict[str, dict[str, int]] = {}
    found: list[Measurement | Revocation] = []
    failures: list[str] = []
    cohort = Cohort(unit.cohort, unit.size, stage.networks[unit.network], stage)
    try:
        for one in _act(unit, cohort, objects):
            found.append(one)
    except CaseError as error:
        failures.append(f"{unit.name}: {error}")
        stage.say(failures[-1])
    return Results(
        machine=described,
        objects=objects,
        units={unit.name: session},
        measurements=tuple(one for one in found if isinstance(one, Measurement)),
        revocations=tuple(one for one in found if isinstance(one, Revocation)),
        failures=tuple(failures),
    )


def _act(
    unit: Unit, cohort: Cohort, objects: dict[str, dict[str, int]]
) -> Iterator[Measurement | Revocation]:
    if unit.what == "rounds":
        played = Round.prepare(cohort)
        objects[str(unit.size)] = dict(played.everything.kinds)
        yield from played.run()
    elif unit.what == "access":
        yield from Access(cohort).run(hand_out=VERIFIED[unit.size])
    else:
        yield from peers.Peer.prepare(unit.what, cohort).run()


def word(network: str) -> str:
    """Return a network as it stands in a name."""
    return network.replace(" ", "")
