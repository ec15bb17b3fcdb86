"""Hold a cohort from the first moment of a run that changes it, and ask the cluster then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ..settings import Settings
from . import ahead, lock


@dataclass(frozen=True, kw_only=True)
class Held:
    """A cohort that is held by this run."""

    lock: int
    """Descriptor of its lock."""

    asked: ahead.Asked | None
    """What was asked since."""


@contextmanager
def holding(
    settings: Settings, name: str, say: Callable[[str], None], before: Held | None = None
) -> Iterator[Held]:
    """Hold a cohort for a run that changes it, and ask for its lists from then on.

    Args:
        settings: Folders.
        name: The cohort.
        say: Told what is waited for.
        before: What the caller holds already; it is kept.

    Raises:
        LockedError: If another run holds it.
        InputError: If its lock cannot be written.
    """
    if before:
        yield before
        return
    with lock.held(settings.home, name, say) as descriptor:
        yield Held(lock=descriptor, asked=ahead.ask(settings, name))
