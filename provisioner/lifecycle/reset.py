"""Give one student a fresh environment in the place of a broken one."""

from __future__ import annotations

from ..settings import Settings
from . import backend, lock
from .backend import Again
from .change import Changed, Confirm
from .named import refuse_not_in_roster
from .progress import Progress


def reset(
    settings: Settings, name: str, again: Again, *, confirm: Confirm, progress: Progress
) -> Changed | None:
    """Delete one student's environment and make it anew.

    Args:
        settings: Folders and state backend.
        name: The cohort.
        again: Whose, and whether what is in it is archived first.
        confirm: Shown the plan and the notes; False stops before anything is changed.
        progress: Told what happens.

    Returns:
        What was done; None when it was not confirmed.

    Raises:
        InputError: If the student is unknown, the backend resets nothing, or there is no key to
            archive with.
        LockedError: If another run holds the cohort.
        Interrupted: If a signal came; what was in flight has finished.
    """
    with lock.held(settings.home, name, progress.say) as held:
        reading = backend.read(settings, name)
        refuse_not_in_roster(reading, [again.id])
        resetting = backend.of(reading.cohort).reset(reading, again)
        if not confirm(resetting.reading, resetting.notes):
            return None
        done = resetting.finish(settings, held, progress)
        given = f"Give them a new kubeconfig with: practicum handout {name} {again.id}"
        return Changed(result=done, notes=() if done.failed else (given,))
