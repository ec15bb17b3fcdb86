"""Lines and tables for people. Ids are shown, names of people are not."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ..cohort import duration
from . import archives, ends, hosts

if TYPE_CHECKING:  # a command pays for no other's modules
    from ..lifecycle.access.bundle import Bundle
    from ..lifecycle.access.giving import HandoutResult
    from ..lifecycle.access.revoke import RevokeResult
    from ..lifecycle.change import Changed
    from ..lifecycle.receipt import Receipt
    from ..lifecycle.up_result import UpResult
    from ..lifecycle.watch import Drift

FEW = 5
"""Lines of one kind that are shown before the rest is summed up."""


def drift(event: Drift) -> str:
    """Return the line of a watch for one event."""
    about = event.student or ("what all students share" if event.what else "")
    told = {
        "differs": f"~ {about}  {event.what}",
        "right": f"= {about}  {event.what}: right again",
        "unreadable": f"! not to be seen now: {event.what}",
        "readable": "! to be seen again",
    }
    lasted = f" after {duration.show(event.time - event.since)}" if event.since else ""
    return f"{event.time:%Y-%m-%dT%H:%M:%SZ}  {told[event.event]}{lasted}"


def up(result: UpResult) -> Iterator[str]:
    """Yield the summary of a run, a line for each student who failed, and what is next."""
    yield (
        f"{result.cohort}: {result.created} created, {result.changed} changed,"
        f" {result.removed} removed, {result.same} already right,"
        f" {len(result.failed)} failed ({result.seconds:g} s)"
    )
    for id, why in sorted(result.failed.items()):
        yield f"  ! {id}: {_first_line(why)}"
    yield from _groups(result)
    yield from archives.kept(result.archives)
    if result.hosts:
        yield from hosts.up(result.hosts)
    if not result.is_whole:
        yield f"Mend these and run again: practicum up {result.cohort}"
    elif result.left:
        yield f"{result.left} still to be changed. Go on with the same command."
    else:
        yield f"Give students their access with: practicum handout {result.cohort}"


def changed(done: Changed) -> Iterator[str]:
    """Yield what was done for some students, why some failed, and what to know now."""
    result = done.result
    yield next(up(result))
    yield from (f"  ! {id}: {_first_line(why)}" for id, why in sorted(result.failed.items()))
    yield from (f"  {note}" for note in done.notes)
    yield from archives.kept(result.archives)
    yield from _groups(result)
    if result.failed or result.failed_groups:
        yield "Mend these and run the same command again."


def _groups(result: UpResult) -> Iterator[str]:
    done = result.groups
    if done or result.failed_groups:
        yield (
            f"groups: {done['create']} created, {done['change']} changed, {done['remove']} removed,"
            f" {done['same']} already right, {len(result.failed_groups)} failed"
        )
    for title, why in sorted(result.failed_groups.items()):
        yield f"  ! group {title}: {_first_line(why)}"


def handout(result: HandoutResult) -> Iterator[str]:
    """Yield what was handed out, and the line with which a student opens it."""
    for item in result.issued:
        until = f"  until {item.expires:%Y-%m-%d}" if item.expires else ""
        yield f"  {item.id}  {item.path}{until}"
    for id, why in sorted(result.failed.items()):
        yield f"  ! {id}: {_first_line(why)}"
    yield (
        f"{result.cohort}: {len(result.issued)} issued, {len(result.kept)} kept,"
        f" {len(result.unkeyed)} without a key" + _failures(result)
    )
    yield from _told(result)
    if result.shortened:
        yield "The cluster gave tokens a shorter life than the term has: hand out again in time."
    openers = [item.opener for item in result.issued if item.opener]
    if openers:
        yield f"A student opens it with: {openers[0]}"
    yield from ends.lines(result.cohort, result.ending)
    if any(item.expires is None for item in result.issued):
        yield "No file holds a secret: a student logs in with the school's account."


def _told(result: HandoutResult) -> Iterator[str]:
    headings = {
        "without a key": result.unkeyed,
        "revoked, so they get none": result.revoked,
        "nothing handed out yet": result.without,
        "given from elsewhere, so the file is not here (a new one: --renew)": result.elsewhere,
        "older ones that were past their end, and were ended": result.swept,
    }
    yield from (f"  {heading}: {_some(ids)}" for heading, ids in headings.items() if ids)
    if result.bundle:
        yield from _bundle(result.bundle)
    if result.issued and result.overlap:
        yield (
            f"The old ones stay valid for {duration.show(result.overlap)}. No cluster ends them by"
            " itself: the next practicum command after that does, or from a timer:"
            f" practicum rotate {result.cohort} --sweep"
        )


def _bundle(bundle: Bundle) -> Iterator[str]:
    yield f"  {bundle.path}: {len(bundle.placed)} student(s), as {bundle.kind} takes them"
    if bundle.unplaced and bundle.kind == "mail":
        yield f"  not in it, for want of an email address: {_some(bundle.unplaced)}"
    elif bundle.unplaced:
        yield (
            f"  in it by id alone, for {bundle.kind} cannot place them: {_some(bundle.unplaced)}"
            f" (keys import --from {bundle.kind} learns how it names them)"
        )


def revoke(result: RevokeResult) -> Iterator[str]:
    """Yield whose access was taken back, and when that takes effect."""
    from ..lifecycle.access.revoke import SECONDS

    for id, why in sorted(result.failed.items()):
        yield f"  ! {id}: {_first_line(why)}"
    failed = f", {len(result.failed)} failed" if result.failed else ""
    yield (
        f"{result.cohort}: {len(result.revoked)} revoked,"
        f" {len(result.already)} were revoked already{failed}"
    )
    if result.revoked:
        yield f"  revoked: {_some(result.revoked)}"
        if result.login:
            yield "They can still log in at the school; that opens nothing here any more."
        else:
            yield f"The cluster remembers a dead token for up to {SECONDS} seconds."
        few = len(result.revoked) <= 2 * FEW
        who = shlex.join(result.revoked) if few else "STUDENT"
        yield f"Give access back with: practicum reinstate {result.cohort} {who}"


def _failures(result: HandoutResult) -> str:
    return f", {len(result.failed)} failed" if result.failed else ""


def down(receipt: Receipt) -> Iterator[str]:
    """Yield what was taken away, what is left, and whether the proof holds."""
    if receipt.archived.made or receipt.archived.failed:
        yield from archives.archived(receipt.archived)
    if receipt.earlier:
        many = len(receipt.earlier)
        yield f"{many} archive(s) of earlier runs are kept too, and named in the receipt"
    if receipt.hosts:
        yield from hosts.removed(receipt.hosts)
    yield f"{receipt.cohort}: {receipt.removed} {receipt.what}(s) deleted"
    yield from (f"  ! {_first_line(trouble)}" for trouble in receipt.troubles)
    yield f"Searched {len(receipt.searched)} types on {receipt.server} ({receipt.version})."
    yield from (f"  searched in part: {what}" for what in receipt.searched if "(" in what)
    yield from (f"  left: {what}" for what in receipt.remaining)
    yield from (f"  not searched: {what}" for what in receipt.unlisted)
    if receipt.archived.failed:
        yield "Whose work was not archived keeps it all: mend that and run `down` again."
    verdict = "Proved: nothing is left." if receipt.proved else "Not proved: something is left."
    yield f"{verdict} Receipt: {receipt.path}"


def _some(ids: Iterable[str]) -> str:
    ids = list(ids)
    return ", ".join(ids[: 2 * FEW]) + (f" and {len(ids) - 2 * FEW} more" if len(ids) > 10 else "")


def _first_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason was given"
