"""Compare the cohort that is wanted with the one that runs; nothing here does I/O."""

from .compare import differences, strangers
from .groups import group_of, of_students
from .make import Wanted, make_plan, record_of, render
from .plan import Action, Live, Part, Plan

__all__ = [
    "Action",
    "Live",
    "Part",
    "Plan",
    "Wanted",
    "differences",
    "group_of",
    "make_plan",
    "of_students",
    "record_of",
    "render",
    "strangers",
]
