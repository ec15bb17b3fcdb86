"""Run one playbook on a cohort's hosts, and take in what it brings back."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from .. import playbook, private_file
from ..cohort.hosts import Host
from ..errors import ToolError
from ..playbook import HostResult, Play, Run
from ..settings import Settings
from . import host_claim, host_harvest, host_inventory
from .host_harvest import Harvest
from .host_inventory import Folders
from .host_report import NOT_PINNED, HostRow, not_started, row_of
from .interrupt import stopping
from .lab_hosts import Labs
from .progress import Progress

STOPPING = "Stopping: Ansible is ended at once. The same command again goes on."


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """How a playbook is run."""

    playbook: str
    """Name of the file, without its ending."""

    what: str
    """What a person is told that goes on."""

    check: bool = False
    changes: bool = True
    """Whether hosts are changed, so that nobody else may do so meanwhile."""

    archive: bool = True
    keep_open: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What came of it."""

    rows: tuple[HostRow, ...]
    data: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What each host reported, by its name."""

    harvest: Harvest
    """What was brought back."""


def folders_of(settings: Settings, labs: Labs) -> Folders:
    """Return where a playbook leaves what it brings back.

    Who leaves twice is archived twice: no run writes over what an earlier one has kept.
    """
    now = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    return Folders(
        archives=settings.home / "archive" / labs.cohort.name / "hosts" / now,
        keys=settings.home / "playbook" / f"{labs.cohort.name}-keys",
    )


def run(settings: Settings, labs: Labs, wishes: Wishes, progress: Progress) -> Ran:
    """Run a playbook on the hosts whose keys are pinned; the caller holds the lock.

    Raises:
        InputError: If a folder cannot be written.
        ToolError: If Ansible came to no host at all.
        Interrupted: If a signal came; Ansible has ended then.
    """
    known = [host for host in labs.hosts if labs.is_pinned(host)]
    with _folders(settings, labs, known) as folders:
        results = _follow(settings, labs, folders, known, wishes, progress) if known else {}
        data = {name: result.data for name, result in results.items()}
        brought = host_harvest.take_in(labs, data, folders)
    rows = tuple(_row(labs, host, results.get(host.name)) for host in labs.hosts)
    return Ran(rows=rows, data=data, harvest=brought)


def _row(labs: Labs, host: Host, result: HostResult | None) -> HostRow:
    students = len(labs.wanted_on(host))
    if result is None:
        return not_started(host.name, NOT_PINNED.format(cohort=labs.cohort.name), students)
    return row_of(result, students)


def _follow(
    settings: Settings,
    labs: Labs,
    folders: Folders,
    hosts: list[Host],
    wishes: Wishes,
    progress: Progress,
) -> dict[str, HostResult]:
    claim = host_claim.of(settings) if wishes.changes else None
    inventory = {
        host.name: host_inventory.variables(labs, host, folders, archive=wishes.archive)
        | {"lab_claim": claim}
        for host in hosts
    }
    play = Play(
        playbook=playbook.playbook_file(wishes.playbook),
        hosts=inventory,
        home=settings.home,
        cohort=labs.cohort.name,
        check=wishes.check,
        keep_open=wishes.keep_open,
    )
    one = Run(play)
    progress.step(wishes.what, len(hosts))
    with stopping(one.stop, progress.say, first=STOPPING):
        results = one.follow(_telling(progress))
        if wishes.changes and not wishes.check:
            _let_go(play, results)
    for host in hosts:
        progress.advance(host.name)
    return results


def _let_go(play: Play, results: Mapping[str, HostResult]) -> None:
    """Take back the claim on hosts that came to no end of the playbook, where it was let go."""
    stuck = {
        name: play.hosts[name]
        for name, result in results.items()
        if result.state == "failed" and not host_claim.holder(result.data)
    }
    if stuck:
        with suppress(ToolError):  # it ends by itself
            release = playbook.playbook_file(host_claim.RELEASE)
            Run(replace(play, playbook=release, hosts=stuck)).follow()


def _telling(progress: Progress) -> Callable[[HostResult], None]:
    told: set[str] = set()

    def tell(host: HostResult) -> None:
        progress.doing(host.name, host.task)
        if (host.failed or host.unreachable) and host.name not in told:
            told.add(host.name)
            progress.say(f"{host.name}: {host.why}")

    return tell


@contextmanager
def _folders(settings: Settings, labs: Labs, hosts: Iterable[Host]) -> Iterator[Folders]:
    """Make the folders for what comes back, and leave none of them empty."""
    folders = folders_of(settings, labs)
    shutil.rmtree(folders.keys, ignore_errors=True)
    for host in hosts:
        for parent in (folders.archives, folders.keys):
            private_file.make_folder(parent / host.name)
    try:
        yield folders
    finally:
        shutil.rmtree(folders.keys, ignore_errors=True)
        above = (folders.archives, *list(folders.archives.parents)[:3])
        for folder in (*folders.archives.glob("*"), *above):
            with suppress(OSError):  # there is something in it
                folder.rmdir()
