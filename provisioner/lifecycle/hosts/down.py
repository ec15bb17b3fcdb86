"""Take a cohort's accounts off its lab hosts, and prove that nothing of them is left."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ... import private_file
from ...errors import InputError
from ...settings import Settings
from .. import journal, lock
from ..leaving import refuse_protected
from ..overview import Overview
from ..progress import Progress
from . import reading as lab_hosts
from . import report, status
from .reading import Labs
from .receipt import HostReceipt, HostsReceipt
from .report import HostRow, HostsResult
from .run import Ran, Wishes, run
from .status import HostStatus

PLAYBOOK = "remove-accounts"


def down(
    settings: Settings,
    name: str,
    *,
    limit: Iterable[str] = (),
    archive: bool = True,
    progress: Progress,
) -> HostsReceipt:
    """Archive every home, remove the accounts, and look for what is left; tools stay.

    Args:
        settings: Folders.
        name: The cohort; the caller has had it typed.
        limit: Hosts by name; all when empty.
        archive: Whether homes are kept, encrypted to the course's key.
        progress: Told what happens.

    Raises:
        InputError: If the files are wrong, the cohort is protected, or has no course key.
        ToolError: If Ansible came to no host at all.
        LockedError: If another run holds the cohort.
        Interrupted: If a signal came; Ansible has ended then.
    """
    with lock.held(settings.home, name, progress.say) as held:
        labs = lab_hosts.read(settings, name, limit, needs_students=False)
        refuse_protected(labs.cohort)
        refuse_without_key(labs, archive=archive)
        return take_down(settings, labs, held, progress, archive=archive)


def look_ahead(
    settings: Settings,
    name: str,
    *,
    limit: Iterable[str] = (),
    archive: bool = True,
    progress: Progress,
) -> HostsResult:
    """Ask the hosts what would go, and what would keep it from going; nothing is changed.

    Raises:
        InputError: If the files are wrong, or there is no course key.
        ToolError: If Ansible came to no host at all.
        LockedError: If another run holds the cohort.
        Interrupted: If a signal came.
    """
    began, what = time.monotonic(), "Asking hosts what would go"
    with lock.held(settings.home, name, progress.say) as held:
        labs = lab_hosts.read(settings, name, limit, needs_students=False)
        refuse_without_key(labs, archive=archive)
        wishes = Wishes(
            playbook=PLAYBOOK, what=what, check=True, archive=archive, keep_open=(held,)
        )
        rows = run(settings, labs, wishes, progress).rows
    took = round(time.monotonic() - began, 1)
    return HostsResult(cohort=name, rows=rows, check=True, seconds=took)


def to_clear(reading: Overview, *, archive: bool) -> Labs | None:
    """Return the hosts on which a cohort that goes may have accounts; None where it has none.

    Also where the file that says who is where is not here: the hosts know whose account it is.

    Raises:
        InputError: If no home can be archived for want of a course key, or some accounts are
            on hosts that the cohort file does not name.
    """
    if not reading.cohort.hosts:
        lab_hosts.refuse_lost(reading.cohort)
        return None
    labs = lab_hosts.of(reading.cohort, needs_students=False)
    if not labs.known and not any(map(labs.is_pinned, labs.hosts)):
        return None  # with these files nobody ever came to a host
    refuse_without_key(labs, archive=archive)
    return labs


def refuse_without_key(labs: Labs, *, archive: bool) -> None:
    """Stop where homes are to be kept and there is no key to keep them with.

    Raises:
        InputError: If that is so.
    """
    if archive and labs.cohort.course_key is None and labs.known:
        raise InputError(
            f"{labs.cohort.name} has no course_key, so no home can be archived; nothing was"
            " changed.",
            hint=f"Make one with: practicum archive key {labs.cohort.name}."
            " Or say --no-archive, and keep nothing.",
        )


def take_down(
    settings: Settings, labs: Labs, held: int, progress: Progress, *, archive: bool
) -> HostsReceipt:
    """Remove the accounts, prove it and keep the receipt; the caller holds the lock.

    Raises:
        InputError: If a folder cannot be written.
        ToolError: If Ansible came to no host at all.
        Interrupted: If a signal came; Ansible has ended then.
    """
    wishes = Wishes(
        playbook=PLAYBOOK, what="Removing accounts from hosts", archive=archive, keep_open=(held,)
    )
    with journal.kept(settings, labs.cohort.name, "hosts down"):
        ran = run(settings, labs, wishes, progress)
        # No audit: a class file that is gone or damaged must not cost the receipt of what is done.
        found = status.ask(settings, labs, held, progress, audit=False)
    receipt = _receipt(labs, ran, {host.name: host for host in found.hosts})
    clean = [host.name for host in receipt.hosts if host.proved]
    if clean and not receipt.not_archived:
        lab_hosts.vacate(labs, clean)
        report.forget(settings, labs.cohort.name, clean)
    return _keep(settings, receipt)


def _receipt(labs: Labs, ran: Ran, found: Mapping[str, HostStatus]) -> HostsReceipt:
    return HostsReceipt(
        cohort=labs.cohort.name,
        time=datetime.now(UTC),
        hosts=tuple(_of(row, ran.data.get(row.name, {}), found[row.name]) for row in ran.rows),
        archives=ran.harvest.archives,
        not_archived=tuple(problem for row in ran.rows for problem in row.problems),
        troubles=ran.harvest.problems,
    )


def _of(row: HostRow, data: Mapping[str, Any], now: HostStatus) -> HostReceipt:
    """Believe what the host was found to have afterwards, not what it said it did."""
    remaining = []
    if row.state not in ("ok", "changed"):
        remaining.append(f"not searched: {row.why}")
    elif now.state in ("unreachable", "failed"):
        remaining.append(f"not searched afterwards: {now.why}")
    elif now.state != "not prepared":
        remaining.append("it still says that it is prepared for the cohort")
    remaining += [f"account {one}" for one in now.accounts]
    remaining += now.leftovers
    return HostReceipt(
        name=row.name,
        state=row.state,
        removed=tuple(map(str, data.get("lab_removals", {}).get("removed") or ())),
        remaining=tuple(dict.fromkeys(remaining)),
        held=row.held,
    )


def _keep(settings: Settings, receipt: HostsReceipt) -> HostsReceipt:
    folder = private_file.make_folder(settings.home / "receipts")
    path = folder / f"{receipt.cohort}-hosts-{receipt.time:%Y%m%dT%H%M%SZ}.json"
    private_file.write(path, json.dumps(receipt.to_json(), indent=2).encode())
    return replace(receipt, path=path)
