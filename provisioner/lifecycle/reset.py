"""Give one student a fresh environment in the place of a broken one."""

from __future__ import annotations

from collections.abc import Callable

from ..settings import Settings
from . import backend, lock
from .backend import Again
from .named import refuse_not_in_roster
from .overview import Overview
from .progress import Progress
from .up_result import UpResult


def reset(
    settings: Settings,
    name: str,
    again: Again,
    *,
    confirm: Callable[[Overview], bool],
    progress: Progress,
) -> UpResult | None:
    """Delete one student's environment and make it anew.

    Args:
        settings: Folders and state backend.
        name: The cohort.
        again: Whose, and whether what is in it is archived first.
        confirm: Shown what was read; False stops before anything is changed.
        progress: Told what happens.

    Returns:
        What was done; None when it was not confirmed.

    Raises:
        InputError: If the student is unknown, or the backend resets nothing.
        LockedError: If another run holds the cohort.
        Interrupted: If a signal came; what was in flight has finished.
    """
    with lock.held(settings.home, name, progress.say) as held:
        reading = backend.read(settings, name)
        refuse_not_in_roster(reading, [again.id])
        if not confirm(reading):
            return None
        return backend.of(reading.cohort).reset(settings, reading, held, progress, again)
