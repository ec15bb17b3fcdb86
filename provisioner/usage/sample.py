"""One look at a student's quota, as a few numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from .. import quantity

MEASURES = ("cpu", "memory", "storage", "gpu", "pods")
"""Cores, bytes, bytes, devices and pods, as they are reserved (requests)."""

_RESERVED = {
    "requests.cpu": "cpu",
    "requests.memory": "memory",
    "requests.storage": "storage",
    "pods": "pods",
}
_NOT_THEIRS = {"count/networkpolicies.networking.k8s.io": 1.0, "count/configmaps": 1.0}
"""What of a ceiling the course's policy and the cluster's certificates take: it stands in
every namespace, and brings nobody near a limit."""

_GPU = re.compile(r"requests\.[a-z0-9.-]+/[a-z0-9.-]*gpu[a-z0-9.-]*")


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What one student had reserved at one moment."""

    student: str
    """The id."""

    amounts: Mapping[str, float]
    """By measure."""

    fullest: float
    """The highest share of any ceiling, 0 to 1."""

    fullest_of: str
    """The quota key that it is of; empty where nothing is used."""


def sample_of(student: str, quota: Mapping[str, tuple[str, str]]) -> Sample:
    """Read what a quota says.

    Args:
        student: The id.
        quota: Used and hard, by quota key, as the cluster writes them.

    Raises:
        ValueError: If one of them is no quantity.
    """
    amounts = dict.fromkeys(MEASURES, 0.0)
    share, of = 0.0, ""
    for key, (used_text, hard_text) in quota.items():
        if used_text == "0":  # nearly all of them, and this runs on the way of every `up`
            continue
        used, hard = _amount(used_text), _amount(hard_text)
        if measure := _RESERVED.get(key) or (_GPU.fullmatch(key) and "gpu"):
            amounts[measure] += used
        others = _NOT_THEIRS.get(key, 0.0)
        used, hard = used - others, hard - others
        if hard > 0 and used / hard > share:
            share, of = used / hard, key
    return Sample(student=student, amounts=amounts, fullest=share, fullest_of=of)


@lru_cache(maxsize=4096)  # 300 students have the same ceilings, and mostly the same use
def _amount(text: str) -> float:
    return float(quantity.parse(text))
