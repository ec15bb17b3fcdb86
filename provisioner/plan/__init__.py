"""Compare the cohort that is wanted with the one that runs; nothing here does I/O."""

from .compare import differences, in_one_form, inner_values, strangers
from .fields import Field, fields
from .groups import group_of, of_students
from .make import Wanted, make_plan, record_of, render
from .plan import Action, Live, Part, Plan

__all__ = [
    "Action",
    "Field",
    "Live",
    "Part",
    "Plan",
    "Wanted",
    "differences",
    "fields",
    "group_of",
    "in_one_form",
    "inner_values",
    "make_plan",
    "of_students",
    "record_of",
    "render",
    "strangers",
]
