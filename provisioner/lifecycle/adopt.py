"""Take a running cohort over after a loss: rebuild records and state from what runs.

Names, waves and generations stand as labels on the namespaces, and every object has a name
that does not change. So nothing has to be imported one by one: the engine applies what is
there already, as it is there, which the API server takes without changing anything. Who
differs from what is wanted is left out, for `up`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ..cohort import groups as group_file
from ..cohort import records as record_file
from ..errors import ClusterError
from ..manifest import GUARD, stack_name
from ..plan import Part
from ..settings import Settings
from . import claim, identity, lock
from .interrupt import stopping
from .progress import Progress
from .reading import Reading, read
from .stacks import settling
from .stacks.engine import Aside, Engine


@dataclass(frozen=True, kw_only=True)
class Adoption:
    """What was taken over, and what is left for `up`."""

    cohort: str
    cluster: str
    """UID of the cluster's kube-system namespace."""

    students: int
    """Students whose namespaces were found."""

    aside: tuple[str, ...] = ()
    """Files that could not be used, under the names that they have now."""

    rebuilt: tuple[str, ...] = ()
    """Stacks whose state was built anew."""

    differ: tuple[str, ...] = ()
    """Students who are not as they are to be, by id."""

    failed: Mapping[str, str] = field(default_factory=dict)
    """Why a stack could not be taken over, by its name."""


def adopt(
    settings: Settings, name: str, *, confirm: Callable[[Reading], bool], progress: Progress
) -> Adoption | None:
    """Rebuild a cohort's records and state from the cluster, and change nothing that runs.

    Args:
        settings: Folders and state backend.
        name: The cohort.
        confirm: Shown what is there; False stops before anything is written.
        progress: Told what happens.

    Returns:
        What was done; None when it was not confirmed.

    Raises:
        InputError: If the cohort's files are wrong.
        ClusterError: If the cluster cannot be used, or what all share is somebody else's.
        LockedError: If another run holds the cohort.
        Interrupted: If a signal came.
    """
    with lock.held(settings.home, name, progress.say) as held:
        reading = read(settings, name, adopting=True)
        _refuse_foreign(reading)
        if not confirm(reading):
            return None
        with (
            Engine.open(settings, reading, held, progress) as opened,
            claim.held(settings, reading, lost=opened.stop),
            settling.noted(opened, "adopt", reading.stacks) as engine,
            stopping(opened.stop, progress.say),
        ):
            aside = _rebuild_records(reading)
            return _rebuild_states(reading, engine, aside)


def _refuse_foreign(reading: Reading) -> None:
    guard = reading.plan.guard
    if guard.action == "foreign":
        raise ClusterError(
            f"There is nothing to adopt: {'; '.join(guard.changes)}.",
            hint="Check the context in cohort.yaml.",
        )


def _rebuild_records(reading: Reading) -> tuple[str, ...]:
    path = reading.cohort.records_file
    aside: tuple[str, ...] = ()
    try:
        record_file.load(path)
    except record_file.DamagedRecordsError:
        kept = path.with_name(f"{path.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
        path.rename(kept)
        aside = (str(kept),)
    uid = identity.of(reading.cohort, reading.found.uid)
    record_file.save(path, reading.records, cluster=uid)
    if reading.groups != reading.known_groups:
        group_file.save(group_file.file_of(reading.cohort), reading.groups)
    return aside


def _rebuild_states(reading: Reading, engine: Engine, aside: tuple[str, ...]) -> Adoption:
    engine.progress.step("Looking at the saved states")
    found = engine.set_aside_damaged(reading.stacks.values())
    failed = {stack: one.error for stack, one in found.items() if one.error}
    empty = {stack for stack, one in found.items() if one.empty and not one.error}
    applied = _apply(reading, engine, empty)
    failed |= {stack: why for stack, why in applied.items() if why}
    differ = [part for part in reading.plan.students if part.action != "same"]
    return Adoption(
        cohort=reading.cohort.name,
        cluster=reading.found.uid,
        students=sum(1 for part in reading.plan.students if part.action != "create"),
        aside=aside + _names(found),
        rebuilt=tuple(sorted(applied.keys() - failed.keys())),
        differ=tuple(sorted(reading.id_of(part.name) for part in differ)),
        failed=failed,
    )


def _apply(reading: Reading, engine: Engine, stacks: Collection[str]) -> dict[str, str]:
    """Apply what is there already, as it is there; returns why that failed, or '', by stack."""
    name, done = reading.cohort.name, {}
    guard = stack_name(name, GUARD)
    if guard in stacks and reading.plan.guard.action == "same":
        done[guard] = engine.run_guard(refresh=False)
    everybody = [*reading.plan.students, *reading.plan.groups]
    parts = [part for part in everybody if _stack(name, part) in stacks]
    stack_of = {part.name: _stack(name, part) for part in parts}
    done |= {stack_of[part.name]: "" for part in parts if not part.is_pulumis}
    differ = {part.name for part in parts if part.is_pulumis}
    failed = engine.run_waves(parts, leave_out=differ)
    return done | {stack_of[student]: why for student, why in failed.items()}


def _stack(cohort: str, part: Part) -> str:
    return stack_name(cohort, part.wave) if part.wave is not None else ""


def _names(found: Mapping[str, Aside]) -> tuple[str, ...]:
    return tuple(one.kept for one in found.values() if one.kept)
