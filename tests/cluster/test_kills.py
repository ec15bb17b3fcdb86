"""Power cuts: a run that dies at any request is finished by the next, with no manual step."""

from __future__ import annotations

import itertools
import json
import random
import signal
import subprocess
import threading

import pytest

from provisioner import cohort as cohorts
from provisioner import manifest

from . import runs
from .course import as_student
from .faults import Fault

pytestmark = pytest.mark.cluster

BEFORE = 2
"""Changes of a first run before those of the engine: the identity namespace, and the claim."""

WHEN = ("before", "after")
"""On which side of a change a run is cut."""

NEW = itertools.count(1001)
"""Ids of students who join: nobody has had them."""


@pytest.fixture(scope="module")
def victim(behind, far):
    """A cohort that is up with one student who stays; the others come and go."""
    far.reset()
    course = behind(["0"])
    course.up()
    return course


def cut_at(course, far, at, when, command="up"):
    """Run a command and end it, with all that it started, at one of its changes.

    ``at`` is the number of the change, or says of a request whether it is the one. Returns
    whether it came that far.
    """
    is_it = at if callable(at) else lambda request: request.number == at
    run = None
    struck, dead = threading.Event(), threading.Event()

    def strike():
        struck.set()
        runs.kill_all(course, run)
        dead.set()

    def rule(request):
        # After the cut there is nobody; what is still on its way gets nowhere.
        if struck.is_set():
            return Fault(cut=True)
        return Fault(**{when: strike}) if is_it(request) else None

    far.reset(rule)
    more = [course.name, "--no-archive"] if command == "down" else []
    run = runs.start(course, command, course.name, "--yes", *more)
    output, errors = run.communicate(timeout=240)
    assert dead.wait(60) if struck.is_set() else run.returncode == 0, f"{output}\n{errors}"
    far.reset()
    return struck.is_set()


def changes_of_one(course, far):
    """How many requests change something when one student joins; the student stays."""
    stay = all_well(course)
    far.reset()
    course.roster([*stay, str(next(NEW))])
    course.up()
    return far.changes


def all_well(course):
    """See that everybody is as they should be, whatever was tried on them; returns who they are."""
    assert course.up()["failed"] == []
    return list(course.actions())


def survive(course, far, number, when, ids, afterwards):
    """Cut a run, change the roster or not, run once more, and look at everything."""
    course.roster(ids)
    came = cut_at(course, far, number, when)
    course.roster(afterwards)
    done = course.up()
    assert done["failed"] == [], f"cut {when} change {number}"
    runs.check_converged(course, afterwards)
    return came


def test_a_run_cut_at_a_change_is_finished_by_the_next(victim, far):
    """REL-03 in short: the first, one in the middle and the last, and a roster that moved on."""
    count = changes_of_one(victim, far)
    assert count >= 8, "claim, six objects, and the claim again"

    stay = [*victim.actions(), "1"]
    assert survive(victim, far, 1, "after", stay, stay)
    assert survive(victim, far, 4, "before", [*stay, "2"], [*stay, "3"])
    assert survive(victim, far, count - 2, "after", [*stay, "3", "4"], [*stay, "3", "4"])


@pytest.mark.parametrize("when", ["the first", "the last"])
def test_a_first_run_cut_while_it_sets_up_what_all_share_is_finished_by_the_next(
    behind, far, when, wait_until
):
    course = behind(["1"])
    objects = len(manifest.guard(cohorts.load(course.stacks, course.name)))

    assert cut_at(course, far, BEFORE + (1 if when == "the first" else objects), "after")
    settled = course.up()

    assert (settled["created"], settled["failed"]) == (1, [])
    runs.check_converged(course, ["1"])
    {"the first": check_down_cut_early, "the last": check_down_cut_late}[when](
        course, far, wait_until
    )


def check_down_cut_early(course, far, wait_until):
    """The next finds the accounts going: no token can be minted there, and none is left."""
    place = f"/api/v1/namespaces/practicum-{course.name}"

    assert cut_at(course, far, lambda r: r.method == "DELETE" and r.path == place, "after", "down")
    claimed = json.loads(course.admin("get", "namespace", f"practicum-{course.name}", "-o", "json"))
    assert claimed["metadata"]["deletionTimestamp"]
    assert manifest.TIE in claimed["metadata"]["finalizers"]

    assert course.down("--no-archive")["proved"]


def check_down_cut_late(course, far, wait_until):
    """All has gone but the claim, and the state: whoever brings it up lets go of the claim."""

    def is_before_the_state(request):
        rest = any(one.method == "DELETE" and "priorityclasses" in one.path for one in far.seen)
        return rest and "practicum-claim" in request.path

    claimed = f"practicum-{course.name}"
    assert cut_at(course, far, is_before_the_state, "before", "down")
    assert runs.namespaces(course) == set()
    assert course.admin("get", "namespace", claimed, "-o", "name")

    told = course.run("up", course.name, "--yes", code=9)
    assert f"being taken down: {claimed} is still going" in told.stderr
    wait_until(lambda: course.admin("get", "namespace", claimed, "--ignore-not-found") == "")
    assert course.down("--no-archive")["proved"]
    assert not runs.state_of(course).exists()


def test_a_run_cut_when_all_is_there_and_nothing_is_saved_is_settled_by_the_next(victim, far):
    """Nothing differs: it is the journal that says whose state knows nothing of what runs."""
    stay = all_well(victim)
    victim.roster([*stay, "5"])

    assert cut_at(victim, far, runs.is_last, "after")
    before = runs.everything(victim)
    assert victim.actions() == dict.fromkeys([*stay, "5"], "same")
    assert "s5" not in runs.in_state(victim)
    assert "Nothing was changed." in victim.run("up", victim.name, "--dry-run").stderr
    assert runs.locks(victim) != []
    settled = victim.up()

    assert (settled["same"], settled["failed"]) == (len(stay) + 1, [])
    claimed = f"Namespace /practicum-{victim.name}"
    after = runs.everything(victim)
    assert [name for name in before if name != claimed and after[name] != before[name]] == []
    runs.check_converged(victim, [*stay, "5"])
    assert victim.up()["processes"] == 0


def test_runs_for_one_student_in_between_forget_nothing_of_what_was_cut(victim, far):
    """In the wave that was cut, they run without the others; what these lack is settled later."""
    stay = all_well(victim)
    victim.roster([*stay, "6"])
    assert cut_at(victim, far, runs.is_last, "after")

    victim.json("up", victim.name, "0", "--yes")
    quota = victim.admin("get", "resourcequotas", "-n", victim.namespace("0"), "-o", "name")
    victim.admin("delete", "-n", victim.namespace("0"), *quota.split())
    repaired = victim.json("up", victim.name, "0", "--yes")
    assert (repaired["changed"], repaired["processes"]) == (1, 1)
    assert "s6" not in runs.in_state(victim)
    assert "wave 1 may be half done" in victim.run("status", victim.name).stdout
    settled = victim.up()

    assert (settled["same"], settled["failed"]) == (len(stay) + 1, [])
    runs.check_converged(victim, [*stay, "6"])
    assert victim.up()["processes"] == 0


@pytest.mark.soak
def test_a_hand_out_cut_at_any_change_leaves_the_old_one_its_access(behind, far, tmp_path):
    """Only a file that is on the disk counts; until then, nobody has what was minted last."""
    course = behind(["1"])
    course.give_key("1")
    course.up()
    course.json("handout", course.name)
    theirs = course.open("1", tmp_path)
    for change in ("secrets", "token", "PATCH"):
        for when in WHEN:
            old = theirs.read_bytes()
            came = _cut_hand_out(course, far, change, when)
            counts = (change, when) == ("PATCH", "after")

            assert came
            assert course.json("rotate", course.name, "--sweep")["swept"] == (["1"] * counts)
            if counts:
                theirs = course.open("1", tmp_path)
                assert theirs.read_bytes() != old
            assert as_student(theirs, "get", "pods").returncode == 0, (change, when)
    stopped = _interrupted_rotation(course, far)
    assert (stopped.returncode, "what is in flight finishes" in stopped.stderr) == (143, True)
    assert as_student(course.open("1", tmp_path), "get", "pods").returncode == 0
    [again] = course.json("handout", course.name, "--renew")["issued"]
    assert again["id"] == "1"
    assert as_student(course.open("1", tmp_path), "get", "pods").returncode == 0


def _cut_hand_out(course, far, change, when):
    """Kill a hand-out of new credentials at the request that is named; say whether it came."""
    run, struck = None, threading.Event()

    def strike():
        struck.set()
        run.kill()

    def rule(request):
        here = request.changes and change in (request.method, request.path.rpartition("/")[2])
        return Fault(**{when: strike}) if here else None

    far.reset(rule)
    run = runs.start(course, "handout", course.name, "--renew")
    run.communicate(timeout=60)
    far.reset()
    return struck.is_set()


def _interrupted_rotation(course, far):
    """Tell a rotation to stop while its one token is minted."""
    run = None

    def rule(request):
        if request.path.endswith("/token"):
            run.send_signal(signal.SIGTERM)

    far.reset(rule)
    run = runs.start(course, "rotate", course.name)
    out, errors = run.communicate(timeout=60)
    far.reset()
    return subprocess.CompletedProcess(run.args, run.returncode, out, errors)


@pytest.mark.soak
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("when", WHEN)
def test_a_run_cut_at_any_change_of_a_student_is_finished_by_the_next(victim, far, when):
    """REL-03: every change of a student who joins, and of one who leaves."""
    count = changes_of_one(victim, far)
    for number in range(1, count + 1):
        joins, other = str(next(NEW)), str(next(NEW))
        moved = number % 3 == 0
        assert survive(victim, far, number, when, ["0", joins], ["0", other if moved else joins])
    far.reset()
    victim.roster(["0", "99"])
    victim.up()
    number = 1
    while True:
        came = survive(victim, far, number, when, ["0"], ["0"])
        if not came:
            break
        victim.roster(["0", "99"])
        victim.up()
        number += 1
    assert number > 2


@pytest.mark.soak
@pytest.mark.timeout(3000)
def test_a_first_run_cut_at_any_change_is_finished_by_the_next(behind, far):
    """What all share is set up change by change: each of them is a place to die at."""
    whole = behind(["1"])
    far.reset()
    whole.up()
    for number in range(1, far.changes + 1, 4):
        course = behind(["1"])
        assert cut_at(course, far, number, WHEN[number // 4 % 2])
        assert course.up()["failed"] == [], f"cut at change {number}"
        runs.check_converged(course, ["1"])
        assert course.down()["proved"]


@pytest.mark.soak
@pytest.mark.timeout(3000)
def test_a_down_cut_at_any_change_is_finished_by_the_next(behind, far):
    """Whatever has gone by then, and wherever the claim stands: the same command once more."""
    number, came = 1, True
    while came:
        course = behind(["1", "2"])
        far.reset()
        course.up()
        came = cut_at(course, far, number, WHEN[number % 2], "down")
        assert course.down("--no-archive")["proved"], f"cut at change {number}"
        assert not runs.state_of(course).exists()
        number += 3
    assert number > 30


@pytest.mark.soak
@pytest.mark.timeout(3000)
def test_twenty_random_cuts_over_thirty_students(behind, far):
    """Gate 4: joiners, leavers and a changed quota, each cut somewhere; one plain re-run."""
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    ids = [str(number) for number in range(1, 31)]
    course = behind(ids)
    cuts = 0
    while cuts < 20:
        kind = chance.choice(["join", "leave", "quota", "all"])
        new = [str(next(NEW)) for _ in range(3)]
        if kind == "join":
            ids = [*ids[3:], *new]
        elif kind == "leave":
            ids = [*ids[2:], *new[:1]] if len(ids) > 20 else [*ids, *new]
        elif kind == "all":
            ids = [*ids[1:-1], *new[:2]]
        quota = {"environment": {"quota": {"pods": str(chance.randrange(5, 50))}}}
        course.write(ids, **course.fixed, **(quota if kind in ("quota", "all") else {}))
        number = chance.randrange(1, 24 if kind in ("join", "leave") else 60)
        cuts += cut_at(course, far, number, chance.choice(WHEN))
        done = course.up()
        assert done["failed"] == [], f"seed {seed}, cut {cuts}, {kind} at {number}"
        runs.check_converged(course, ids)
    assert course.down()["proved"]
