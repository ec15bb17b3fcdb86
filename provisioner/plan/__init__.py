"""Compare the cohort that is wanted with the one that runs; nothing here does I/O."""

from .compare import differences, strangers
from .make import make_plan, record_of, wanted_keys
from .plan import Action, Live, Part, Plan

__all__ = [
    "Action",
    "Live",
    "Part",
    "Plan",
    "differences",
    "make_plan",
    "record_of",
    "strangers",
    "wanted_keys",
]
