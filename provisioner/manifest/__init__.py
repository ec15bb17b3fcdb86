"""What a cohort is on the cluster, as plain data: the one rendering that all parts use.

``plan`` compares it with what runs, the Pulumi program registers it, ``render`` prints
it. Pure functions of (cohort, record): the same input gives the same objects, and what
the API server would default is spelled out, so that a comparison can be exact.
"""

from .environment import environment
from .guard import guard
from .labels import (
    COHORT,
    GENERATION,
    PREFIX,
    STUDENT,
    STUDENT_ID,
    SUSPENDED,
    UNTIL,
    WAVE,
    belongs_to,
    selector,
)
from .objects import Manifest, ObjectKey, key_of
from .stack import GUARD, stack_name

__all__ = [
    "COHORT",
    "GENERATION",
    "GUARD",
    "PREFIX",
    "STUDENT",
    "STUDENT_ID",
    "SUSPENDED",
    "UNTIL",
    "WAVE",
    "Manifest",
    "ObjectKey",
    "belongs_to",
    "environment",
    "guard",
    "key_of",
    "selector",
    "stack_name",
]
