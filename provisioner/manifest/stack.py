"""Names of a cohort's Pulumi stacks: one for what is shared, one a wave of students."""

from __future__ import annotations

GUARD = "guard"
"""The stack of what all students share."""


def stack_name(cohort: str, part: str | int) -> str:
    """Return the name of a cohort's stack: ``guard``, or a wave by its number.

    >>> stack_name("demo", 1), stack_name("demo", "guard")
    ('demo.wave-01', 'demo.guard')
    """
    return f"{cohort}.{part}" if isinstance(part, str) else f"{cohort}.wave-{part:02d}"
