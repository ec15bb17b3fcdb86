"""One run a cohort: who holds it is named, and what a killed run left is no obstacle."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import subprocess
import threading
import time

import psutil
import pytest

from provisioner.errors import InputError, LockedError
from provisioner.lifecycle import lock
from provisioner.pulumi_stack import RUN_MARK

DEAD = 2**22 + 1  # above the kernel's highest process number
HOST = socket.gethostname()
HOLD = ["sh", "-c", "echo up; exec cat"]


@pytest.fixture
def child():
    """Start processes that live until they are told to end; they may inherit descriptors."""
    started = []

    def child(*inherited, env=None):
        process = subprocess.Popen(
            HOLD,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=inherited,
            env=env,
        )
        started.append(process)
        process.stdout.readline()
        return process

    yield child
    for process in started:
        process.kill()
        process.communicate()


def file_of(home, cohort="mls26"):
    return home / "locks" / f"{cohort}.lock"


def put(home, content):
    path = file_of(home)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def by(pid, **more):
    return {"pid": pid, "host": HOST, "time": time.time(), "since": "noon", **more}


def is_free(home):
    with file_of(home).open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def take(home, said=None):
    with lock.held(home, "mls26", said.append if said is not None else lambda _: None):
        return json.loads(file_of(home).read_text())


def test_the_lock_says_who_holds_it_and_is_private(tmp_path):
    with lock.held(tmp_path, "mls26"):
        holder = json.loads(file_of(tmp_path).read_text())

        assert not is_free(tmp_path)
        assert (holder["pid"], holder["host"]) == (os.getpid(), HOST)
        assert file_of(tmp_path).stat().st_mode & 0o077 == 0
    assert is_free(tmp_path)
    assert file_of(tmp_path).read_text() == ""


def test_a_live_holder_is_named_and_keeps_it(tmp_path):
    with (
        lock.held(tmp_path, "mls26"),
        pytest.raises(LockedError) as caught,
        lock.held(tmp_path, "mls26"),
    ):
        pytest.fail("two runs held one cohort")

    assert caught.value.exit_code == 9
    assert f"process {os.getpid()} on {HOST}" in caught.value.message


def test_a_refused_run_leaves_the_holders_words(tmp_path):
    with lock.held(tmp_path, "mls26"):
        before = file_of(tmp_path).read_text()
        with pytest.raises(LockedError), lock.held(tmp_path, "mls26"):
            pass

        assert file_of(tmp_path).read_text() == before
        assert not is_free(tmp_path)


def test_two_cohorts_do_not_wait_for_each_other(tmp_path):
    with lock.held(tmp_path, "mls26"), lock.held(tmp_path, "mls27"):
        assert file_of(tmp_path, "mls27").read_text()


def test_a_lock_that_cannot_be_made_is_told_with_its_name(tmp_path):
    path = file_of(tmp_path)
    path.mkdir(parents=True, mode=0o700)

    with pytest.raises(InputError) as caught:
        take(tmp_path)

    assert caught.value.message == f"{path} cannot be written: Is a directory."


def test_an_error_releases_it(tmp_path):
    with pytest.raises(InputError, match="told"), lock.held(tmp_path, "mls26"):
        raise InputError("told")

    assert is_free(tmp_path)
    assert take(tmp_path)["pid"] == os.getpid()


def test_what_a_dead_holder_left_is_taken_at_once(tmp_path):
    put(tmp_path, by(DEAD))
    said = []

    assert take(tmp_path, said)["pid"] == os.getpid()
    assert said == []


@pytest.mark.parametrize(
    "content", ["garbled {", "[]", "7", "null", '{"pid": "x"}', '{"host": 5}', "\0" * 50], ids=repr
)
def test_a_garbled_file_that_nobody_holds_is_taken(tmp_path, content):
    put(tmp_path, content)

    assert take(tmp_path)["pid"] == os.getpid()


def test_a_holder_on_another_machine_is_never_robbed(tmp_path):
    """The folder may be shared; there, nobody here can look."""
    with put(tmp_path, by(DEAD, host="elsewhere")).open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        before = file_of(tmp_path).read_text()

        with pytest.raises(LockedError, match="on elsewhere"), lock.held(tmp_path, "mls26"):
            pass

        assert file_of(tmp_path).read_text() == before


@pytest.mark.parametrize(
    "content",
    ["", "garbled {", "[]", "{}", by("x"), by(None), by(os.getpid(), time="x"), {"host": HOST}],
    ids=["empty", "cut off", "a list", "nothing in it", "a word for its pid", "no pid",
         "a word for its time", "its host alone"],
)  # fmt: skip
def test_a_lock_that_says_no_holder_is_waited_for(tmp_path, child, content):
    """Its holder has not come to writing, was killed while it did, or is only a worker."""
    with put(tmp_path, content).open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        worker = child(file.fileno())

    with lock.held(tmp_path, "mls26", lambda _: worker.communicate() and None):
        assert json.loads(file_of(tmp_path).read_text())["pid"] == os.getpid()


def test_a_worker_that_lives_keeps_the_lock_of_a_run_that_ended(tmp_path, child):
    with lock.held(tmp_path, "mls26") as descriptor:
        worker = child(descriptor)

    assert not is_free(tmp_path)
    worker.communicate()
    assert is_free(tmp_path)


def test_other_children_do_not_inherit_it(tmp_path, child):
    with lock.held(tmp_path, "mls26"):
        child()

    assert is_free(tmp_path)


def killed_run_with_a_worker(home, child):
    """A worker holds the lock; the run that started it is dead."""
    path = put(home, by(DEAD))
    with path.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        return child(file.fileno())


def test_the_workers_of_a_killed_run_are_waited_for(tmp_path, child):
    worker = killed_run_with_a_worker(tmp_path, child)
    said = []

    def say(text):
        said.append(text)
        worker.communicate()  # it ends now that somebody waits

    with lock.held(tmp_path, "mls26", say):
        assert json.loads(file_of(tmp_path).read_text())["pid"] == os.getpid()
    assert said == ["An earlier run was killed; waiting for what it had started to finish."]


def test_a_process_that_only_has_the_number_of_a_dead_holder_is_not_it(tmp_path, child):
    """The number was given again after the run that wrote it had begun."""
    newcomer = child()
    began = psutil.Process(newcomer.pid).create_time()
    with put(tmp_path, by(newcomer.pid, time=began - 60)).open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        worker = child(file.fileno())

    with lock.held(tmp_path, "mls26", lambda _: worker.communicate() and None):
        assert newcomer.poll() is None


def test_strays_of_a_killed_run_are_ended_and_no_others(tmp_path, child):
    """Engine and provider do not hold the lock; they are told by their environment."""
    mine, other = (
        child(env={**os.environ, RUN_MARK: lock.run_name(tmp_path, cohort)})
        for cohort in ("mls26", "mls2")
    )
    plain = child()
    put(tmp_path, by(DEAD))

    take(tmp_path)

    assert not psutil.pid_exists(mine.pid)
    assert (other.poll(), plain.poll()) == (None, None)


def test_after_an_orderly_end_no_process_is_looked_for(tmp_path, child):
    """And with it none is ended: it may be a run that is only being shown, say."""
    with lock.held(tmp_path, "mls26"):
        pass
    marked = child(env={**os.environ, RUN_MARK: lock.run_name(tmp_path, "mls26")})

    take(tmp_path)

    assert marked.poll() is None


def test_of_many_at_once_one_holds_it(tmp_path):
    """Threads stand for runs here: a lock belongs to an opened file, not to a process."""
    held, refused = [], []
    start, done = threading.Barrier(6), threading.Barrier(6)

    def run():
        start.wait()
        try:
            with lock.held(tmp_path, "mls26"):
                held.append(1)
                done.wait()
        except LockedError:
            refused.append(1)
            done.wait()

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(held), len(refused)) == (1, 5)
