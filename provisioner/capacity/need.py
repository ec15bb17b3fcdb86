"""What environments may use at most, and what some of them may use at the same time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from .. import quantity
from .room import NOTHING, Amounts

REQUESTS, LIMITS, PODS = "requests.", "limits.", "pods"
VOLUMES = "requests.storage"


@dataclass(frozen=True, kw_only=True)
class Need:
    """What one environment may use at most."""

    amounts: Amounts
    largest: Amounts
    """The largest part that has to lie in one place: a pod of one container."""


@dataclass(frozen=True, kw_only=True)
class Demand:
    """The environments of a class."""

    students: tuple[Need, ...]
    groups: tuple[Need, ...] = ()
    another: Need
    """What one more student would get, who is not in the roster yet."""

    def of(self, count: int) -> Amounts:
        """Return what some students may use together, whoever they are.

        Of each thing it takes those who may have most of it. As many groups are at work as
        there are, though never more than there are students.
        """
        more = max(0, count - len(self.students))
        return {
            key: _most(self.students, key, count)
            + _most(self.groups, key, count)
            + more * self.another.amounts.get(key, NOTHING)
            for key in self.keys
        }

    @property
    def keys(self) -> tuple[str, ...]:
        """Everything that somebody may have, as the cohort's quota has it in order."""
        each = (self.another, *self.students, *self.groups)
        return tuple(dict.fromkeys(key for need in each for key in need.amounts))

    def parts(self, count: int) -> Iterable[Amounts]:
        """Yield what has to lie in one place each, of all who may be among some students."""
        newcomers = (self.another,) if count > len(self.students) else ()
        for need in (*self.students, *self.groups, *newcomers):
            yield need.largest


def _most(needs: Iterable[Need], key: str, count: int) -> Decimal:
    amounts = sorted((need.amounts.get(key, NOTHING) for need in needs), reverse=True)
    return sum(amounts[:count], NOTHING)


def need_of(hard: Mapping[str, str], container: Mapping[str, str]) -> Need:
    """Read what an environment may use from its quota.

    Objects that only fill the cluster's memory, such as Secrets, are no matter of nodes.

    Args:
        hard: The ceiling, as a ResourceQuota has it.
        container: The most of one container, as a LimitRange has it; the quota where it
            says nothing.

    Raises:
        ValueError: If one of them is no quantity.
    """
    amounts = {
        key: amount
        for key, text in hard.items()
        if key.startswith((REQUESTS, LIMITS)) or key == PODS
        if (amount := quantity.parse(text))
    }
    most = {REQUESTS + key: quantity.parse(text) for key, text in container.items()}
    largest = {
        key: min(amount, most.get(key, amount))
        for key, amount in amounts.items()
        if key.startswith(REQUESTS) and key != VOLUMES
    }
    return Need(amounts=amounts, largest={**largest, PODS: Decimal(1)})
