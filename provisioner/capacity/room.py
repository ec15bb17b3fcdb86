"""What there is: places where something can run, and what others take of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

Amounts = Mapping[str, Decimal]
"""How much by what, such as ``requests.cpu`` or ``pods``; what is not in it is 0."""

NOTHING = Decimal(0)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where something can run: a node."""

    name: str
    has: Amounts
    used: Amounts = field(default_factory=dict)
    """What others have reserved here."""

    left_out: str = ""
    """Why nothing of the class would be put here; empty where it would."""

    def free(self, key: str) -> Decimal:
        """Return what is left; never less than nothing, for no other place makes up for it."""
        return max(NOTHING, self.has.get(key, NOTHING) - self.used.get(key, NOTHING))

    def times(self, part: Amounts) -> int:
        """Say how often something that cannot be divided fits here."""
        return min((int(self.free(key) // amount) for key, amount in part.items()), default=0)


@dataclass(frozen=True, kw_only=True)
class Room:
    """What a cluster, or some engines, have room for: all places together."""

    places: tuple[Place, ...]
    waiting: Amounts = field(default_factory=dict)
    """What others have asked for that lies in no place yet."""

    untold: frozenset[str] = frozenset()
    """Of what nobody says how much there is."""

    @property
    def counted(self) -> tuple[Place, ...]:
        """The places that something of the class can be put in."""
        return tuple(place for place in self.places if not place.left_out)

    def has(self, key: str) -> Decimal:
        """Return what the counted places have."""
        return sum((place.has.get(key, NOTHING) for place in self.counted), NOTHING)

    def used(self, key: str) -> Decimal:
        """Return what others take, or wait for."""
        taken = (place.used.get(key, NOTHING) for place in self.counted)
        return sum(taken, self.waiting.get(key, NOTHING))

    def free(self, key: str) -> Decimal:
        """Return what is left for the class; never less than nothing."""
        left = sum((place.free(key) for place in self.counted), NOTHING)
        return max(NOTHING, left - self.waiting.get(key, NOTHING))
