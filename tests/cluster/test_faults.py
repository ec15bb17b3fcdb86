"""A cluster that is slow, broken or gone: bounded, told in one line, and finished by the next run.

What each fault does is done by a proxy; behind it is the real API server.
"""

from __future__ import annotations

import itertools
import os
import re
import signal
import time
from contextlib import contextmanager

import pytest
from click.testing import CliRunner

from provisioner import rehearsal
from provisioner.cli import practicum
from provisioner.cluster import plain, transport

from . import runs
from .course import Course
from .faults import Fault, Gate, proxy

pytestmark = pytest.mark.cluster

IDS = [str(number) for number in range(1, 7)]
PODS = itertools.count(7)
"""A quota that nobody has yet: something to do for the next `up`."""

BOUND = 200
"""Seconds: no command may take longer, whatever the server does. The limit of a test is
longer, so that a run without a bound fails here and not there."""


@pytest.fixture(scope="module")
def through(behind, far):
    """Make a cohort behind the proxy, which has done with the faults of before."""

    def make(ids, **cohort):
        far.reset()
        return behind(ids, **cohort)

    return make


@pytest.fixture
def course(through, far):
    made = through(["1", "2"])
    yield made
    far.reset()


@pytest.fixture(scope="module")
def made_up(through):
    course = through(["1", "2"])
    course.up()
    return course


@pytest.fixture
def running(made_up, far):
    """A cohort that is up; a test that changes what it should be says first what that is."""
    yield made_up
    far.reset()


# A wave goes on past who fails


@pytest.mark.parametrize("count", [30, pytest.param(300, marks=pytest.mark.soak)])
def test_ten_who_fail_stop_nobody_else(through, far, count):
    """REL-01: strangers in four's place, a server that says 500 for four, one that cuts for two."""
    ids = [str(number) for number in range(1, count + 1)]
    course = through(ids)
    strangers, broken, cut = ids[:4], ids[4:8], ids[8:10]
    for id in strangers:
        course.admin("create", "namespace", course.namespace(id))

    faults = {course.namespace(id): Fault(status=500) for id in broken}
    faults |= {course.namespace(id): Fault(cut=True) for id in cut}

    def rule(request):
        inside = re.search(r"/namespaces/([^/?]+)", request.path)
        return faults.get(inside[1]) if inside and request.changes else None

    far.reset(rule)

    done = course.up(code=6)

    assert done["created"] == count - 10
    why = {one["id"]: one["error"] for one in done["failed"]}
    assert sorted(why, key=int) == ids[:10]
    assert all("was made by kubectl-create" in why[id] for id in strangers)
    assert all(why.values()), "each is told with a cause"
    far.reset()
    course.admin("delete", "namespace", *(course.namespace(id) for id in strangers))
    done = course.up()
    assert (done["failed"], done["same"]) == ([], count - 10)
    runs.check_converged(course, ids)


@pytest.mark.soak  # a request has a minute
def test_a_student_who_hangs_inside_a_wave_is_given_up_and_stops_nobody_else(through, far):
    """REL-01: nobody answers what is made for one of three, and each of it has its time."""
    course = through(["1", "2", "3"])
    hangs = course.namespace("2")
    far.reset(
        lambda request: Fault(hang=True) if request.changes and hangs in request.path else None
    )
    began = time.monotonic()

    done = course.up(code=6)

    assert time.monotonic() - began < BOUND
    assert done["created"] == 2
    [failed] = done["failed"]
    assert failed["id"] == "2"
    assert failed["error"] == f"s2/namespace/{hangs}: the cluster did not answer in time"
    far.reset()
    assert course.up()["created"] == 1
    runs.check_converged(course, ["1", "2", "3"])


# Connections


def break_now_and_then(far, fault):
    def rule(request):
        lost = request.place % 5 == 0
        return Fault(**{fault: True}) if lost and fault != "late" else None

    far.reset(rule)
    far.delay = 0.1 if fault == "late" else 0.0


@pytest.mark.parametrize("fault", ["cut", "half", "late"])
def test_a_connection_that_breaks_now_and_then(course, far, fault):
    """Every fifth answer is lost; what a run does not get done, the next does."""
    break_now_and_then(far, fault)

    first = course.run_any("up", course.name, "--yes")

    assert first.returncode in (0, 5, 6, 7), first.stderr
    assert "Traceback" not in first.stderr
    far.reset()
    assert course.up()["failed"] == []
    runs.check_converged(course, ["1", "2"])


@pytest.mark.parametrize(
    "fault", ["cut", *(pytest.param(one, marks=pytest.mark.soak) for one in ("half", "late"))]
)
def test_a_student_is_dropped_over_a_connection_that_breaks_now_and_then(course, far, fault):
    """Archived, deleted, forgotten; or it is told, and the next run does it."""
    course.up()
    course.roster(["1"])
    break_now_and_then(far, fault)

    first = course.run_any("up", course.name, "--yes")

    assert first.returncode in (0, 5, 6, 7), first.stderr
    assert "Traceback" not in first.stderr
    far.reset()
    assert course.up()["failed"] == []
    runs.check_converged(course, ["1"])
    kept = list((course.home / "archive" / course.name).glob("2.*.age"))
    assert kept, "never deleted without an archive"


def test_a_server_that_never_answers(running, far, monkeypatch):
    """Black hole: every request gives up, so every command does, and nothing is taken for gone.

    In this process, so that a request has half a second and not half a minute.
    """
    monkeypatch.setattr(plain, "SECONDS", 0.5)
    monkeypatch.setattr(transport, "SECONDS", 0.5)
    state = runs.state_of(running).read_bytes()
    far.reset(lambda _: Fault(hang=True))

    done = CliRunner().invoke(practicum, running.command("plan", running.name)[3:])

    assert done.exit_code == 7, done.output
    check_told(done.stderr)
    assert runs.state_of(running).read_bytes() == state


@pytest.mark.soak  # two requests have half a minute each
def test_a_server_that_never_answers_has_its_time(running, far):
    state = runs.state_of(running).read_bytes()
    far.reset(lambda _: Fault(hang=True))

    check_told(running.run("plan", running.name, code=7).stderr)

    assert runs.state_of(running).read_bytes() == state


def check_told(errors):
    assert "cannot be reached" in errors
    assert len(errors.splitlines()) == 2, "one line, and what to do"


@pytest.mark.soak
@pytest.mark.parametrize(("command", "answered"), [("up", 3), ("handout", 1), ("down", 3)])
def test_a_server_that_stops_answering_in_the_middle(course, far, command, answered):
    course.give_key("1")
    if command != "up":
        course.up()
    seen = []

    def rule(request):
        seen.append(request.changes)
        return Fault(hang=True) if sum(seen) > answered else None

    far.reset(rule)
    words = {"up": ["--yes"], "down": ["--yes", course.name], "handout": []}[command]

    done = course.run_any(command, course.name, *words, timeout=BOUND)

    assert sum(seen) > answered, "else it was through before"
    assert done.returncode in (5, 6, 7, 8), done.stderr
    assert "Traceback" not in done.stderr
    far.reset()
    assert course.run(command, course.name, *words)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault(status=503), id="nobody behind the balancer"),
        # Pulumi's provider asks ten times more, a second apart.
        pytest.param(Fault(cut=True), id="cut", marks=pytest.mark.soak),
    ],
)
def test_a_cluster_that_goes_away_never_shrinks_the_state(running, far, monkeypatch, fault):
    """REL-14: with what the provider calls *delete unreachable* in the operator's shell."""
    course = running
    before = runs.in_state(course)
    monkeypatch.setenv("PULUMI_K8S_DELETE_UNREACHABLE", "true")
    monkeypatch.setenv("PULUMI_K8S_SKIP_UPDATE_UNREACHABLE", "true")
    pods = str(next(PODS))
    course.write(["1", "2"], **course.fixed, environment={"quota": {"pods": pods}})
    # We still see the cluster; what Pulumi starts does not.
    far.reset(lambda request: fault if request.agent.startswith("pulumi") else None)

    failed = course.up(code=6)["failed"]

    assert [one["id"] for one in failed] == ["1", "2"]
    assert runs.in_state(course) == before
    far.reset()
    assert course.up()["changed"] == 2
    runs.check_converged(course, ["1", "2"])


def test_a_busy_server_is_asked_again_as_it_says(course, far):
    """429 with Retry-After, for every first request of a path."""
    asked = set()

    def rule(request):
        if request.path in asked or not request.agent.startswith("practicum"):
            return None
        asked.add(request.path)
        return Fault(status=429, headers="Retry-After: 0\r\n") if request.method == "GET" else None

    far.reset(rule)

    assert course.up()["failed"] == []


# The control plane itself


@pytest.fixture(scope="module")
def own_plane(tmp_path_factory, kubectl):
    """A control plane of one's own, since the others would miss theirs."""
    home = tmp_path_factory.mktemp("own-plane")
    found = rehearsal.up(home)
    course = Course(
        name="own", stacks=tmp_path_factory.mktemp("own-stacks"), home=home,
        kubeconfig=found.kubeconfig, kubectl=kubectl,
    )  # fmt: skip
    with proxy(found.server, home / "rehearsal" / "pki") as course.far:
        runs.put_behind(course, course.far.port, course.stacks, ())
        yield course
    rehearsal.down(home)


@contextmanager
def half_up(course):
    """Start a first run, and yield it while it stands within its wave; then it goes on."""
    gate = Gate(at=runs.is_last)
    course.far.reset(gate)
    course.write(IDS, **course.fixed)
    run = runs.start_up(course)
    runs.reach(gate, run)
    yield run
    gate.opened.set()
    course.far.reset()


def pid_of(course, name):
    return next(p.pid for p in rehearsal.status(course.home).processes if p.name == name)


@pytest.mark.soak
def test_an_api_server_that_is_killed_in_the_middle(own_plane):
    course = own_plane
    with half_up(course) as run:
        os.kill(pid_of(course, "kube-apiserver"), signal.SIGKILL)
    _, errors = run.communicate(timeout=BOUND)

    assert run.returncode in (5, 6, 7), errors
    assert "Traceback" not in errors
    assert course.run("plan", course.name, code=7)
    rehearsal.up(course.home)
    assert course.up()["failed"] == []
    runs.check_converged(course, IDS)
    assert course.down()["proved"]


@pytest.mark.soak
def test_an_etcd_that_stands_still_in_the_middle(own_plane, wait_until):
    course = own_plane
    etcd = pid_of(course, "etcd")
    with half_up(course) as run:
        os.kill(etcd, signal.SIGSTOP)
    try:
        _, errors = run.communicate(timeout=BOUND)
        assert run.returncode == 7, errors
        told = [
            line for line in errors.splitlines() if "the cluster could not be read again" in line
        ]
        assert len(told) == 1, errors
        assert "environments are through" in told[0]
        assert "Traceback" not in errors
        assert course.run_any("plan", course.name, timeout=BOUND).returncode in (6, 7)
    finally:
        os.kill(etcd, signal.SIGCONT)
    wait_until(lambda: rehearsal.status(course.home).running)
    assert course.json("status", course.name)["unfinished"]["unknown"] == ["wave 1"]
    assert course.up()["failed"] == []
    assert course.json("status", course.name)["unfinished"] is None
    runs.check_converged(course, IDS)
    assert course.down()["proved"]


@pytest.mark.soak
def test_a_controller_manager_that_stands_still(own_plane, wait_until):
    """Who joins needs none; what is to go does not, and the command says so in its time."""
    course = own_plane
    course.write(IDS[:2], **course.fixed)
    course.up()
    manager = pid_of(course, "kube-controller-manager")

    os.kill(manager, signal.SIGSTOP)
    try:
        course.roster(IDS[:3])
        # Not by the test's own `up`, which waits until the manager has taken the quotas up.
        assert course.json("up", course.name, "--yes")["created"] == 1
        began = time.monotonic()
        receipt = course.down("--no-archive", "--wait", "2", code=8)
        assert time.monotonic() - began < BOUND
        assert not receipt["proved"]
        assert any(course.namespace("1") in line for line in receipt["remaining"])
    finally:
        os.kill(manager, signal.SIGCONT)
    wait_until(lambda: runs.namespaces(course) == set())
    assert course.down("--no-archive")["proved"]
