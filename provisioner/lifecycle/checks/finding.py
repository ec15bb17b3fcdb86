"""What ``doctor`` says of one thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "warning", "failed"]

TOLD = 5
"""How many of one kind are named."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    about: str
    verdict: Verdict
    found: str
    fix: str = ""
    """What to do, unless all is well."""


def some(told: list[str]) -> str:
    """Name the first few, and say how many more there are.

    >>> some(["a", "b", "c", "d", "e", "f"])
    'a, b, c, d, e, and 1 more'
    """
    more = f", and {len(told) - TOLD} more" if len(told) > TOLD else ""
    return ", ".join(told[:TOLD]) + more
