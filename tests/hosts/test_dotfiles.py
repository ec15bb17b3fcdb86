"""Dotfiles on a real host: what attacks is refused or harmless, what is harmless is installed."""

from __future__ import annotations

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
ATTACKS = [case["name"] for case in CASES]
COURSE = {"files": {"dotfiles/x": "the course's {{@@ env['LAB_COURSE'] @@}}\n"}}
PLAIN, EDITOR = 901, 902
"""Students with the course's dotfiles: one leaves them as they are, the other changes them."""


@dataclass(frozen=True)
class Installed:
    """A host on which every repository of the cases was to be installed, twice."""

    host: LabHost
    first: Outcome
    second: Outcome

    def student(self, number: int) -> dict[str, Any]:
        return student(number)

    def home(self, number: int) -> str:
        return f"/home/{student(number)['account']}"


def attack_of(position: int) -> int:
    return 100 + position


def twin_of(position: int) -> int:
    return 200 + position


@pytest.fixture(scope="module")
def installed(new_host, tmp_path_factory) -> Installed:
    host = new_host("dotfiles")
    folder = tmp_path_factory.mktemp("repositories")
    students = [student(PLAIN), student(EDITOR)]
    for position, case in enumerate(CASES):
        for number, kind in ((attack_of(position), "attack"), (twin_of(position), "twin")):
            made = case[kind]
            commit = web.make_repository(folder, f"r{number}", made)
            students.append(student(number, dotfiles={
                "repository": made.get("repository") or f"{web.ADDRESS}/r{number}.git",
                "commit": str(made.get("commit") or commit), "profile": "student",
            }))  # fmt: skip
    course = {
        "repository": f"{web.ADDRESS}/course.git", "profile": "student",
        "commit": web.make_repository(folder, "course", COURSE), "variables": {"course": "mls"},
    }  # fmt: skip
    web.serve(host, folder)
    common = group_vars(lab_students=students, lab_dotfiles=course, dotfiles_seconds=6)
    first = play("prepare-hosts.yml", [host], common)
    host.shell(f"echo mine >> /home/{student(EDITOR)['account']}/.config/dotdrop/config.yaml")
    second = play("prepare-hosts.yml", [host], common)
    return Installed(host=host, first=first, second=second)


@pytest.mark.parametrize("position", range(len(CASES)), ids=ATTACKS)
def test_an_attack_is_refused_or_harmless(installed, position):
    case, number = CASES[position], attack_of(position)
    said = installed.first.problems("dotfiles").get(student(number)["id"], [])

    if case["says"]:
        assert len(said) == 1
        assert case["says"] in said[0]
    script = (case.get("unharmed") or "true").replace("HOME", installed.home(number))
    assert installed.host.succeeds(script), script


@pytest.mark.parametrize("position", range(len(CASES)), ids=ATTACKS)
def test_its_harmless_twin_is_installed(installed, position):
    twin, number = CASES[position]["twin"], twin_of(position)
    dotfiles = twin.get("dotfiles") or {"f_x": {"dst": "~/.x"}}
    target = next(iter(dotfiles.values()))["dst"].replace("~", installed.home(number))

    assert installed.first.problems("dotfiles").get(student(number)["id"]) is None
    assert installed.host.shell(f"stat -Lc %U {target}") == f"{student(number)['account']}\n"
    if "reads" in twin:
        assert installed.host.shell(f"cat {target}") == twin["reads"]


def test_attacks_stop_nobody_else(installed):
    assert installed.first.failed() == set()
    assert len(CASES) >= 10


def test_the_course_s_dotfiles_are_rendered_with_the_cohort_s_variables(installed):
    assert installed.host.shell(f"cat {installed.home(PLAIN)}/.x") == "the course's mls\n"


def test_the_course_s_repository_is_fetched_once_for_a_host(installed):
    log = installed.host.shell("grep -c course.git/info/refs /srv/web/log").strip()

    assert log == "1"


def test_a_second_run_changes_nothing(installed):
    assert installed.second.changes("dotfiles") == []
    assert installed.second.problems("dotfiles") == installed.first.problems("dotfiles")


def test_what_a_student_made_of_their_clone_stays_theirs(installed):
    config = f"{installed.home(EDITOR)}/.config/dotdrop/config.yaml"

    assert installed.host.shell(f"tail -1 {config}") == "mine\n"


def test_dotdrop_ran_as_the_student(installed):
    account = student(PLAIN)["account"]
    others = installed.host.shell(f"find /home/{account} ! -user {account}")

    assert others == ""
