"""Lines and tables about lab hosts, for people. Ids are shown, names of people are not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a command pays for no other's modules
    from ..lifecycle.access.class_secret import Audit
    from ..lifecycle.hosts.reading import Labs
    from ..lifecycle.hosts.receipt import HostsReceipt
    from ..lifecycle.hosts.report import HostRow, HostsResult, LastRun
    from ..lifecycle.hosts.scan import Scanned, ScanResult
    from ..lifecycle.hosts.status import HostsStatus, HostStatus

FEW = 8

STATUS_COLUMNS = ("host", "address", "state", "students", "to change", "failed", "system")


def placement(labs: Labs) -> Iterator[str]:
    """Yield who goes where, as far as files tell: what is new since the last run."""
    for host in labs.hosts:
        here = labs.on(host)
        new = [seat.id for seat in here if seat.name not in labs.known and not seat.dropped]
        gone = [seat.id for seat in here if seat.dropped and not _was_gone(labs, seat.name)]
        yield f"{host.name}: {_students(len(labs.wanted_on(host)))}"
        if new:
            yield f"  + {_some(new)}"
        if gone:
            yield f"  - {_some(gone)}"
        if not labs.is_pinned(host):
            yield f"  ! host key not pinned; first: practicum hosts scan {labs.cohort.name}"
    keyless = [id for id, student in labs.students.items() if _cannot_log_in(labs, id)]
    if keyless:
        yield f"  no SSH key handed in, so no login: {_some(keyless)}"


def _was_gone(labs: Labs, name: str) -> bool:
    before = labs.known.get(name)
    return before is not None and before.dropped


def _cannot_log_in(labs: Labs, id: str) -> bool:
    key = labs.students[id].key
    return key is None or key.kind == "age"


def up(result: HostsResult) -> Iterator[str]:
    """Yield how each host fared, why some are not done, and what is next."""
    for row in result.rows:
        yield from _row(row, would=result.check)
    yield from (f"  {note}" for note in result.notes)
    for one in result.archives:
        yield f"  archived {one['id']}: {one['path']} ({one['bytes']:,} bytes)"
    done = sum(row.is_done for row in result.rows)
    verb = "asked" if result.check else "done"
    yield f"{result.cohort}: {done} of {len(result.rows)} hosts {verb} ({result.seconds:g} s)"
    if done < len(result.rows) and not result.check:
        yield f"Mend these and run again: practicum hosts up {result.cohort} --failed"
    elif not result.check:
        yield f"Look at them with: practicum hosts status {result.cohort}"


def _row(row: HostRow, *, would: bool) -> Iterator[str]:
    sign = "=" if row.state == "ok" else "~"
    sign = sign if row.is_done else "!"
    tasks = f", {row.changed} task(s) {'would change' if would else 'changed'} it"
    told = f"{sign} {row.name}: {row.state}, {_students(row.students)}"
    yield f"{told}{tasks if row.changed else ''}"
    if row.why:
        yield f"    {row.why}"
    if would:
        yield from (f"    {change}" for change in row.changes)
    for id, what in row.problems[: 2 * FEW]:
        yield f"    ! {id}: {what}" if id else f"    ! {what}"
    if len(row.problems) > 2 * FEW:
        yield f"    … and {len(row.problems) - 2 * FEW} more; --json has them all"


def plan(found: HostsStatus) -> Iterator[str]:
    """Yield what `hosts up` would do, host by host."""
    for host in found.hosts:
        yield from _planned(host)
    yield from secrets(found.secrets)
    changed = sum(host.changed for host in found.hosts)
    if found.is_ready and not changed:
        yield f"{found.cohort}: nothing to do for accounts. Tools: hosts up {found.cohort} --check"
    else:
        yield f"{found.cohort}: {changed} account(s) to change. Next: practicum hosts up {found.cohort}"


def _planned(host: HostStatus) -> Iterator[str]:
    yield f"{host.name} ({host.address}): {host.state}, {_students(host.students)}"
    if host.why and host.state != "ready":
        yield f"    {host.why}"
    if host.absent:
        yield f"  + tools: {', '.join(host.absent)}"
    if host.no_quota:
        yield f"  no disk quota: {host.no_quota}"
    for what, accounts in host.differs.items():
        if accounts:
            yield f"  {_SIGNS[what]} {what}: {_some(accounts)}"
    if host.unlisted:
        yield f"  ! of the course, and not in hosts.json: {_some(host.unlisted)}"
        yield "    No run looks after them. Put hosts.json back, or take all off: hosts down"


_SIGNS = {"create": "+", "suspend": "~", "resume": "~", "remove": "-"}


def secrets(found: Iterable[Audit]) -> Iterator[str]:
    """Yield who can read the class's files, and who not although they should."""
    for one in found:
        yield f"{one.file}: {len(one.readers)} key(s) can open it"
        if one.missing:
            yield f"  cannot yet: {_some(one.missing)}"
        if one.extra:
            yield f"  can, and should not: {len(one.extra)} key(s)"
        if one.unkeyed:
            yield f"  cannot, for want of a key: {_some(one.unkeyed)}"


def status_row(host: HostStatus) -> tuple[str, ...]:
    """Return one row of the table of hosts."""
    return (
        host.name,
        host.address,
        host.state,
        str(host.students),
        str(host.changed),
        str(host.failed),
        host.distribution,
    )


def status(found: HostsStatus) -> Iterator[str]:
    """Yield what the table of hosts does not say."""
    for host in found.hosts:
        if host.why and host.state != "ready":
            yield f"{host.name}: {host.why}"
        if host.absent:
            yield f"{host.name}: not there: {', '.join(host.absent)}"
        if host.no_quota:
            yield f"{host.name}: no disk quota: {host.no_quota}"
    yield from secrets(found.secrets)


def last_run(found: LastRun | None) -> Iterator[str]:
    """Yield how the hosts fared in the last run from here; nobody is asked now."""
    if found is None:
        return
    for row in found.rows.values():
        why = f": {row.why}" if row.why else ""
        well = "" if row.is_done else f", {row.failed} failed{why}"
        yield f"  host {row.name}: {row.state} on {found.time:%Y-%m-%d}{well}"


def down(receipt: HostsReceipt) -> Iterator[str]:
    """Yield what was removed, what is left, and whether the proof holds."""
    yield from removed(receipt)
    verdict = "Proved: nothing is left." if receipt.proved else "Not proved: something is left."
    yield f"{verdict}{f' Receipt: {receipt.path}' if receipt.path else ''}"


def removed(receipt: HostsReceipt) -> Iterator[str]:
    """Yield what was removed from each host, what was kept of it, and what is left."""
    for host in receipt.hosts:
        yield f"{host.name}: {len(host.removed)} account(s) removed"
        yield from (f"  left: {what}" for what in host.remaining)
    for one in receipt.archives:
        yield f"  archived {one['id']}: {one['path']} ({one['bytes']:,} bytes)"
    for id, why in receipt.not_archived:
        yield f"  ! {id}: {why}"
    yield from (f"  ! {trouble}" for trouble in receipt.troubles)


def scanned(one: Scanned) -> Iterator[str]:
    """Yield what a host shows, for a person to compare with its console."""
    told = {
        "new": "is not pinned yet. It shows:",
        "changed": "shows ANOTHER key than the pinned one. Either the machine was set up anew, or"
        " somebody stands between. It shows:",
        "pinned": "shows the pinned key:",
        "silent": f"shows nothing. {one.why}",
    }
    yield f"{one.name} ({one.place}) {told[one.state]}"
    yield from (f"  {key.kind:<20} {key.fingerprint}" for key in sorted(one.shown))
    if one.state == "changed":
        yield "Pinned is:"
        yield from (f"  {key.kind:<20} {key.fingerprint}" for key in sorted(one.pinned))
    if one.state in ("new", "changed"):
        yield "On its console: for k in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf $k; done"


def scan(result: ScanResult) -> Iterator[str]:
    """Yield what came of a scan."""
    pinned = [one.name for one in result.hosts if one.name not in result.open]
    yield f"{result.cohort}: {len(pinned)} of {len(result.hosts)} hosts pinned"
    if result.open:
        yield f"Not pinned: {', '.join(result.open)}"
    else:
        yield f"Next: practicum hosts plan {result.cohort}"


def _students(count: int) -> str:
    return "1 student" if count == 1 else f"{count} students"


def _some(ids: Iterable[str]) -> str:
    ids = list(ids)
    return ", ".join(ids[:FEW]) + (f" and {len(ids) - FEW} more" if len(ids) > FEW else "")
