"""Compare the cohort that is wanted with the one that runs; nothing here does I/O."""

from .compare import differences, strangers
from .groups import group_of, of_students
from .make import make_plan, record_of, wanted_keys
from .plan import Action, Live, Part, Plan

__all__ = [
    "Action",
    "Live",
    "Part",
    "Plan",
    "differences",
    "group_of",
    "make_plan",
    "of_students",
    "record_of",
    "strangers",
    "wanted_keys",
]
