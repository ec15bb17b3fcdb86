"""Make the lab hosts match the roster, all of it or what failed the last time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from ...errors import InputError
from ...settings import Settings
from .. import journal, lock
from ..access import class_secret
from ..access.class_secret import Audit
from ..progress import Progress
from . import harvest, report
from . import reading as lab_hosts
from .reading import Labs
from .report import HostsResult
from .run import Ran, Wishes, run

PLAYBOOK = "prepare-hosts"


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How it is done, and on which hosts."""

    limit: tuple[str, ...] = ()
    """Hosts by name; all when empty."""

    only_failed: bool = False
    """Only the hosts that the last run did not finish."""

    check: bool = False
    """Ask what would change, and change nothing."""

    allow_drop: int | None = None
    archive: bool = True
    """Whether the homes of those who leave are kept, encrypted."""


EVERYTHING = Manner()


def up(
    settings: Settings,
    name: str,
    *,
    confirm: Callable[[Labs], bool],
    progress: Progress,
    manner: Manner = EVERYTHING,
) -> HostsResult | None:
    """Bring the hosts of a cohort up, or up to date.

    Args:
        settings: Folders.
        name: The cohort.
        confirm: Shown who is where; False stops before anything is changed.
        progress: Told what happens.
        manner: How, and on which hosts.

    Returns:
        How each host fared; None when it was not confirmed.

    Raises:
        InputError: If the files are wrong, too many would leave, or homes cannot be kept.
        ToolError: If Ansible came to no host at all.
        LockedError: If another run holds the cohort.
        Interrupted: If a signal came; Ansible has ended then.
    """
    with lock.held(settings.home, name, progress.say) as held:
        only = report.failed_last_time(settings, name) if manner.only_failed else ()
        labs = lab_hosts.read(settings, name, manner.limit or only)
        refuse(labs, manner)
        if not (manner.check or confirm(labs)):
            return None
        return bring_up(settings, labs, held, progress, manner)


def refuse(labs: Labs, manner: Manner) -> None:
    """Stop before anything is done where too much would be lost.

    Raises:
        InputError: If many would leave, or somebody's home could not be kept.
    """
    lab_hosts.refuse_mass_drop(labs, manner.allow_drop)
    if lab_hosts.leavers(labs) and manner.archive and labs.cohort.course_key is None:
        raise InputError(
            f"{labs.cohort.name} has no course_key, so the homes of those who leave cannot be"
            " archived; nothing was changed.",
            hint=f"Make one with: practicum archive key {labs.cohort.name}."
            " Or say --no-archive, and keep nothing.",
        )


def bring_up(
    settings: Settings, labs: Labs, held: int, progress: Progress, manner: Manner
) -> HostsResult:
    """Do what was confirmed; the caller holds the lock.

    Raises:
        InputError: If a file cannot be written, or the class's secret cannot be changed.
        ToolError: If Ansible came to no host at all.
        Interrupted: If a signal came; Ansible has ended then.
    """
    began = time.monotonic()
    wishes = Wishes(
        playbook=PLAYBOOK,
        what="Asking hosts what would change" if manner.check else "Preparing hosts",
        check=manner.check,
        archive=manner.archive,
        keep_open=(held,),
    )
    if manner.check:
        done = _result(labs, run(settings, labs, wishes, progress))
        return replace(done, check=True, seconds=round(time.monotonic() - began, 1))
    with journal.kept(settings, labs.cohort.name, "hosts up"):
        lab_hosts.save(labs)
        renewed = class_secret.renew(settings, labs)
        done = _result(labs, run(settings, labs, wishes, progress), renewed)
        report.remember(settings, done)
    return replace(done, seconds=round(time.monotonic() - began, 1))


def _result(labs: Labs, ran: Ran, renewed: Iterable[Audit] = ()) -> HostsResult:
    return HostsResult(
        cohort=labs.cohort.name,
        rows=ran.rows,
        notes=(*_of_secret(renewed), *harvest.notes(ran.harvest)),
        archives=ran.harvest.archives,
    )


def _of_secret(renewed: Iterable[Audit]) -> Iterable[str]:
    for one in renewed:
        yield f"{one.file} was encrypted to the class as it is now, with a new data key."
        if one.extra:
            yield (
                f"{len(one.extra)} key(s) can no longer open it. Whoever had them knows what it"
                " held: change those secrets themselves."
            )
