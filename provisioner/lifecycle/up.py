"""Make the cluster match the roster: only what differs, wave by wave."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from .. import cluster
from ..cohort import groups as group_file
from ..cohort import records as record_file
from ..cohort.difference import check_shrink
from ..errors import ClusterError, ToolError
from ..manifest import GUARD, Manifest, stack_name
from ..plan import Action, Part, Plan
from ..settings import Settings
from . import archiving, backend, claim, identity, journal, removal, settling, usage
from .archiving import Archive
from .choice import EVERYBODY, Choice, chosen
from .holding import Held, holding
from .interrupt import stopping
from .progress import Progress
from .reading import Overview, Reading, narrowed, read, records_path

if TYPE_CHECKING:
    from .engine import Engine
    from .host_report import HostsResult


@dataclass(frozen=True, kw_only=True)
class UpResult:
    """What a run did: how many students, and why some are not ready."""

    cohort: str
    created: int = 0
    changed: int = 0
    same: int = 0
    removed: int = 0
    failed: Mapping[str, str] = field(default_factory=dict)
    """Why, by the student's id."""

    groups: Counter[str] = field(default_factory=Counter)
    """How many groups were created, changed and removed, and how many were right."""

    failed_groups: Mapping[str, str] = field(default_factory=dict)
    """Why, by what the roster calls the group."""

    seconds: float = 0.0
    left: int = 0
    """Students who differ and were left for a later run, as was asked for."""

    processes: int = 0
    """Worker processes that were started; none when nothing differed."""

    archives: tuple[Archive, ...] = ()
    """What was kept of those who left."""

    hosts: HostsResult | None = None
    """How the lab hosts fared, where the cohort has any and nobody was named."""

    @property
    def is_whole(self) -> bool:
        """Whether everybody, every group and every host is as it should be."""
        hosts = self.hosts.exit_code if self.hosts else 0
        return not (self.failed or self.failed_groups or hosts)


@dataclass(frozen=True, kw_only=True)
class Leaving:
    """What is done for students who leave, before and while their namespace goes."""

    archive: bool = True
    """Whether their work is archived first; whose work cannot be, is not removed."""

    force: tuple[str, ...] = ()
    """Ids of those whose namespace is let go of by force, when it is stuck and nothing
    remains in it but finalizers of its own."""


KEEP_ALL = Leaving()


def up(  # noqa: PLR0913  (each is a choice of its own)
    settings: Settings,
    name: str,
    *,
    confirm: Callable[[Overview], bool],
    progress: Progress,
    allow_drop: int | None = None,
    choice: Choice = EVERYBODY,
    leaving: Leaving = KEEP_ALL,
    before: Held | None = None,
) -> UpResult | None:
    """Bring a cohort up, or bring it up to date.

    Args:
        settings: Folders and state backend.
        name: The cohort.
        confirm: Shown the plan; False stops before anything is changed.
        progress: Told what happens.
        allow_drop: How many students may leave, where that is more than usual.
        choice: Which students it is for.
        leaving: What is done for those who leave.
        before: The cohort, where the caller holds it already.

    Returns:
        What was done; None when it was not confirmed.

    Raises:
        InputError: If the files are wrong, too many students would be dropped, or the work
            of those who leave cannot be archived for want of a course key.
        ClusterError: If the cluster cannot be used; nothing has been changed then.
        ToolError: If the guard cannot be brought up.
        LockedError: If another run holds the cohort.
        Interrupted: If a signal came; what was in flight has finished.
    """
    with holding(settings, name, progress.say, before) as held:
        reading = backend.read(settings, name, held.asked)
        ours = backend.of(reading.cohort)
        if not choice.ids:  # else nothing outside theirs is touched
            ours.sweep(settings, reading, progress.say)
        reading = chosen(reading, choice)
        refuse_mass_drop(reading, allow_drop)
        ours.refuse_without_key(reading, leaving)
        reading = _with_hosts(reading, choice, allow_drop, leaving)
        nothing = _is_settled(reading) and not ours.unsettled(settings, reading)
        if not (nothing or confirm(reading)):
            return None
        done = ours.bring_up(settings, reading, held.lock, progress, leaving)
        hosts = _bring_hosts_up(settings, reading, held.lock, progress, leaving)
        return replace(done, hosts=hosts)


def _with_hosts(
    reading: Overview, choice: Choice, allow_drop: int | None, leaving: Leaving
) -> Overview:
    """Return the reading with its lab hosts, unless only some students are meant.

    Raises:
        InputError: If somebody has no host, or too many would leave theirs.
    """
    if choice.ids or not reading.cohort.hosts:
        return reading
    from . import hosts_up, lab_hosts  # only a course with hosts pays for them

    labs = lab_hosts.of(reading.cohort)
    hosts_up.refuse(labs, hosts_up.Manner(allow_drop=allow_drop, archive=leaving.archive))
    return replace(reading, labs=labs)


def _bring_hosts_up(
    settings: Settings, reading: Overview, held: int, progress: Progress, leaving: Leaving
) -> HostsResult | None:
    """Make the lab hosts right, where the run is about them.

    Raises:
        InputError: If a file cannot be written, or the class's secrets cannot be changed.
        ToolError: If Ansible came to no host at all.
        Interrupted: If a signal came; Ansible has ended then.
    """
    if reading.labs is None:
        return None
    from . import hosts_up

    manner = hosts_up.Manner(archive=leaving.archive)
    return hosts_up.bring_up(settings, reading.labs, held, progress, manner)


def _is_settled(reading: Overview) -> bool:
    """Say whether nobody comes, goes or changes, so that there is nothing to confirm."""
    return reading.plan.is_empty and (
        reading.labs is None or reading.labs.seats == reading.labs.known
    )


def bring_up(
    settings: Settings,
    reading: Reading,
    held: int,
    progress: Progress,
    leaving: Leaving = KEEP_ALL,
) -> UpResult:
    """Make what a reading says; the caller holds the lock and has had it confirmed.

    Raises:
        ClusterError: If rights are missing; nothing has been changed then.
        ToolError: If the guard cannot be brought up.
        LockedError: If another operator's run holds the cohort.
        Interrupted: If a signal came; what was in flight has finished.
    """
    began = time.monotonic()
    half_done = settling.half_done(settings, reading)
    if reading.plan.is_empty and not half_done:
        _save(reading)
        claim.clear(settings, reading)
        if reading.only is None:
            journal.settle(settings, reading.cohort.name)
        usage.sample_on_the_way(settings, reading, progress.say)
        return summary(reading, reading.plan, {}, began)
    from .engine import Engine  # with the toolchain, which a run that changes nothing needs not

    _refuse_without_rights(reading)
    stacks = [*stacks_of(reading.plan), *half_done]
    some = reading.only is not None
    with (
        Engine.open(settings, reading, held, progress) as opened,
        claim.held(settings, reading, lost=opened.stop, make=True),
        settling.noted(opened, "up", stacks, some=some) as engine,
    ):
        _save(reading)
        with stopping(opened.stop, progress.say):
            going = leaving_namespaces(reading) if leaving.archive else []
            kept = archiving.before_deletion(settings, reading, going, progress)
            forced = {reading.records[id].name for id in leaving.force if id in reading.records}
            why = _apply(reading, engine, progress, spared=kept.failed, forced=forced)
            settling.settle(engine, half_done)
    after = _shut_again(settings, read(settings, reading.cohort.name))
    usage.sample_on_the_way(settings, after, progress.say)
    if reading.only is not None:
        after = narrowed(after, reading.only)
    done = summary(reading, after.plan, why, began, processes=engine.workers.started)
    return replace(done, archives=kept.made)


def leaving_namespaces(reading: Reading) -> list[Manifest]:
    """Return the namespaces that a plan would delete, with all that is in them."""
    parts = [reading.plan.guard, *_with(reading.plan, "remove", "change")]
    return [live for part in parts for live in part.surplus if live["kind"] == "Namespace"]


def _shut_again(settings: Settings, after: Reading) -> Reading:
    """Take away the bindings of who was revoked while we worked: we had planned them before."""
    parts = after.plan.having("change")
    back = [part for part in parts if part.record and part.record.revoked and part.surplus]
    if not back:
        return after
    removal.remove_surplus(after.client, back, None)
    return read(settings, after.cohort.name)


def refuse_mass_drop(reading: Overview, allow: int | None) -> None:
    """Stop where many would leave at once and nobody said how many.

    Raises:
        InputError: If that is so.
    """
    before = sum(not record.dropped for record in reading.known.values())
    leaving = len(reading.plan.having("remove"))
    check_shrink(max(before, leaving), leaving, allow)
    groups = sum(not group.dropped for group in reading.known_groups.values())
    ending = len(reading.plan.shared("remove"))
    said = ending if allow is not None and allow >= ending else allow
    check_shrink(max(groups, ending), ending, said, what="groups")


def refuse_without_course_key(reading: Reading, leaving: Leaving) -> None:
    """Stop where somebody leaves whose work could not be archived.

    Raises:
        InputError: If that is so.
    """
    going = leaving_namespaces(reading) if leaving.archive else []
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
        record_file.save(records_path(reading.cohort), reading.to_save, cluster=cluster_uid)
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
    engine.warm_up(_to_do(plan))
    if plan.guard.action != "same":
        progress.step("Setting up what all students share")
        _bring_guard_up(reading, engine, spared)
    why = {part.name: "; ".join(part.changes) for part in _with(plan, "foreign")}
    why |= spared
    surplus = [part for part in _with(plan, "remove", "change") if part.name not in spared]
    why |= removal.remove_surplus(reading.client, surplus, progress, forced=forced)
    why |= _check(reading, _with(plan, "create", "change"), progress)
    return why | engine.run_waves(_to_do(plan), leave_out=set(why))


def _bring_guard_up(reading: Reading, engine: Engine, spared: Container[str]) -> None:
    guard = reading.plan.guard
    _take_away(reading, guard)
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
    progress.step("Asking the cluster whether it takes the changes", len(parts))

    def refusal(part: Part) -> str:
        asked = part.wanted[:1] if part.action == "create" else part.wanted
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


def _take_away(reading: Reading, part: Part) -> None:
    for live, patch in part.patches:
        cluster.take_away(reading.client, live, patch)


def stacks_of(plan: Plan) -> list[str]:
    """Return the names of the stacks that a plan concerns."""
    guard = [stack_name(plan.cohort, GUARD)] if plan.guard.action != "same" else []
    waves = {stack_name(plan.cohort, part.wave) for part in _to_do(plan) if part.wave is not None}
    return guard + sorted(waves)


def _to_do(plan: Plan) -> list[Part]:
    return _with(plan, "create", "change", "remove", "foreign")


def _with(plan: Plan, *actions: Action) -> list[Part]:
    """Return the students and the groups with one of these actions."""
    return plan.having(*actions) + plan.shared(*actions)


def summary(
    reading: Overview, after: Plan, why: Mapping[str, str], began: float, processes: int = 0
) -> UpResult:
    """Count what was done by what is there now, not by what was tried."""
    done, left = _done(reading.plan.students, after.students, why)
    groups, left_groups = _done(reading.plan.groups, after.groups, why)
    return UpResult(
        cohort=reading.cohort.name,
        created=done["create"],
        changed=done["change"],
        same=done["same"],
        removed=done["remove"],
        failed={reading.id_of(name): reason for name, reason in left.items()},
        groups=groups,
        failed_groups={reading.title_of(name): reason for name, reason in left_groups.items()},
        left=reading.left,
        seconds=round(time.monotonic() - began, 1),
        processes=processes,
    )


def _done(
    parts: Iterable[Part], after: Iterable[Part], why: Mapping[str, str]
) -> tuple[Counter[str], dict[str, str]]:
    """Return how many are ready by what was to be done, and why others are not, by name."""
    now = {part.name: part for part in after}
    done: Counter[str] = Counter()
    failed = {}
    for part in parts:
        left = now.get(part.name)
        ready = left is None if part.action == "remove" else left and left.action == "same"
        if ready:
            done[part.action] += 1
        else:
            failed[part.name] = why.get(part.name) or _still(left)
    return done, failed


def _still(part: Part | None) -> str:
    if part is None or part.action == "create":
        return "nothing was made"
    return "; ".join(part.changes) or "it is still there"
