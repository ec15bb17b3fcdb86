"""Who is on which lab host: nobody is ever moved, and nothing is given to two."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.cohort import Cohort, Term, placement
from provisioner.cohort.accounts import SYSTEM_ACCOUNTS
from provisioner.cohort.hosts import Accounts, Host, Ports
from provisioner.cohort.placement import Person
from provisioner.errors import InputError

UNIX = re.compile(r"[a-z_][a-z0-9_-]{0,31}")


def cohort(*hosts, accounts=None):
    return Cohort(
        name="course",
        folder=Path("course"),
        course="x",
        term=Term(starts=date(2026, 9, 1), ends=date(2026, 12, 19)),
        cluster="rehearsal",
        hosts=hosts,
        accounts=accounts or Accounts(),
    )


def host(name, **about):
    return Host(name=name, address=f"{name}.example.org", **about)


TWO = cohort(host("lab1", user="ops"), host("lab2"))


def people(*names, section=""):
    return [Person(name=name, id=name.upper(), section=section) for name in names]


def test_students_are_spread_evenly():
    seats = placement.assign({}, TWO, people(*"abcdefg"))

    on = [seat.host for seat in seats.values()]
    assert (on.count("lab1"), on.count("lab2")) == (4, 3)


def test_nobody_moves_when_others_come_and_go():
    before = placement.assign({}, TWO, people(*"abcdef"))

    after = placement.assign(before, TWO, people("b", "d", "f", "g", "h"))

    for name in "bdf":
        assert after[name] == before[name]
    assert all(after[name].dropped for name in "ace")
    left = {name: before[name].host for name in "bdf"}
    least = min(("lab1", "lab2"), key=list(left.values()).count)
    assert after["g"].host == least


def test_who_comes_back_finds_the_same_account_number_and_ports():
    first = placement.assign({}, TWO, people("a", "b"))
    gone = placement.assign(first, TWO, people("b"))

    back = placement.assign(gone, TWO, people("a", "b"))

    assert back == first


def test_a_corrected_id_leaves_everything_else():
    first = placement.assign({}, TWO, people("a"))

    after = placement.assign(first, TWO, [Person(name="a", id="corrected")])

    assert after["a"].id == "corrected"
    assert (after["a"].uid, after["a"].account) == (first["a"].uid, first["a"].account)


@given(
    st.lists(
        st.sets(st.sampled_from([f"n{number}" for number in range(30)]), max_size=30), max_size=6
    )
)
def test_numbers_accounts_and_ports_are_one_students_for_ever(terms):
    """Also over many terms, in which people come, go and return."""
    seats = {}
    owners = {}
    for term in terms:
        seats = placement.assign(seats, TWO, people(*sorted(term)))
        for seat in seats.values():
            ports = range(seat.first_port, seat.last_port + 1)
            for what in (
                ("uid", seat.uid),
                ("account", seat.account),
                *(("port", p) for p in ports),
            ):
                assert owners.setdefault(what, seat.name) == seat.name
        assert {name for name, seat in seats.items() if not seat.dropped} == term


@given(st.permutations([f"n{number}" for number in range(12)]))
def test_the_spread_is_even_in_any_order(order):
    seats = placement.assign({}, TWO, people(*order))

    on = [seat.host for seat in seats.values()]
    assert abs(on.count("lab1") - on.count("lab2")) <= 1


@pytest.mark.parametrize("name", ["root", "ops", "docker", "systemd-network", "sudo", "practicum"])
def test_no_student_is_called_as_an_account_of_the_system(name):
    """`ops` is who the operator logs in as."""
    seat = placement.assign({}, TWO, people(name))[name]

    assert seat.account != name
    assert UNIX.fullmatch(seat.account)
    assert seat.account not in SYSTEM_ACCOUNTS


def test_a_section_is_placed_on_the_hosts_that_take_it():
    labs = cohort(host("lab1", sections=("A",)), host("lab2", sections=("B",)), host("lab3"))

    seats = placement.assign(
        {}, labs, [*people(*"abc", section="A"), *people("x", section="A, and B"), *people("y")]
    )

    assert {seats[name].host for name in "abc"} <= {"lab1", "lab3"}
    assert seats["y"].host == "lab3"


def test_who_has_no_host_is_told():
    labs = cohort(host("lab1", sections=("A",)))

    with pytest.raises(InputError) as caught:
        placement.assign({}, labs, people("a", "b", section="C"))

    assert [problem.where for problem in caught.value.problems] == ["A", "B"]


def test_a_host_with_students_cannot_be_left_out_of_the_file():
    seats = placement.assign({}, TWO, people("a", "b"))

    with pytest.raises(InputError, match="does not name any more"):
        placement.assign(seats, cohort(host("lab2")), people("a", "b"))


def test_a_host_that_was_cleared_can_be_left_out_and_its_students_go_elsewhere():
    seats = placement.assign({}, TWO, people("a", "b"))
    cleared = placement.assign(seats, TWO, [])

    after = placement.assign(cleared, cohort(host("lab2")), people("a", "b"))

    assert {seat.host for seat in after.values()} == {"lab2"}
    assert {seat.uid for seat in after.values()} == {seat.uid for seat in seats.values()}


def test_ports_pass_over_that_of_ssh():
    labs = cohort(host("lab1", port=20_013))

    seats = placement.assign({}, labs, people(*"abc"))

    assert [seat.first_port for seat in seats.values()] == [20_000, 20_020, 20_030]


@pytest.mark.parametrize(
    ("accounts", "what"),
    [(Accounts(ports=Ports(first=65_530)), "ports"), (Accounts(first_uid=59_999), "number")],
)
def test_what_runs_out_is_told(accounts, what):
    labs = cohort(host("lab1"), accounts=accounts)

    with pytest.raises(InputError, match=what):
        placement.assign({}, labs, people("a", "b"))


def test_what_was_decided_is_read_back(tmp_path):
    seats = placement.assign({}, TWO, people(*"abc"))
    path = tmp_path / "hosts.json"

    placement.save(path, seats)

    assert placement.load(path) == seats
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "change",
    [
        {"uid": 0},
        {"uid": "20000"},
        {"uid": True},
        {"first_port": 22},
        {"account": ""},
        {"account": ["a"]},
        {"strange": 1},
    ],
)
def test_a_file_that_was_changed_into_something_else_is_refused(tmp_path, change):
    """A uid of 0 would make a student root."""
    path = tmp_path / "hosts.json"
    placement.save(path, placement.assign({}, TWO, people("a")))
    document = json.loads(path.read_text())
    document["students"]["a"] |= change
    path.write_text(json.dumps(document))

    with pytest.raises(InputError, match="damaged"):
        placement.load(path)


def test_two_students_of_one_account_are_refused(tmp_path):
    path = tmp_path / "hosts.json"
    placement.save(path, placement.assign({}, TWO, people("a", "b")))
    document = json.loads(path.read_text())
    document["students"]["b"]["account"] = document["students"]["a"]["account"]
    path.write_text(json.dumps(document))

    with pytest.raises(InputError, match="damaged"):
        placement.load(path)
