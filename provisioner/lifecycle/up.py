"""Make the cluster match the roster: only what differs, wave by wave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..settings import Settings
from . import backend
from .choice import EVERYBODY, Choice, chosen
from .holding import Held, holding
from .interrupt import ending_in_order
from .leaving import KEEP_ALL, Leaving, refuse_mass_drop
from .named import refuse_unknown
from .overview import Overview
from .progress import Progress
from .up_result import UpResult

if TYPE_CHECKING:
    from .hosts.report import HostsResult


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """How a cohort is to be brought up."""

    choice: Choice = EVERYBODY
    """Which students it is for."""

    leaving: Leaving = KEEP_ALL
    """What is done for those who leave."""

    dry_run: bool = False
    """Show the plan also where nothing differs, and sweep nothing; the lab hosts, which would
    else be made right then, are left alone too."""


USUAL = Wishes()


def up(
    settings: Settings,
    name: str,
    *,
    confirm: Callable[[Overview], bool],
    progress: Progress,
    wishes: Wishes = USUAL,
    before: Held | None = None,
) -> UpResult | None:
    """Bring a cohort up, or bring it up to date.

    Args:
        settings: Folders and state backend.
        name: The cohort.
        confirm: Shown the plan; False stops before anything is changed.
        progress: Told what happens.
        wishes: Which students it is for, and what is done for those who leave.
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
    leaving = wishes.leaving
    with holding(settings, name, progress.say, before) as held:
        reading = backend.read(settings, name, held.asked)
        ours = backend.of(reading.cohort)
        if not (wishes.choice.ids or wishes.dry_run):  # nothing outside theirs is touched
            ours.sweep(settings, reading, progress.say)
        reading = chosen(reading, wishes.choice)
        refuse_mass_drop(reading, leaving.allow)
        refuse_unknown(reading, leaving.force)
        ours.refuse_without_key(reading, leaving)
        reading = _with_hosts(reading, wishes)
        nothing = _is_settled(reading) and not ours.unsettled(settings, reading)
        if (wishes.dry_run or not nothing) and not confirm(reading):
            return None
        with ending_in_order(progress.say):
            done = ours.bring_up(settings, reading, held.lock, progress, leaving)
            hosts = _bring_hosts_up(settings, reading, held.lock, progress, leaving)
        return replace(done, hosts=hosts)


def _with_hosts(reading: Overview, wishes: Wishes) -> Overview:
    """Return the reading with its lab hosts, unless only some students are meant.

    Raises:
        InputError: If somebody has no host, or one that the cohort file does not name, or too
            many would leave theirs.
    """
    cohort = reading.cohort
    if wishes.choice.ids or not (cohort.hosts or cohort.hosts_file.exists()):
        return reading
    from .hosts import reading as lab_hosts
    from .hosts import up as hosts_up  # only a course with hosts pays for them

    if not cohort.hosts:
        lab_hosts.refuse_lost(cohort)
        return reading
    labs = lab_hosts.of(cohort)
    leaving = wishes.leaving
    hosts_up.refuse(labs, hosts_up.Manner(allow_drop=leaving.allow, archive=leaving.archive))
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
    from .hosts import up as hosts_up

    manner = hosts_up.Manner(archive=leaving.archive)
    return hosts_up.bring_up(settings, reading.labs, held, progress, manner)


def _is_settled(reading: Overview) -> bool:
    """Say whether nobody comes, goes or changes, so that there is nothing to confirm."""
    return reading.plan.is_empty and (
        reading.labs is None or reading.labs.seats == reading.labs.known
    )
