"""Make the clusters match the roster: only those that differ, each by itself."""

from __future__ import annotations

import os
import time
from collections.abc import Container, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from ... import quantity
from ...cohort import clusters
from ...cohort import records as record_file
from ...errors import InputError, PracticumError, Problem
from ...plan import Action
from ...settings import Settings
from .. import journal
from ..archives.kept import Archived
from ..interrupt import stopping
from ..leaving import Leaving
from ..progress import Progress
from ..reading import narrowed
from ..up_result import UpResult, summary
from . import keeping
from .planning import is_anew
from .reading import ClustersReading, reread
from .stacks import Stacks

GIBI = 2**30


def bring_up(
    settings: Settings,
    reading: ClustersReading,
    held: int,
    progress: Progress,
    leaving: Leaving,
) -> UpResult:
    """Make what a reading says; the caller holds the lock and has had it confirmed.

    Raises:
        InputError: If the engines have no room for all who are to get a cluster; nothing has
            been changed then.
        MissingToolError: If a tool cannot be had.
        LockedError: If another run holds a stack.
        Interrupted: If a signal came; what was in flight has finished.
    """
    began = time.monotonic()
    begun = half_done(settings, reading)
    if reading.plan.is_empty and not begun:
        save(reading)
        if reading.only is None:
            journal.settle(settings, reading.cohort.name)
        return summary(reading, reading.plan, foreign(reading), began)
    refuse_without_room(reading)
    with (
        Stacks.open(settings, reading, held, progress) as stacks,
        stacks.noted("up", _stacks(reading, begun)) as noted,
    ):
        save(reading)
        with stopping(stacks.stop, progress.say):
            kept = _keep(settings, reading, leaving, progress)
            why = {**foreign(reading), **kept.failed}
            why |= remove(reading, _having(reading, why, "remove"), stacks, noted, progress)
            todo = _having(reading, why, "create", "change")
            progress.step("Making clusters", len(todo))
            why |= stacks.bring_up([*todo, *begun], noted)
    after = read_after(settings, reading)
    done = summary(reading, after.plan, why, began, processes=stacks.workers.started)
    return replace(done, archives=kept.made)


def foreign(reading: ClustersReading) -> dict[str, str]:
    """Return why nothing can be made for students, by name."""
    return {part.name: "; ".join(part.changes) for part in reading.plan.having("foreign")}


def _having(reading: ClustersReading, less: Container[str], *actions: Action) -> list[str]:
    return [part.name for part in reading.plan.having(*actions) if part.name not in less]


def half_done(settings: Settings, reading: ClustersReading) -> list[str]:
    """Return the students whose cluster a killed run made, and whose state knows nothing of it."""
    found = journal.unfinished(settings, reading.cohort.name)
    if found is None or reading.only is not None:
        return []
    same = {part.name for part in reading.plan.having("same")}
    begun = (reading.stacks.get(stack, "") for stack in found.stacks)
    return [name for name in begun if name in same]


def save(reading: ClustersReading) -> None:
    """Keep what was decided before anything is made by it: a killed run loses no name or port.

    Raises:
        InputError: If a file cannot be written.
    """
    if reading.to_save != reading.known:
        record_file.save(reading.cohort.records_file, reading.to_save)
    if reading.berths_to_save != reading.known_berths:
        clusters.save(reading.cohort.clusters_file, reading.berths_to_save)


def refuse_without_room(reading: ClustersReading) -> None:
    """Stop where clusters are to be made that no engine has memory for.

    Raises:
        InputError: If that is so; it says how much is wanted and how much there is.
    """
    kind = reading.cohort.kind
    assert kind is not None
    each = int(quantity.parse(kind.memory))
    parts = reading.plan.having("create")
    problems = []
    for name, free in reading.room.items():
        count = sum(reading.berths[part.name].engine == name for part in parts)
        if count * each > free:
            problems.append(Problem(name, _too_much(count, each, free)))
    if problems:
        raise InputError(
            f"There is no room for {len(parts)} more cluster(s); nothing was changed.",
            problems=problems,
            hint="Name more engines under kind in cohort.yaml, suspend students, or set"
            " kind.memory to what a cluster of this course really takes.",
        )


def _too_much(count: int, each: int, free: int) -> str:
    return (
        f"{count} cluster(s) of {each / GIBI:.1f} GiB need {count * each / GIBI:.1f} GiB,"
        f" and {free / GIBI:.1f} GiB are free: room for {free // each}"
    )


def going(reading: ClustersReading) -> list[str]:
    """Return the names of students whose cluster a plan would delete, with all that is in it."""
    parts = [*reading.plan.having("remove"), *filter(is_anew, reading.plan.having("change"))]
    return [part.name for part in parts]


def _keep(
    settings: Settings, reading: ClustersReading, leaving: Leaving, progress: Progress
) -> Archived:
    names = going(reading) if leaving.archive else []
    if not names:
        return Archived(cohort=reading.cohort.name)
    return keeping.keep(settings, reading, names, progress)


def remove(
    reading: ClustersReading,
    names: list[str],
    stacks: Stacks,
    noted: journal.Journal,
    progress: Progress,
) -> dict[str, str]:
    """Delete the clusters of some students, and what Pulumi knows of them.

    Returns:
        Why that failed, by the student's name.
    """
    if not names:
        return {}
    progress.step("Deleting clusters", len(names))
    places = {name: reading.places(name) for name in names}

    def one(name: str) -> str:
        try:
            for engine, found in places[name]:
                own = reading.sites[engine].clusters(progress.say)
                own.remove(found.name, reading.cohort.name, name)
        except PracticumError as error:
            return " ".join(part for part in (error.message, error.hint or "") if part)
        progress.advance(name)
        return ""

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        answers = dict(zip(names, pool.map(one, names), strict=True))
    why = {name: reason for name, reason in answers.items() if reason}
    gone = [name for name in names if name not in why and name in reading.berths]
    return why | stacks.forget(gone, noted)


def _stacks(reading: ClustersReading, begun: Iterable[str]) -> list[str]:
    plan = reading.plan
    names = {part.name for part in plan.having("create", "change", "remove")} | {*begun}
    return [stack for stack, name in reading.stacks.items() if name in names]


def read_after(settings: Settings, reading: ClustersReading) -> ClustersReading:
    """Read what is there now, and note which clusters are whole, and of whom nothing is left."""
    after = reread(settings, reading)
    note(after, reading)
    return narrowed(after, reading.only) if reading.only is not None else after


def note(after: ClustersReading, before: ClustersReading) -> None:
    """Note in the file which clusters are whole, and which leavers have nothing left.

    Raises:
        InputError: If it cannot be written.
    """
    there = {part.name for part in after.plan.students}
    left = {record.name for record in after.records.values() if record.dropped}
    touched = before.only if before.only is not None else left
    gone = (left & touched) - there
    noted: Mapping[str, clusters.Berth] = {
        name: replace(one, dropped=one.dropped or name in gone, made=after.berths[name].made)
        for name, one in after.known_berths.items()
    }
    if noted != after.known_berths:
        clusters.save(after.cohort.clusters_file, noted)
