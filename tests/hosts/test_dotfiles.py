"""Dotfiles on a real host: what attacks is refused or harmless, what is harmless is installed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from . import web
from .play import Outcome, group_vars, play, student
from .rig_host import LabHost

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(900)]

CASES = yaml.safe_load(Path(__file__).with_name("dotfiles.yaml").read_text())
ALONE = str(Path(__file__).with_name("plays") / "dotfiles-alone.yml")
ATTACKS = [case["name"] for case in CASES]
PLAIN_FILE = {"f_x": {"src": "x", "dst": "~/.x"}}
COURSE = {"files": {"dotfiles/x": "the course's {{@@ env['LAB_COURSE'] @@}}\n"}}
PLAIN, EDITOR, TWIN = 901, 902, 903
"""Students: one leaves the course's dotfiles, one changes them, one has all twins together."""

AGAIN = ("a remote that is a program", "a submodule", "a key let in by a command")
"""Attacks of the second run: one a stage at which they are refused."""


@dataclass(frozen=True)
class Installed:
    """A host on which every repository of the cases was to be installed, a part of them twice."""

    host: LabHost
    first: Outcome
    second: Outcome
    short: Outcome | None = None
    """The run with what would take for ever, within a short time."""

    def home(self, number: int) -> str:
        return f"/home/{student(number)['account']}"

    def told(self, number: int) -> list[str]:
        """What was said of a student whose repository is an attack."""
        runs = (self.first, self.short) if self.short else (self.first,)
        id, host = student(number)["id"], self.host.name
        return [said for run in runs for said in run.problems(host).get(id, [])]


def attack_of(position: int) -> int:
    return 100 + position


def twin_of(position: int) -> int:
    return 200 + position


def together(twins: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return one repository that is all of them."""
    found: dict[str, Any] = {}
    for twin in twins:
        _merge(found, {"dotfiles": PLAIN_FILE, **twin})
    return found


def _merge(into: dict[str, Any], more: dict[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, dict):
            _merge(into.setdefault(key, {}), value)
        else:
            assert into.setdefault(key, value) == value, f"two twins differ in {key}"


def somebody(number: int, folder: Path, case: dict[str, Any]) -> dict[str, Any]:
    """Return a student with the repository of a case."""
    commit = web.make_repository(folder, f"r{number}", case)
    own = {
        "repository": case.get("repository") or f"{web.ADDRESS}/r{number}.git",
        "commit": str(case.get("commit") or commit),
        "profile": "student",
    }
    return student(number, dotfiles=own)


def course(folder: Path) -> dict[str, Any]:
    """Return the course's own dotfiles."""
    return {
        "repository": f"{web.ADDRESS}/course.git", "profile": "student",
        "commit": web.make_repository(folder, "course", COURSE), "variables": {"course": "mls"},
    }  # fmt: skip


def of_all(people: list[dict[str, Any]], dotfiles: dict[str, Any]) -> dict[str, Any]:
    return group_vars(lab_students=people, lab_dotfiles=dotfiles)


def install_within(host: LabHost, number: int, seconds: int, people: list[Any]) -> Outcome:
    """Install the dotfiles of one student, who has an account, within a time."""
    (one,) = [person for person in people if person["id"] == student(number)["id"]]
    common = group_vars(lab_students=[{**one, "state": "present"}], dotfiles_seconds=seconds)
    return play(ALONE, [host], common)


@pytest.fixture(scope="module")
def installed(new_host, tmp_path_factory) -> Installed:
    host, folder = new_host("dotfiles"), tmp_path_factory.mktemp("repositories")
    well = [student(PLAIN), student(EDITOR),
            somebody(TWIN, folder, together(case["twin"] for case in CASES))]  # fmt: skip
    attacks = [
        # Who is suspended has an account, and nothing is installed there yet.
        somebody(attack_of(position), folder, case["attack"])
        | {"state": "suspended" if "seconds" in case else "present"}
        for position, case in enumerate(CASES)
    ]
    ours = course(folder)
    web.serve(host, folder)
    first = play("prepare-hosts.yml", [host], of_all(well + attacks, ours))
    host.shell(f"echo mine >> /home/{student(EDITOR)['account']}/.config/dotdrop/config.yaml")
    again = [attacks[ATTACKS.index(name)] for name in AGAIN]
    second = play("prepare-hosts.yml", [host], of_all(well + again, ours))
    ((slow, seconds),) = (
        (position, case["seconds"]) for position, case in enumerate(CASES) if "seconds" in case
    )
    short = install_within(host, attack_of(slow), seconds, attacks)
    return Installed(host=host, first=first, second=second, short=short)


@pytest.fixture(scope="module")
def apart(new_host, tmp_path_factory) -> Installed:
    """A host on which every twin is a student's own repository."""
    host, folder = new_host("apart"), tmp_path_factory.mktemp("repositories")
    twins = [
        somebody(twin_of(position), folder, case["twin"]) for position, case in enumerate(CASES)
    ]
    ours = course(folder)
    web.serve(host, folder)
    first, second = (play("prepare-hosts.yml", [host], of_all(twins, ours)) for _ in range(2))
    return Installed(host=host, first=first, second=second)


@pytest.mark.parametrize("position", range(len(CASES)), ids=ATTACKS)
def test_an_attack_is_refused_or_harmless(installed, position):
    case, number = CASES[position], attack_of(position)
    said = installed.told(number)

    if case["says"]:
        assert len(said) == 1
        assert case["says"] in said[0]
    script = (case.get("unharmed") or "true").replace("HOME", installed.home(number))
    assert installed.host.succeeds(script), script


def see_installed(installed, number, twin):
    """See that what a twin brings is in a student's home, and theirs."""
    dotfiles = twin.get("dotfiles") or PLAIN_FILE
    target = next(iter(dotfiles.values()))["dst"].replace("~", installed.home(number))

    assert installed.host.shell(f"stat -Lc %U {target}") == f"{student(number)['account']}\n"
    if "reads" in twin:
        assert installed.host.shell(f"cat {target}") == twin["reads"]


@pytest.mark.parametrize("position", range(len(CASES)), ids=ATTACKS)
def test_its_harmless_twin_is_installed(installed, position):
    """All of them in one repository: were one refused, none of it would be there."""
    assert installed.first.problems("dotfiles").get(student(TWIN)["id"]) is None
    see_installed(installed, TWIN, CASES[position]["twin"])


@pytest.mark.soak
@pytest.mark.parametrize("position", range(len(CASES)), ids=ATTACKS)
def test_its_harmless_twin_is_installed_alone(apart, position):
    number = twin_of(position)

    assert apart.first.problems("apart").get(student(number)["id"]) is None
    assert apart.second.changes("apart") == []
    see_installed(apart, number, CASES[position]["twin"])


def test_attacks_stop_nobody_else(installed):
    assert installed.first.failed() == set()
    assert len(CASES) >= 10


def test_the_course_s_dotfiles_are_rendered_with_the_cohort_s_variables(installed):
    assert installed.host.shell(f"cat {installed.home(PLAIN)}/.x") == "the course's mls\n"


def test_the_course_s_repository_is_fetched_once_for_a_host(installed):
    log = installed.host.shell("grep -c course.git/info/refs /srv/web/log").strip()

    assert log == "1"


def test_a_second_run_changes_nobody_s_dotfiles(installed):
    first, second = (one.problems("dotfiles") for one in (installed.first, installed.second))

    # Others are listed the second time, and that is written down.
    assert installed.second.changes("dotfiles") == ["Ensure it says who has an account"]
    assert len(second) == len(AGAIN)
    assert {id: first[id] for id in second} == second


def test_what_a_student_made_of_their_clone_stays_theirs(installed):
    config = f"{installed.home(EDITOR)}/.config/dotdrop/config.yaml"

    assert installed.host.shell(f"tail -1 {config}") == "mine\n"


def test_dotdrop_ran_as_the_student(installed):
    for number in (PLAIN, TWIN):
        account = student(number)["account"]
        assert installed.host.shell(f"find /home/{account} ! -user {account}") == ""
