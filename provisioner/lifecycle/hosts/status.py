"""Show the lab hosts as they are, against what the roster wants of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...cohort.hosts import Host
from ...errors import PartialError, ToolError
from ...settings import Settings
from .. import lock
from ..access import class_secret
from ..access.class_secret import Audit
from ..progress import Progress
from . import reading as lab_hosts
from . import report
from .reading import PRESENT, SUSPENDED, Labs
from .report import HostRow, LastRun
from .run import Ran, Wishes, run

PLAYBOOK = "read-hosts"
PROGRAMS = {
    "dotfiles": "dotdrop",
    "docker": "dockerd",
    "git_server": "gitolite",
    "passage": "age",
}
"""What a tool is called on a host, where that is another word; a passage store needs age alone."""

UNASKED = ("not pinned", "unreachable", "failed")
"""States of a host that did not say what it has."""


@dataclass(frozen=True, kw_only=True)
class HostStatus:
    """One host now."""

    name: str
    address: str
    state: str
    """ready, differs, not prepared, not pinned, unreachable or failed."""

    students: int
    """Who is to have an account there."""

    differs: Mapping[str, tuple[str, ...]]
    """Accounts to create, suspend, resume and remove."""

    failed: int = 0
    """Students and tasks that failed in the last `hosts up` from here."""

    why: str = ""
    distribution: str = ""
    unlisted: tuple[str, ...] = ()
    """Accounts of the cohort that stand in no list here, so that no run looks after them."""

    absent: tuple[str, ...] = ()
    """Tools that students are to have there, and that are not."""

    no_quota: str = ""
    """Why nobody's part of the disk is bounded there; empty where it is."""

    leftovers: tuple[str, ...] = ()
    """What is of the cohort and no account."""

    processes: int = 0
    """Of all students together."""

    accounts: tuple[str, ...] = ()
    """Those of the cohort that are there."""

    @property
    def changed(self) -> int:
        """How many accounts `hosts up` would change."""
        return sum(map(len, self.differs.values()))

    def to_json(self) -> dict[str, Any]:
        """Return what ``--json`` prints of the host."""
        return {
            "name": self.name,
            "state": self.state,
            "changed": self.changed,
            "failed": self.failed,
            "students": self.students,
            "address": self.address,
            "why": self.why or None,
            "differs": {what: list(accounts) for what, accounts in self.differs.items()},
            "distribution": self.distribution or None,
            "unlisted": list(self.unlisted),
            "absent": list(self.absent),
            "no_quota": self.no_quota or None,
            "processes": self.processes,
        }


@dataclass(frozen=True, kw_only=True)
class HostsStatus:
    """The hosts of a cohort at one moment."""

    cohort: str
    hosts: tuple[HostStatus, ...]
    secrets: tuple[Audit, ...] = ()

    @property
    def is_ready(self) -> bool:
        """Whether nothing is left to do."""
        return all(host.state == "ready" for host in self.hosts)

    @property
    def exit_code(self) -> int:
        """What a script is told: 6 where some hosts could not be asked, 5 where none could."""
        unasked = sum(host.state in UNASKED for host in self.hosts)
        if not unasked:
            return 0
        return PartialError.exit_code if unasked < len(self.hosts) else ToolError.exit_code

    def to_json(self) -> dict[str, Any]:
        """Return what ``hosts status --json`` and ``hosts plan --json`` print."""
        return {
            "cohort": self.cohort,
            "hosts": [host.to_json() for host in self.hosts],
            "secrets": [_secret(one) for one in self.secrets],
        }


def _secret(found: Audit) -> dict[str, Any]:
    return {
        "file": str(found.file),
        "readers": sorted(found.readers),
        "missing": list(found.missing),
        "extra": list(found.extra),
        "unkeyed": list(found.unkeyed),
    }


def status(
    settings: Settings, name: str, *, limit: Iterable[str] = (), progress: Progress
) -> HostsStatus:
    """Ask every host what it has of the cohort; changes nothing.

    Raises:
        InputError: If the files are wrong.
        ToolError: If Ansible came to no host at all.
        LockedError: If a run holds the cohort: what is read then is half of something.
        Interrupted: If a signal came.
    """
    with lock.held(settings.home, name, progress.say) as held:
        labs = lab_hosts.read(settings, name, limit, needs_students=False)
        return ask(settings, labs, held, progress)


def ask(
    settings: Settings, labs: Labs, held: int, progress: Progress, *, audit: bool = True
) -> HostsStatus:
    """Ask the hosts; the caller holds the lock.

    Args:
        settings: Folders.
        labs: The cohort and its hosts.
        held: The lock's file descriptor.
        progress: Told what happens.
        audit: Whether who may decrypt the class's secrets is looked at too.

    Raises:
        InputError: If a folder cannot be written.
        ToolError: If Ansible came to no host at all.
        Interrupted: If a signal came.
    """
    wishes = Wishes(playbook=PLAYBOOK, what="Asking hosts", changes=False, keep_open=(held,))
    ran = run(settings, labs, wishes, progress)
    before = report.last(settings, labs.cohort.name)
    rows = {row.name: row for row in ran.rows}
    hosts = (_host(labs, host, rows[host.name], ran, before) for host in labs.hosts)
    secrets = class_secret.audit(labs) if audit else ()
    return HostsStatus(cohort=labs.cohort.name, hosts=tuple(hosts), secrets=secrets)


def _host(labs: Labs, host: Host, row: HostRow, ran: Ran, before: LastRun | None) -> HostStatus:
    found: Mapping[str, Any] = ran.data.get(host.name, {}).get("lab_facts") or {}
    last = before.rows.get(host.name) if before else None
    there, listed = _accounts(found), {seat.account for seat in labs.on(host)}
    ours = {account: state for account, state in there.items() if account in listed}
    about = HostStatus(
        name=host.name,
        address=lab_hosts.place_of(host) if host.address else host.connection,
        state=_state(row, found),
        students=row.students,
        differs=_differences(labs.wanted_on(host), ours),
        failed=last.failed if last else 0,
        why=row.why or (last.why if last else ""),
        distribution=str(found.get("distribution") or ""),
        unlisted=tuple(account for account in there if account not in listed),
        absent=tuple(_absent(labs, found)),
        no_quota=str(found.get("no_quota") or ""),
        leftovers=tuple(map(str, found.get("leftovers") or ())),
        accounts=tuple(there),
        processes=sum(int(one.get("processes") or 0) for one in found.get("accounts") or ()),
    )
    differs = about.changed or about.failed or about.absent or about.unlisted
    if about.state == "ready" and differs:
        return replace(about, state="differs")
    return about


def _absent(labs: Labs, found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the tools that students are to have there and that are not."""
    there, accounts = set(found.get("programs") or ()), labs.cohort.accounts
    for tool in accounts.tools if found else ():
        if tool == "dotfiles" and accounts.dotfiles is None:
            continue  # there are none to install, so Dotdrop is not brought either
        if PROGRAMS.get(tool, tool) not in there:
            yield tool


def _state(row: HostRow, found: Mapping[str, Any]) -> str:
    if row.state == "never started":
        return "not pinned"
    if not row.is_done:
        return row.state
    is_ours = found.get("record") or found.get("accounts")
    return "ready" if is_ours else "not prepared"


def _accounts(found: Mapping[str, Any]) -> dict[str, str]:
    states = {"open": PRESENT, "shut": SUSPENDED}
    accounts = found.get("accounts") or ()
    return {str(one["account"]): states.get(one["state"], "") for one in accounts}


def _differences(wanted: Mapping[str, str], there: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Return what `hosts up` would do, by what it does."""

    def having(was: str, now: str) -> tuple[str, ...]:
        return tuple(one for one in wanted if wanted[one] == now and there.get(one) == was)

    return {
        "create": tuple(one for one in wanted if one not in there),
        "suspend": having(PRESENT, SUSPENDED),
        "resume": having(SUSPENDED, PRESENT),
        "remove": tuple(one for one in there if one not in wanted),
    }
