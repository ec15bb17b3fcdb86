"""Who is on which lab host, as which Unix account; kept in ``stacks/<cohort>/hosts.json``.

Nobody is ever moved, and no number is ever given twice: a home keeps its owner's number
long after the account, and a port that was a student's stays in somebody's bookmarks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError, Problem
from . import accounts, decided, sections
from .decided import require
from .hosts import LAST_PORT, UIDS

if TYPE_CHECKING:
    from .hosts import Host
    from .records import Record
    from .schema import Cohort
    from .students import Student

_REBUILD = (
    "Put back the copy that git or a backup has. Without the file nobody knows who is on which"
    " host: what each has is in /var/lib/practicum there."
)


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody of the roster, as far as hosts concern."""

    name: str
    """In the cluster, which a correction of the id leaves alone."""

    id: str
    section: str = ""


@dataclass(frozen=True, kw_only=True)
class Seat:
    """What was decided for one student on the lab hosts."""

    name: str
    """In the cluster."""

    id: str
    host: str
    account: str
    uid: int
    """Of the account, and of its group."""

    first_port: int
    last_port: int
    dropped: bool = False
    """No longer in the roster; all else is kept for a return."""


def people(students: Iterable[Student], records: Mapping[str, Record]) -> list[Person]:
    """Return the roster as far as hosts concern, each with the name in the cluster."""
    return [Person(name=records[one.id].name, id=one.id, section=one.section) for one in students]


def load(path: Path) -> dict[str, Seat]:
    """Read who is where, by the student's name in the cluster; nobody where there is no file.

    Raises:
        InputError: If the file is damaged.
    """
    return decided.load(path, _seats, hint=_REBUILD)


def _seats(students: Mapping[str, Any]) -> dict[str, Seat]:
    seats = {name: Seat(name=name, **one) for name, one in students.items()}
    _require_types(seats.values())
    return seats


def _require_types(seats: Iterable[Seat]) -> None:
    """Refuse what was changed by hand into something that a host would take otherwise.

    Raises:
        ValueError: If there is such a thing.
    """
    seats = list(seats)
    for seat in seats:
        texts = (seat.id, seat.host, seat.account)
        numbers = (seat.uid, seat.first_port, seat.last_port)
        require(all(isinstance(text, str) and text for text in texts))
        require(all(type(number) is int and number >= UIDS[0] for number in numbers))
    for what in ("account", "uid"):
        require(len({getattr(seat, what) for seat in seats}) == len(seats))


def save(path: Path, seats: Mapping[str, Seat]) -> None:
    """Write who is where, whole or not at all.

    Raises:
        InputError: If the file cannot be written; the old one is as it was.
    """
    decided.save(path, seats)


def assign(known: Mapping[str, Seat], cohort: Cohort, people: Iterable[Person]) -> dict[str, Seat]:
    """Decide for everybody in the roster, and keep what is decided.

    Whoever is new goes to the host with the fewest students, of those that take the section.

    Args:
        known: What ``hosts.json`` says.
        cohort: The cohort file.
        people: The roster, in its order.

    Raises:
        InputError: If somebody's host is not in the cohort file any more, nobody takes
            somebody, or there is no port or number left.
    """
    there = {person.name: person for person in people}
    refuse_lost_hosts(cohort, known)
    result = {name: _settled(seat, there.get(name)) for name, seat in known.items()}
    load = Counter(seat.host for seat in result.values() if not seat.dropped)
    homeless = []
    for person in there.values():
        if person.name in result and _has_host(cohort, result[person.name]):
            continue
        host = min(_open_to(cohort, person), key=lambda one: load[one.name], default=None)
        if host is None:
            homeless.append(person)
            continue
        load[host.name] += 1
        before = result.pop(person.name, None)
        new = before or _new(person, cohort, result.values())
        result[person.name] = replace(new, host=host.name)
    _refuse_homeless(homeless)
    return result


def _settled(seat: Seat, person: Person | None) -> Seat:
    if person is None:
        return replace(seat, dropped=True)
    return replace(seat, id=person.id, dropped=False)


def _has_host(cohort: Cohort, seat: Seat) -> bool:
    """Say whether somebody's host is still there; who came back may find it gone."""
    return any(host.name == seat.host for host in cohort.hosts)


def _open_to(cohort: Cohort, person: Person) -> Iterator[Host]:
    said = sections.within(person.section)
    return (one for one in cohort.hosts if not one.sections or said & set(one.sections))


def _new(person: Person, cohort: Cohort, others: Collection[Seat]) -> Seat:
    first = _free_ports(cohort, others)
    return Seat(
        name=person.name,
        id=person.id,
        host="",
        account=accounts.name_for(person, cohort, {seat.account for seat in others}),
        uid=_free_uid(cohort, {seat.uid for seat in others}),
        first_port=first,
        last_port=first + cohort.accounts.ports.each - 1,
    )


def _free_uid(cohort: Cohort, taken: Collection[int]) -> int:
    first = cohort.accounts.first_uid
    uid = max((one + 1 for one in taken if one >= first), default=first)
    if uid >= UIDS[1]:
        raise InputError(
            f"There is no number left for an account from {first} on.",
            hint="Set accounts.first_uid in cohort.yaml lower; who has a number keeps it.",
        )
    return uid


def _free_ports(cohort: Cohort, others: Iterable[Seat]) -> int:
    ports, ssh = cohort.accounts.ports, {host.port for host in cohort.hosts}
    first = max((seat.last_port + 1 for seat in others), default=0)
    first = max(first, ports.first)
    while ssh & set(range(first, first + ports.each)):
        first += ports.each
    if first + ports.each - 1 > LAST_PORT:
        raise InputError(
            "There are no ports left for another student.",
            hint="Set accounts.ports in cohort.yaml to fewer; who has ports keeps them.",
        )
    return first


def refuse_lost_hosts(cohort: Cohort, known: Mapping[str, Seat]) -> None:
    """Stop where somebody has an account that no run would come to any more.

    Raises:
        InputError: If a host of such students is not in the cohort file.
    """
    there = {host.name for host in cohort.hosts}
    seats = known.values()
    lost = Counter(seat.host for seat in seats if not seat.dropped and seat.host not in there)
    if lost:
        raise InputError(
            f"{cohort.name} has students on hosts that its cohort file does not name any more.",
            problems=[Problem(host, f"{count} students") for host, count in lost.items()],
            hint="Put the host back; practicum hosts down --limit HOST takes all accounts off it."
            " Practicum moves nobody: what students have there is there.",
        )


def _refuse_homeless(people: list[Person]) -> None:
    if people:
        raise InputError(
            f"No host takes the section of {len(people)} student(s).",
            problems=[Problem(one.id, "has no host that takes them") for one in people],
            hint="Name the section under a host in cohort.yaml, or have a host without sections.",
        )
