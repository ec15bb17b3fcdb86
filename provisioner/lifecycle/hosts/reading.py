"""Read what a cohort wants of its lab hosts; no host and no cluster is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ... import cohort as cohorts
from ... import playbook
from ...cohort import Cohort, Record, Student, enrolment, placement
from ...cohort import records as record_file
from ...cohort.difference import check_shrink
from ...cohort.hosts import Host
from ...cohort.placement import Seat
from ...errors import InputError, Problem
from ...playbook import Pinned
from ...settings import Settings
from ..overview import WAVE_SIZE

PRESENT, SUSPENDED, DROPPED = "present", "suspended", "dropped"


@dataclass(frozen=True, kw_only=True)
class Labs:
    """A cohort's hosts, and who is to have what on them."""

    cohort: Cohort
    students: Mapping[str, Student] = field(repr=False)
    """Those in the roster, by id."""

    records: Mapping[str, Record] = field(repr=False)
    known: Mapping[str, Seat] = field(repr=False)
    """Who is where, on file."""

    seats: Mapping[str, Seat] = field(repr=False)
    """Who is to be where: joiners placed, leavers marked."""

    pinned: Pinned = field(repr=False)
    hosts: tuple[Host, ...]
    """Those that a command is about."""

    def on(self, host: Host) -> list[Seat]:
        """Return the seats on a host, leavers too, in the order of accounts."""
        here = [seat for seat in self.seats.values() if seat.host == host.name]
        return sorted(here, key=lambda seat: seat.account)

    def state_of(self, seat: Seat) -> str:
        """Return what somebody's account is to be."""
        if seat.dropped:
            return DROPPED
        record = self.records.get(seat.id)
        return SUSPENDED if record and record.suspended else PRESENT

    def wanted_on(self, host: Host) -> dict[str, str]:
        """Return the accounts that a host is to have, with their state."""
        states = {seat.account: self.state_of(seat) for seat in self.on(host)}
        return {account: state for account, state in states.items() if state != DROPPED}

    def is_pinned(self, host: Host) -> bool:
        """Say whether we know by which key a host is itself."""
        return host.connection == "local" or place_of(host) in self.pinned


def place_of(host: Host) -> str:
    """Return how a host is named in the file of pinned keys."""
    return playbook.place(host.address or "", host.port)


def read(
    settings: Settings, name: str, only: Iterable[str] = (), *, needs_students: bool = True
) -> Labs:
    """Read a cohort's files, and decide who is where.

    Args:
        settings: Folders.
        name: The cohort.
        only: Hosts that the command is about; all when empty.
        needs_students: Whether somebody must be in the roster.

    Raises:
        InputError: If the files are wrong, or a host is unknown.
    """
    return of(cohorts.load(settings.stacks, name), only, needs_students=needs_students)


def of(cohort: Cohort, only: Iterable[str] = (), *, needs_students: bool = True) -> Labs:
    """Return the labs of a cohort that was read.

    Raises:
        InputError: As ``read``.
    """
    hosts = chosen(cohort, only)
    students = cohorts.students_by_id(cohort, needed=needs_students)
    on_file = record_file.load(cohort.records_file)
    records = enrolment.assign(on_file, list(students), cohort.name, WAVE_SIZE)
    people = placement.people(students.values(), records)
    known = placement.load(cohort.hosts_file)
    return Labs(
        cohort=cohort,
        students=students,
        records=records,
        known=known,
        seats=placement.assign(known, cohort, people),
        pinned=playbook.pinned_keys(cohort.known_hosts_file),
        hosts=hosts,
    )


def chosen(cohort: Cohort, only: Iterable[str] = ()) -> tuple[Host, ...]:
    """Return the hosts that a command is about: all where none is named.

    Raises:
        InputError: If the cohort has none, or not that one.
    """
    only = list(only)
    if not cohort.hosts:
        raise InputError(
            f"{cohort.name} has no lab hosts.",
            hint="Name them under hosts in cohort.yaml, as docs/how-to/lab-hosts.md says.",
        )
    there = {host.name for host in cohort.hosts}
    if unknown := [name for name in only if name not in there]:
        raise InputError(
            f"{cohort.name} has no such host.",
            problems=[Problem(name, "is not under hosts in cohort.yaml") for name in unknown],
            hint=f"It has: {', '.join(sorted(there))}.",
        )
    return tuple(host for host in cohort.hosts if not only or host.name in only)


def save(labs: Labs) -> None:
    """Keep who is where, before anything is made by it: a killed run loses no number.

    Whoever leaves a host that the command is not about has not left yet: the run that takes
    the account away is to count them, and to ask.

    Raises:
        InputError: If the file cannot be written.
    """
    seats = _decided(labs)
    if seats != labs.known:
        placement.save(labs.cohort.hosts_file, seats)


def _decided(labs: Labs) -> dict[str, Seat]:
    here = {host.name for host in labs.hosts}
    return {
        name: seat if seat.host in here or not seat.dropped else labs.known[name]
        for name, seat in labs.seats.items()
    }


def refuse_lost(cohort: Cohort) -> None:
    """Stop where students have accounts on hosts that the cohort file does not name any more.

    Raises:
        InputError: If that is so, or who is where cannot be read.
    """
    placement.refuse_lost_hosts(cohort, placement.load(cohort.hosts_file))


def vacate(labs: Labs, hosts: Iterable[str]) -> None:
    """Note that some hosts have nobody any more; numbers and ports stay everybody's own.

    Raises:
        InputError: If the file cannot be written.
    """
    empty = set(hosts)
    seats = {
        name: replace(seat, dropped=seat.dropped or seat.host in empty)
        for name, seat in _decided(labs).items()
    }
    placement.save(labs.cohort.hosts_file, seats)


def leavers(labs: Labs) -> list[Seat]:
    """Return who has left since the last run, on the hosts that the command is about."""
    here = {host.name for host in labs.hosts}
    return [
        seat
        for name, seat in labs.seats.items()
        if seat.dropped and seat.host in here and not labs.known[name].dropped
    ]


def refuse_mass_drop(labs: Labs, allow: int | None) -> None:
    """Stop where many would leave at once and nobody said how many.

    Raises:
        InputError: If that is so.
    """
    before = sum(not seat.dropped for seat in labs.known.values())
    leaving = len(leavers(labs))
    # On the cluster more may leave in the same run.
    said = leaving if allow is not None and allow >= leaving else allow
    check_shrink(before, leaving, said)
