"""What is done for students who leave, and how many may."""

from __future__ import annotations

from dataclasses import dataclass

from ..cohort import Cohort
from ..cohort.difference import check_shrink
from ..errors import InputError
from .overview import Overview


@dataclass(frozen=True, kw_only=True)
class Leaving:
    """What is done for students who leave, before and while their namespace goes."""

    archive: bool = True
    """Whether their work is archived first; whose work cannot be, is not removed."""

    force: tuple[str, ...] = ()
    """Ids of those whose namespace is let go of by force, when it is stuck and nothing
    remains in it but finalizers of its own."""

    allow: int | None = None
    """How many may leave, where that is more than usual."""


KEEP_ALL = Leaving()


def refuse_protected(cohort: Cohort) -> None:
    """Stop where the cohort file says that nothing is to go.

    Raises:
        InputError: If that is so.
    """
    if cohort.protect:
        raise InputError(
            f"{cohort.name} is protected.", hint="Set protect: false in cohort.yaml first."
        )


def refuse_mass_drop(reading: Overview, allow: int | None) -> None:
    """Stop where many would leave at once and nobody said how many.

    Raises:
        InputError: If that is so.
    """
    before = sum(not record.dropped for record in reading.known.values())
    leaving = len(reading.plan.having("remove"))
    check_shrink(max(before, leaving), leaving, allow)
    groups = sum(not group.dropped for group in reading.known_groups.values())
    ending = len(reading.plan.shared("remove"))
    said = ending if allow is not None and allow >= ending else allow
    check_shrink(max(groups, ending), ending, said, what="groups")
