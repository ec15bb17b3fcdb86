"""Run one playbook on a cohort's hosts, and take in what it brings back."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from ... import playbook, private_file
from ...cohort.hosts import Host
from ...errors import Interrupted, PracticumError
from ...playbook import HostResult, Play, Run
from ...settings import Settings
from ..interrupt import stopping
from ..progress import Progress
from . import claim, harvest, inventory
from .harvest import Harvest
from .inventory import Folders
from .reading import Labs
from .report import NOT_PINNED, HostRow, not_started, row_of

STOPPING = "Stopping: Ansible is ended at once. The same command again goes on."
LETTING_GO = 120.0
"""Seconds in which hosts are released; what is not by then, ends by itself."""


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
    """What came of a run of a playbook on some hosts."""

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
        brought = harvest.take_in(labs, data, folders)
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
    play = Play(
        playbook=playbook.playbook_file(wishes.playbook),
        hosts=_inventory(settings, labs, folders, hosts, wishes),
        home=settings.home,
        cohort=labs.cohort.name,
        check=wishes.check,
        keep_open=wishes.keep_open,
    )
    run = Run(play)
    progress.step(wishes.what, len(hosts))
    try:
        with stopping(run.stop, progress.say, first=STOPPING):
            results = run.follow(_telling(progress))
    finally:  # also after Ctrl-C
        if wishes.changes and not wishes.check:
            _let_go(play, run.so_far)
    for host in hosts:
        progress.advance(host.name)
    return results


def _inventory(
    settings: Settings, labs: Labs, folders: Folders, hosts: list[Host], wishes: Wishes
) -> dict[str, dict[str, Any]]:
    ours = claim.of(settings) if wishes.changes else None
    return {
        host.name: inventory.variables(labs, host, folders, archive=wishes.archive)
        | {"lab_claim": ours}
        for host in hosts
    }


def _let_go(play: Play, results: Mapping[str, HostResult]) -> None:
    """Take back the claim on hosts that came to no end of the playbook, where it was let go.

    One that cannot be reached is tried too: it may have been claimed before it went away. What
    cannot be released costs no result, for a claim ends by itself.

    Raises:
        Interrupted: If a signal came while it is done.
    """
    stuck = {name: play.hosts[name] for name, one in results.items() if _may_be_held(one)}
    if not stuck:
        return
    try:
        file = playbook.playbook_file(claim.RELEASE)
        release = Run(replace(play, playbook=file, hosts=stuck, longest=LETTING_GO))
        with stopping(release.stop, lambda _: None):
            release.follow()
    except Interrupted:
        raise
    except PracticumError:
        pass


def _may_be_held(host: HostResult) -> bool:
    """Say whether a run may have left its claim on a host."""
    if claim.holder(host.data):
        return False
    return host.state == "failed" or (host.unreachable and host.answered)


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
