"""Ids that lost their leading zeros: told, and never mended.

A school's numbers nearly always have one length. Where a few are shorter than most, a
spreadsheet has read them as numbers; or the school has two kinds, and the person knows.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Literal

Digits = int | Literal["any"] | None
"""How many digits each id has; ``any``: do not look; None: as most of them have."""

FIX = "export the id column as text; if the length is right, say --id-digits any"
_NUMBER = re.compile(r"[0-9]+")


def suspicious(ids: Iterable[str], digits: Digits) -> dict[str, str]:
    """Return what is suspicious, by id; ids with letters in them are not looked at.

    >>> suspicious(["20260001", "20260002", "260003"], None)
    {'260003': 'the id has 6 digits, and most have 8: zeros may be lost'}
    >>> suspicious(["123", "A1"], 4)
    {'123': 'the id has 3 digits and not 4'}
    """
    numbers = [id for id in ids if _NUMBER.fullmatch(id)]
    if digits == "any" or not numbers:
        return {}
    if digits:
        odd = (id for id in numbers if len(id) != digits)
        return {id: f"the id has {_count(id)} and not {digits}" for id in odd}
    most, how_many = Counter(map(len, numbers)).most_common(1)[0]
    if 2 * how_many <= len(numbers):
        return {}
    short = (id for id in numbers if len(id) < most)
    return {id: f"the id has {_count(id)}, and most have {most}: zeros may be lost" for id in short}


def _count(id: str) -> str:
    return "1 digit" if len(id) == 1 else f"{len(id)} digits"
