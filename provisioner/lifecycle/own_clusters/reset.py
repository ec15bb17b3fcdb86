"""Delete one student's cluster, and make it anew: what they broke is whole again, and empty."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial

from ...settings import Settings
from ..archives.kept import Archived
from ..backend import Again, Resetting
from ..interrupt import stopping
from ..journal import Journal
from ..progress import Progress
from ..reading import narrowed
from ..up_result import UpResult, summary
from . import keeping, up
from .planning import ANEW
from .reading import ClustersReading, stack_of
from .stacks import Stacks


def reset(reading: ClustersReading, again: Again) -> Resetting:
    """Say what goes and what comes; nothing is changed before this is finished.

    Raises:
        InputError: If there is no key to archive with.
    """
    name = reading.records[again.id].name
    mine = narrowed(reading, [name])
    there = bool(mine.places(name))
    if there and again.archive:
        keeping.refuse_without_key(mine, [name])
    return Resetting(
        reading=_as_change(mine),
        notes=() if mine.plan.having("foreign") else _notes(again, there=there),
        finish=partial(_make_anew, mine, name, archive=there and again.archive),
    )


def _notes(again: Again, *, there: bool) -> tuple[str, ...]:
    if not there:
        return ("There is no cluster: nothing is deleted, and one is made.",)
    kept = "is archived first, encrypted" if again.archive else "is not archived, and is lost"
    return (f"What is in the cluster {kept}. The kubeconfig of {again.id} opens nothing then.",)


def _make_anew(
    mine: ClustersReading,
    name: str,
    settings: Settings,
    held: int,
    progress: Progress,
    *,
    archive: bool,
) -> UpResult:
    """Archive, delete and make a cluster; the caller holds the lock and has had it confirmed.

    Raises:
        MissingToolError: If a tool cannot be had.
        Interrupted: If a signal came; what was in flight has finished.
    """
    began = time.monotonic()
    with (
        Stacks.open(settings, mine, held, progress) as stacks,
        stacks.noted("up", [stack_of(mine.cohort, name)]) as noted,
    ):
        up.save(mine)  # an `up` finishes what is cut off here, and is what the journal says
        with stopping(stacks.stop, progress.say):
            kept = Archived(cohort=mine.cohort.name)
            if archive:
                kept = keeping.keep(settings, mine, [name], progress)
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
    """Count who is made anew as changed, whatever else the plan had for them.

    Of whom an engine is not to be seen nothing can be made anew, nor of a stranger's cluster.
    """
    parts = tuple(
        part
        if part.action in ("create", "foreign")
        else replace(part, action="change", changes=(*(x for x in part.changes if x != ANEW), ANEW))
        for part in reading.plan.students
    )
    return replace(reading, plan=replace(reading.plan, students=parts))
