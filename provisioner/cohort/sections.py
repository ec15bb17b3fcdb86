"""Who looks after which section, and which section a student is in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from .records import Record
from .students import Student

if TYPE_CHECKING:
    from .schema import Cohort
    from .staff import Assistant

_BETWEEN = re.compile(r",\s*and\s+|,\s*|\s+and\s+")


def within(said: str) -> frozenset[str]:
    """Return the sections that a roster names in one cell, as Canvas and an import join them.

    >>> sorted(within("A, B, and C"))
    ['A', 'A, B, and C', 'B', 'C']
    """
    return frozenset({said, *_BETWEEN.split(said)}) - {""}


def placed(
    cohort: Cohort, students: Mapping[str, Student], records: Mapping[str, Record]
) -> dict[str, Record]:
    """Return the records, each with the section that the roster has by now.

    Where the cohort file names no sections none is kept: what nobody asks for need not
    stand in two files.
    """
    named = bool(cohort.sections)
    found = {}
    for id, record in records.items():
        section = students[id].section if named and id in students else ""
        found[id] = record if record.section == section else replace(record, section=section)
    return found


def sees(cohort: Cohort, assistant: Assistant, said: str) -> bool:
    """Say whether an assistant looks after somebody.

    Args:
        cohort: The cohort file.
        assistant: One of its assistants; who is in no section's list sees everybody.
        said: The section, as the roster has it.
    """
    own = {one.name for one in cohort.sections if assistant.name in one.assistants}
    return not own or not own.isdisjoint(within(said))
