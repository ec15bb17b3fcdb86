"""Bring up a cohort's namespaces: what all share, who leaves, then wave by wave who differs."""

from __future__ import annotations

import time
from collections.abc import Container, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from .. import cluster
from ..cohort import groups as group_file
from ..cohort import records as record_file
from ..errors import ClusterError, ToolError
from ..manifest import GUARD, Manifest, key_of, stack_name
from ..plan import Action, Part, Plan
from ..settings import Settings
from . import afterwards, claim, identity, journal, pull_secrets, removal, usage
from .interrupt import stopping
from .leaving import KEEP_ALL, Leaving
from .progress import Progress
from .reading import Reading, narrowed
from .stacks import settling
from .up_result import UpResult, summary

if TYPE_CHECKING:
    from .stacks.engine import Engine

CHECKED = ("create", "change")
CLAIM = "PersistentVolumeClaim"


def bring_up(
    settings: Settings,
    reading: Reading,
    held: int,
    progress: Progress,
    leaving: Leaving = KEEP_ALL,
) -> UpResult:
    """Make what a reading says; the caller holds the lock and has had it confirmed.

    Raises:
        ClusterError: If rights are missing; nothing has been changed then. Or if the cluster
            stops answering in the middle; it is said then what is through.
        ToolError: If the guard cannot be brought up.
        LockedError: If another operator's run holds the cohort.
        Interrupted: If a signal came; what was in flight has finished.
    """
    began = time.monotonic()
    half_done = settling.half_done(settings, reading)
    if reading.plan.is_empty and not half_done:
        _leave_as_it_is(settings, reading, progress)
        return summary(reading, reading.plan, {}, began)
    from .archives import last_archive
    from .stacks.engine import Engine  # it brings the toolchain: not for a run without changes

    claim.refuse_going(settings, reading)
    _refuse_without_rights(reading)
    pull_secrets.refuse_without_sources(reading)
    stacks = [*stacks_of(reading.plan), *half_done]
    with (
        Engine.open(settings, reading, held, progress) as opened,
        claim.held(settings, reading, lost=opened.stop, make=True) as hold,
        settling.noted(opened, "up", stacks, some=reading.only is not None) as engine,
    ):
        _save(reading)
        with stopping(opened.stop, progress.say):
            going = leaving_namespaces(reading) if leaving.archive else []
            kept = last_archive.before_deletion(settings, reading, going, progress)
            if going:
                hold.check()  # it may have taken minutes, and leavers are deleted next
            forced = {reading.records[id].name for id in leaving.force if id in reading.records}
            why = _apply(reading, engine, progress, spared=kept.failed, forced=forced)
            settling.settle(engine, half_done)
    after = afterwards.read_again(settings, reading, why)
    usage.sample_on_the_way(settings, after, progress.say)
    if reading.only is not None:
        after = narrowed(after, reading.only)
    done = summary(reading, after.plan, why, began, processes=engine.workers.started)
    return replace(done, archives=kept.made)


def _leave_as_it_is(settings: Settings, reading: Reading, progress: Progress) -> None:
    """Write down that all is as it should be."""
    _save(reading)
    claim.clear(settings, reading)
    if reading.only is None:
        journal.settle(settings, reading.cohort.name)
    usage.sample_on_the_way(settings, reading, progress.say)


def leaving_namespaces(reading: Reading) -> list[Manifest]:
    """Return the namespaces that a plan would delete, with all that is in them."""
    parts = [reading.plan.guard, *_with(reading.plan, "remove", "change")]
    return [live for part in parts for live in part.surplus if live["kind"] == "Namespace"]


def refuse_without_course_key(reading: Reading, leaving: Leaving) -> None:
    """Stop where somebody leaves whose work could not be archived.

    Raises:
        InputError: If that is so.
    """
    going = leaving_namespaces(reading) if leaving.archive else []
    if not going:
        return
    from .archives import archiving  # whoever loses nobody pays nothing for it

    archiving.refuse_without_key(
        reading.cohort, going, otherwise="Or say --no-archive, and keep nothing."
    )


def _refuse_without_rights(reading: Reading) -> None:
    client, cohort = reading.client, reading.cohort
    guard = reading.plan.guard.action != "same"
    missing = cluster.missing_rights(client, cluster.needed_rights(client, cohort, guard=guard))
    if missing:
        raise ClusterError(
            f"The cluster does not let us do what this takes: {cluster.listed_rights(missing)}.",
            hint="Its administrator gives these rights, as docs/how-to/own-cluster.md says:"
            f" practicum role {cohort.name}",
        )
    if reading.plan.guard.action == "foreign":
        raise ClusterError(
            f"What all students share is in somebody else's hands:"
            f" {'; '.join(reading.plan.guard.changes)}.",
            hint="Give the cohort another name, or delete that object if it is not needed.",
        )


def _save(reading: Reading) -> None:
    """Keep the records before anything is made by them: a killed run loses no name."""
    cluster_uid = identity.of(reading.cohort, reading.found.uid)
    if reading.to_save != reading.known or cluster_uid != reading.recorded:
        record_file.save(reading.cohort.records_file, reading.to_save, cluster=cluster_uid)
    if reading.groups_to_save != reading.known_groups:
        group_file.save(group_file.file_of(reading.cohort), reading.groups_to_save)


def _apply(
    reading: Reading,
    engine: Engine,
    progress: Progress,
    *,
    spared: Mapping[str, str],
    forced: Container[str],
) -> dict[str, str]:
    """Apply a plan; returns why students failed, by name.

    Args:
        reading: The cohort.
        engine: Pulumi.
        progress: Told what happens.
        spared: Students of whom nothing is deleted, with the reason.
        forced: Students whose stuck namespace is let go of, if nothing remains in it.
    """
    plan = reading.plan
    if plan.is_empty:
        return {}
    engine.warm_up(len({part.wave for part in _for_pulumi(plan) if part.wave is not None}))
    leaving = [part for part in _with(plan, "remove", "change") if part.name not in spared]
    surplus, kept = pull_secrets.take_back(reading.client, leaving)
    if plan.guard.action != "same":
        progress.step("Setting up what all students share")
        _bring_guard_up(reading, engine, spared)
    why = {part.name: "; ".join(part.changes) for part in _with(plan, "foreign")}
    why |= {**spared, **kept}
    why |= removal.remove_surplus(reading.client, surplus, progress, forced=forced)
    why |= _check(reading, [p for p in _for_pulumi(plan) if p.action in CHECKED], progress)
    why |= engine.run_waves(_for_pulumi(plan), leave_out=set(why))
    ready = [part for part in _with(plan, "create", "change") if part.name not in why]
    return why | pull_secrets.write(reading, ready, progress)


def _bring_guard_up(reading: Reading, engine: Engine, spared: Container[str]) -> None:
    guard = reading.plan.guard
    _take_away(reading, guard)
    from .archives import archiving

    stays = {ns["metadata"]["name"] for ns in guard.surplus if archiving.subject_of(ns) in spared}
    going = [live for live in guard.surplus if not {_name(live), _place(live)} & stays]
    removal.remove_surplus(reading.client, [replace(guard, surplus=tuple(going))], None)
    error = engine.run_guard(refresh=guard.action == "change" or bool(reading.known))
    if error:
        raise ToolError("What all students share could not be set up.", details=error)


def _name(live: Manifest) -> str:
    return str(live["metadata"]["name"])


def _place(live: Manifest) -> str:
    return str(live["metadata"].get("namespace", ""))


def _check(reading: Reading, parts: list[Part], progress: Progress) -> dict[str, str]:
    """Ask the server beforehand: a refusal inside a wave would be noticed too late.

    Inside a namespace that is yet to be made nothing can be asked, so there it is the
    Namespace alone.
    """
    if not parts:
        return {}
    progress.step("Asking the cluster whether it takes the changes", len(parts))

    def refusal(part: Part) -> str:
        asked = part.wanted[:1] if part.action == "create" else _askable(part)
        try:
            _take_away(reading, part)
        except ClusterError as error:
            return error.message
        answers = (cluster.check(reading.client, manifest) for manifest in asked)
        found = next((answer for answer in answers if answer), "")
        progress.advance(part.name)
        return found

    answers = reading.client.each(refusal, parts)
    return {part.name: answer for part, answer in answers if answer}


def _askable(part: Part) -> list[Manifest]:
    """Return what can be asked for; a claim that is new may be one more than the quota has yet."""
    new = {f"{key_of(one)} is missing" for one in part.wanted if one["kind"] == CLAIM}
    return [one for one in part.wanted if f"{key_of(one)} is missing" not in new & {*part.changes}]


def _take_away(reading: Reading, part: Part) -> None:
    for live, patch in part.patches:
        cluster.take_away(reading.client, live, patch)


def stacks_of(plan: Plan) -> list[str]:
    """Return the names of the stacks that a plan concerns."""
    guard = [stack_name(plan.cohort, GUARD)] if plan.guard.action != "same" else []
    parts = _for_pulumi(plan)
    waves = {stack_name(plan.cohort, part.wave) for part in parts if part.wave is not None}
    return guard + sorted(waves)


def _for_pulumi(plan: Plan) -> list[Part]:
    parts = _with(plan, "create", "change", "remove", "foreign")
    return [part for part in parts if part.is_pulumis]


def _with(plan: Plan, *actions: Action) -> list[Part]:
    """Return the students and the groups with one of these actions."""
    return plan.having(*actions) + plan.shared(*actions)
