"""A connection that stands still, and a program that does: told, bounded, and got over by itself.

Nothing is answered and nothing ends, as with a firewall that forgets a connection. The run
finds out, and brings the wave up once more.
"""

from __future__ import annotations

import json
import time

import pytest

from provisioner.manifest import GUARD

from . import runs
from .course import Course
from .faults import Fault, Request
from .wire import Connection, Wire, amid_changes, wire

pytestmark = pytest.mark.cluster

IDS = [str(number) for number in range(1, 5)]

BOUND = 90
"""Seconds: what one connection that stands still may cost, beside the run itself."""


@pytest.fixture(scope="module")
def line(control_plane):
    with wire(control_plane.server) as made:
        yield made


@pytest.fixture
def course(new_course, line, tmp_path):
    """A cohort whose every byte goes over the wire."""
    line.reset()
    made: Course = new_course()
    config = json.loads(made.kubeconfig.read_bytes())
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{line.port}"
    path = tmp_path / "kubeconfig"
    path.touch(mode=0o600)
    path.write_text(json.dumps(config))
    made.write(IDS, cluster={"kubeconfig": str(path), "context": "rehearsal"})
    yield made
    line.reset()


def check_finished(course: Course, stack: str, said: str) -> None:
    """The run told which stack it brings up again, did it, and left nothing to settle."""
    again = f"{course.name}.{stack} hung, or lost its connection to the cluster: once more …"
    assert again in said.splitlines()
    runs.check_converged(course, IDS)
    assert course.json("status", course.name)["unfinished"] is None


def log_of(course: Course, stack: str) -> str:
    return (
        course.home / "pulumi" / course.name / "logs" / f"{course.name}.{stack}.log"
    ).read_text()


def test_a_connection_that_is_cut_while_a_wave_is_made_costs_no_student(behind, far):
    """REL-01: one request is lost with it, and what hangs on that; the run makes it good."""
    course = behind(IDS)
    cut: list[Request] = []

    def rule(request: Request) -> Fault | None:
        if cut or not (runs.is_last(request) and course.namespace("2") in request.path):
            return None
        cut.append(request)
        return Fault(cut=True)

    far.reset(rule)

    done = course.run("up", course.name, "--yes")

    assert cut
    check_finished(course, "wave-01", done.stderr)
    assert "creating (0s)" in log_of(course, "wave-01"), "what the engine said is kept"


@pytest.mark.soak  # a connection has twenty seconds
@pytest.mark.parametrize(("stack", "place"), [(GUARD, 1), ("wave-01", 2)])
def test_a_connection_that_stands_still_is_found_and_the_stack_brought_up_again(
    course, line, stack, place
):
    """REL-01: all requests of a provider wait on one connection."""
    line.rule = amid_changes(line, place)
    began = time.monotonic()

    done = course.run("up", course.name, "--yes")

    assert time.monotonic() - began < BOUND
    assert len(line.held) == 1
    check_finished(course, stack, done.stderr)
    log = log_of(course, stack)
    assert "client connection lost" in log, "what the engine said is kept"
    assert "creating (0s)" in log, "and what it was at"


@pytest.mark.soak  # a request of ours has half a minute
def test_a_connection_of_ours_that_stands_still_costs_a_request_its_time(course, line):
    line.rule = lambda one: not line.held and not one.of_provider and one.sent > 2_500
    began = time.monotonic()

    assert course.up()["created"] == len(IDS)

    assert len(line.held) == 1
    assert time.monotonic() - began < BOUND


@pytest.mark.soak
def test_a_plan_whose_connection_stands_still_is_made_all_the_same(course, line):
    """It asks once more, over another one, when the first has said nothing for five seconds."""
    line.rule = lambda one: not line.held

    assert course.actions() == dict.fromkeys(IDS, "create")

    assert len(line.held) == 1


def stand_still(course: Course, line: Wire, named: str) -> None:
    """Have programs of a run stand still while its wave is being made."""
    amid, stopped = amid_changes(line, 2), []

    def rule(one: Connection) -> bool:
        if not stopped and amid(one):
            stopped.extend(one for one in runs.strays(course) if named in " ".join(one.cmdline()))
            for program in stopped:
                program.suspend()
        return False

    line.rule = rule


@pytest.mark.soak  # two minutes without a word, and half a minute to end
@pytest.mark.parametrize(
    "program", ["pulumi-resource-kubernetes", "pulumi --non-interactive", "pulumi_stack.worker"]
)
def test_a_program_that_stands_still_is_ended_and_the_wave_brought_up_again(course, line, program):
    """REL-01: whatever it waits for; what is known of that is in the log."""
    stand_still(course, line, program)

    done = course.run("up", course.name, "--yes")

    check_finished(course, "wave-01", done.stderr)
    if program == "pulumi-resource-kubernetes":
        assert "goroutine" in log_of(course, "wave-01"), "where the engine stood"
    if program != "pulumi_stack.worker":
        assert "(most recent call first)" in log_of(course, "wave-01"), "where the worker stood"
