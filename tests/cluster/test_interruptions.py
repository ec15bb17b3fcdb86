"""Killed, interrupted and concurrent runs: one plain re-run puts everything right."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
from datetime import UTC, datetime

import pytest

from .course import environment
from .faults import Gate
from .runs import (
    await_no_strays,
    check_converged,
    is_last,
    kill_all,
    reach,
    start,
    start_up,
    state_of,
)

pytestmark = pytest.mark.cluster

STUDENTS = [str(number) for number in range(1, 5)]


@pytest.fixture
def gate(far):
    """Where a run stands still: at the last objects of its students, and so within a wave."""
    made = Gate(at=is_last)
    far.reset(made)
    yield made
    made.opened.set()
    far.reset()


@pytest.fixture
def half_up(behind, gate):
    """A cohort whose first run has made some namespaces, and stands at the gate."""
    course = behind(STUDENTS)
    run = start_up(course)
    reach(gate, run)
    yield course, run
    if run.poll() is None:
        run.kill()
    run.communicate()


@pytest.fixture(scope="module")
def well(new_course):
    """A cohort that is up; students join it, each with an id of their own."""
    course = new_course(["1"])
    course.up()
    return course


NEW = map(str, itertools.count(101))


def hear(run, words):
    """Read what a run says until it says this."""
    said = []
    for line in run.stderr:
        said.append(line)
        if words in line:
            return
    raise AssertionError("".join(said))


def test_a_killed_run_is_finished_by_the_next(half_up, gate):
    """Workers notice that their parent is gone; the next run waits for them, then goes on."""
    course, run = half_up
    run.send_signal(signal.SIGKILL)
    run.wait()
    gate.opened.set()
    course.write(STUDENTS, **course.fixed, environment={"quota": {"pods": "9"}})

    done = course.up()

    assert done["failed"] == []
    assert set(course.actions().values()) == {"same"}
    assert len(course.actions()) == len(STUDENTS)
    await_no_strays(course)


def test_a_run_killed_with_all_its_processes_is_finished_by_the_next(half_up, gate):
    """As a power cut: no state was saved, Pulumi's lock and half a wave were left behind."""
    course, run = half_up
    kill_all(course, run)
    run.wait()
    gate.opened.set()

    done = course.up()

    assert done["failed"] == []
    assert set(course.actions().values()) == {"same"}
    await_no_strays(course)


def test_who_leaves_after_a_killed_run_is_removed(half_up, gate):
    """Alive, ours, in no state and in no roster: found by the mark, deleted by UID."""
    course, run = half_up
    kill_all(course, run)
    run.wait()
    gate.opened.set()
    present = [id for id, action in course.actions().items() if action != "create"]
    assert present
    course.roster([id for id in STUDENTS if id != present[0]])

    done = course.up()

    assert done["failed"] == []
    assert present[0] not in course.actions()
    listed = course.admin("get", "namespaces", "-o", "name").split()
    assert f"namespace/{course.namespace(present[0])}" not in listed
    assert set(course.actions().values()) == {"same"}


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=["Ctrl-C", "SIGTERM", "closed terminal"],
)
def test_an_interrupted_run_ends_in_order(half_up, gate, number, code):
    course, run = half_up
    # A terminal tells its whole group; `kill` tells one process.
    (os.killpg if number == signal.SIGINT else os.kill)(run.pid, number)
    hear(run, "what is in flight finishes")
    gate.opened.set()

    _, errors = run.communicate(timeout=200)

    assert run.returncode == code, errors
    assert "Traceback" not in errors
    await_no_strays(course)
    done = course.up()
    assert done["failed"] == []
    assert set(course.actions().values()) == {"same"}


def test_a_second_signal_ends_it_at_once_and_the_next_run_repairs(half_up, gate):
    """At once: nothing that it waits for has been answered by then."""
    course, run = half_up
    run.send_signal(signal.SIGINT)
    hear(run, "what is in flight finishes")
    run.send_signal(signal.SIGTERM)

    _, errors = run.communicate(timeout=200)

    assert run.returncode in (130, 143), errors
    assert "Traceback" not in errors
    await_no_strays(course)
    gate.opened.set()
    assert course.up()["failed"] == []
    check_converged(course, STUDENTS)


def test_who_reads_the_output_may_go_away(behind, gate):
    """`practicum up … | head -1`: what was asked for is done, and nobody is told."""
    course = behind(["1", "2"])
    run = start(course, "up", course.name, "--yes", stderr=subprocess.STDOUT)
    run.stdout.readline()
    run.stdout.close()
    gate.opened.set()  # so that there was something left to say

    assert run.wait(timeout=200) == 141

    check_converged(course, ["1", "2"])


def test_a_full_disk_stops_it_in_one_line_and_leaves_all_as_it_was(well):
    """REL-10: `ulimit -f` is a disk that is full for whatever grows beyond a few bytes."""
    course, ids = well, [*well.actions(), next(NEW)]
    records, state = course.folder / "students.json", state_of(course)
    before = records.read_bytes(), state.read_bytes()
    course.roster(ids)
    command = ["bash", "-c", 'trap "" XFSZ; ulimit -f 0; exec "$@"', "-",
               *course.command("up", course.name, "--yes")]  # fmt: skip

    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())

    assert done.returncode == 3, done.stderr
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr
    assert (records.read_bytes(), state.read_bytes()) == before
    assert course.up()["created"] == 1
    check_converged(course, ids)


@pytest.mark.skipif(os.geteuid() != 0, reason="a read-only file system is mounted, by root alone")
def test_a_read_only_home_stops_it_before_anything_is_changed(well):
    course, stay, new = well, list(well.actions()), next(NEW)
    course.roster([*stay, new])
    script = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
    command = ["unshare", "-m", "bash", "-c", script, str(course.home),
               *course.command("up", course.name, "--yes")]  # fmt: skip

    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())

    if "Operation not permitted" in done.stderr or "permission denied" in done.stderr:
        pytest.skip("no file system can be mounted here")
    assert done.returncode == 3, done.stderr
    assert "Read-only file system" in done.stderr
    assert "Traceback" not in done.stderr
    assert course.actions() == dict.fromkeys(stay, "same") | {new: "create"}
    assert course.up()["created"] == 1


def test_of_two_runs_at_once_one_proceeds(half_up, gate):
    course, run = half_up
    run.send_signal(signal.SIGSTOP)  # so that it cannot end before the others have begun
    gate.opened.set()

    second = course.run("up", course.name, "--yes", code=9)
    down = course.run("down", course.name, "--yes", course.name, code=9)

    run.send_signal(signal.SIGCONT)
    _, errors = run.communicate(timeout=200)
    assert str(run.pid) in second.stderr
    assert str(run.pid) in down.stderr
    assert run.returncode == 0, errors
    assert set(course.actions().values()) == {"same"}


def test_a_dead_holders_lock_is_taken_and_a_live_ones_is_not(well):
    """REL-05: Pulumi's own lock file names process and host, and nothing else clears it."""
    course, ids = well, list(well.actions())
    stack = f"{course.name}.wave-01"
    folder = course.home / "state" / ".pulumi" / "locks" / "organization" / "practicum" / stack
    lock = folder / "0f3a.json"

    def plant(pid: int, since: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        lock.write_text(
            f'{{"pid": {pid}, "username": "ops", "hostname": "{os.uname().nodename}",'
            f' "timestamp": "{since}"}}'
        )

    course.write(ids, environment={"quota": {"pods": "8"}})
    now = datetime.now(UTC).isoformat()
    plant(os.getpid(), now)
    refused = course.run("up", course.name, "--yes", code=9)
    assert "held by" in refused.stderr
    assert lock.exists()
    gone = subprocess.Popen(["true"])
    gone.wait()
    plant(gone.pid, now)
    torn = folder / "torn.json"  # by a power cut: it names nobody, and Pulumi cannot read it
    torn.write_bytes(b"")

    taken = course.up()

    assert (taken["changed"], taken["failed"]) == (len(ids), [])
    assert not lock.exists()
    assert not torn.exists()
    course.write(ids)
    plant(os.getpid(), "2020-01-01T00:00:00Z")  # only the number is alive
    assert course.up()["changed"] == len(ids)
