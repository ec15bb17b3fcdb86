"""Weigh a class against a room: yes or no, how many fit, and what would have to change."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from .need import LIMITS, Demand
from .room import NOTHING, Amounts, Place, Room

MOST = 10_000
"""Students that are counted to; no course has more."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One thing: what the class may use of it, and what there is."""

    key: str
    each: Decimal
    """What the cohort's quota gives to one."""

    need: Decimal
    has: Decimal | None
    """None where nobody says."""

    used: Decimal
    free: Decimal
    enough_for: int | None
    """How many students at once it would do for; None where nobody says."""

    @property
    def short(self) -> bool:
        """Whether there is less than the class may use."""
        return self.has is not None and self.need > self.free

    @property
    def counts(self) -> bool:
        """Whether a shortage keeps pods from starting.

        Kubernetes places pods by what they request. Where only limits are above what there
        is, everybody can start, and not everybody can use all that they may.
        """
        return self.has is not None and not self.key.startswith(LIMITS)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Whether a class fits."""

    at_once: int
    """Students at work at the same time."""

    groups: int
    """Groups that are at work then."""

    lines: tuple[Line, ...]
    most: int
    """How many students fit at once, whoever they are; at most `MOST`."""

    largest: Amounts
    """Of what has to lie in one place, that which finds the fewest."""

    homes: int
    """How many places have room for it."""

    times: int
    """How often it fits, in all places together."""

    smaller: Mapping[str, Decimal]
    """What every quota may be at most so that all of them fit; by what is short."""

    more: int
    """How many more places like the best one there would have to be; 0 if none helps."""

    like: str
    """That place."""

    @property
    def fits(self) -> bool:
        """Say whether the class fits."""
        return self.at_once <= self.most and self.homes > 0


def weigh(demand: Demand, room: Room, at_once: int, *, whole: bool = False) -> Answer:
    """Say whether some students of a class fit, and what would have to change.

    Sums are compared, so this is the bound that no class can be above. Pods that are large
    beside a place leave gaps: how often the largest fits is told as well.

    Args:
        demand: What the class may use.
        room: What there is.
        at_once: How many students are expected to work at the same time, at least 1.
        whole: Whether all that one may use has to lie in one place, as a machine's does.
    """
    lines = tuple(_lines(demand, room, at_once))
    short = [line for line in lines if line.counts and line.short]
    groups = min(at_once, len(demand.groups))
    largest = min(demand.parts(at_once), key=lambda part: (_homes(room, part), _times(room, part)))
    more, like = _more(room, short, largest)
    most = _count(demand, room, [line.key for line in lines if line.counts])
    times = _times(room, largest)
    return Answer(
        at_once=at_once,
        groups=groups,
        lines=lines,
        most=min(most, times) if whole else most,
        largest=largest,
        homes=_homes(room, largest),
        times=times,
        smaller={line.key: line.free / (at_once + groups) for line in short},
        more=more,
        like=like,
    )


def _lines(demand: Demand, room: Room, at_once: int) -> Iterator[Line]:
    for key, need in demand.of(at_once).items():
        told = key not in room.untold
        yield Line(
            key=key,
            each=demand.another.amounts.get(key, NOTHING),
            need=need,
            has=room.has(key) if told else None,
            used=room.used(key),
            free=room.free(key),
            enough_for=_count(demand, room, [key]) if told else None,
        )


def _count(demand: Demand, room: Room, keys: list[str]) -> int:
    """Return how many students some things do for: more of them never need less."""
    free = {key: room.free(key) for key in keys}

    def too_many(count: int) -> bool:
        need = demand.of(count)
        return any(need[key] > free[key] for key in keys)

    return bisect_left(range(1, MOST + 1), True, key=too_many)  # noqa: FBT003  (what is sought)


def _homes(room: Room, part: Amounts) -> int:
    return sum(place.times(part) > 0 for place in room.counted)


def _times(room: Room, part: Amounts) -> int:
    return sum(place.times(part) for place in room.counted)


def _more(room: Room, short: list[Line], largest: Amounts) -> tuple[int, str]:
    """Say how many more of which place would do, were they empty; those left out count too."""
    found = [
        (count, place.name)
        for place in room.places
        if all(place.has.get(key, NOTHING) >= amount for key, amount in largest.items())
        if (count := _how_many(place, short))
    ]
    return min(found, default=(0, ""))


def _how_many(place: Place, short: list[Line]) -> int:
    missing = {line.key: line.need - line.free for line in short}
    if any(not place.has.get(key) for key in missing):
        return 0
    each = (missing[key] / place.has[key] for key in missing)
    return int(max(each, default=NOTHING).to_integral_value(ROUND_CEILING))
