"""Names of a cohort's Pulumi stacks: one for what is shared, one a wave of students."""

from __future__ import annotations

GUARD = "guard"
"""The stack of what all students share."""


def groups_part(wave: int) -> str:
    """Return what a stack of groups is called among a cohort's stacks.

    >>> stack_name("demo", groups_part(1))
    'demo.groups-01'
    """
    return f"groups-{wave:02d}"


def stack_name(cohort: str, part: str | int) -> str:
    """Return the name of a cohort's stack: ``guard``, or a wave by its number.

    >>> stack_name("demo", 1), stack_name("demo", "guard")
    ('demo.wave-01', 'demo.guard')
    """
    return f"{cohort}.{part}" if isinstance(part, str) else f"{cohort}.wave-{part:02d}"
