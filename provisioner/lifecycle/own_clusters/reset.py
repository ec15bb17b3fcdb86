"""Delete one student's cluster, and make it anew: what they broke is whole again, and empty."""

from __future__ import annotations

import time
from dataclasses import replace

from ...settings import Settings
from ..archives.kept import Archived
from ..backend import Again
from ..interrupt import stopping
from ..journal import Journal
from ..progress import Progress
from ..reading import narrowed
from ..up_result import UpResult, summary
from . import keeping, up
from .reading import ClustersReading, stack_of
from .stacks import Stacks


def reset(
    settings: Settings, reading: ClustersReading, held: int, progress: Progress, again: Again
) -> UpResult:
    """Archive, delete and make a cluster; the caller holds the lock and has had it confirmed.

    Raises:
        InputError: If there is no key to archive with.
        MissingToolError: If a tool cannot be had.
        Interrupted: If a signal came; what was in flight has finished.
    """
    began = time.monotonic()
    name = reading.records[again.id].name
    mine = narrowed(reading, [name])
    to_keep = [name] if again.archive and mine.places(name) else []
    if to_keep:
        keeping.refuse_without_key(mine, to_keep)
    with (
        Stacks.open(settings, mine, held, progress) as stacks,
        stacks.noted("up", [stack_of(mine.cohort, name)]) as noted,
    ):
        up.save(mine)  # an `up` finishes what is cut off here, and is what the journal says
        with stopping(stacks.stop, progress.say):
            kept = Archived(cohort=mine.cohort.name)
            if to_keep:
                kept = keeping.keep(settings, mine, to_keep, progress)
            why = {**up.foreign(mine), **kept.failed}
            why = why or _replace(mine, name, stacks, noted, progress)
    after = up.read_after(settings, mine)
    done = summary(_as_change(mine), after.plan, why, began, processes=stacks.workers.started)
    failed = {mine.id_of(one): reason for one, reason in why.items()}
    changed = done.changed if not failed else 0
    return replace(done, changed=changed, failed={**done.failed, **failed}, archives=kept.made)


def _replace(
    mine: ClustersReading, name: str, stacks: Stacks, noted: Journal, progress: Progress
) -> dict[str, str]:
    """Delete the cluster and make it anew; returns why that failed, by name."""
    if why := up.remove(mine, [name], stacks, noted, progress):
        return why
    progress.step("Making the cluster anew", 1)
    return stacks.bring_up([name], noted)


def _as_change(reading: ClustersReading) -> ClustersReading:
    """Count who is made anew as changed, whatever the plan had for them."""
    parts = tuple(replace(part, action="change") for part in reading.plan.students)
    return replace(reading, plan=replace(reading.plan, students=parts))
