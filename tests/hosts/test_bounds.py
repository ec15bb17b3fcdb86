"""What runs with a student's rights is bounded: in time, in what it takes, in what it says."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from ..waiting import until
from .ansible_modules import shared

rights = shared("lab_rights")
student = shared("lab_student")
confined = shared("lab_confined")

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")

ACCOUNT = SimpleNamespace(pw_name="s1", pw_uid=61_234, pw_gid=61_234, pw_dir="/")
"""Nobody of this machine: what it may run is counted by the number."""


def with_its_rights(work):
    return rights.as_student(ACCOUNT, work)


def half_an_answer_and_no_end(others):
    (writing,) = pipes() - others
    os.write(writing, b'{"result": ')
    os.kill(os.getpid(), signal.SIGSTOP)


def pipes():
    return {int(path.name) for path in Path("/proc/self/fd").iterdir() if is_pipe(path)}


def is_pipe(path):
    try:
        return str(path.readlink()).startswith("pipe:")
    except FileNotFoundError:
        return False


def test_an_answer_that_begins_and_does_not_end_is_waited_for_no_longer(monkeypatch):
    monkeypatch.setattr(rights, "PATIENCE", 1)
    began, others = time.monotonic(), pipes()  # this process may have some for tests of before

    with pytest.raises(student.StudentProblemError, match="took more than 1 s"):
        with_its_rights(lambda: half_an_answer_and_no_end(others))

    assert time.monotonic() - began < 120


STOPS_ALL_OF_ITS_OWN = "while :; do kill -STOP -1; sleep 0.01; done"


def test_who_stops_what_is_done_with_their_rights_does_so_once(monkeypatch):
    monkeypatch.setattr(rights, "PATIENCE", 1)
    stopper = subprocess.Popen(
        ["sh", "-c", STOPS_ALL_OF_ITS_OWN], user=ACCOUNT.pw_uid, group=ACCOUNT.pw_gid
    )

    with pytest.raises(student.StudentProblemError, match="all that they ran was ended"):
        with_its_rights(lambda: student.run("sleep", "300"))

    assert stopper.wait(timeout=120) == -signal.SIGKILL
    monkeypatch.setattr(rights, "PATIENCE", 120)
    assert with_its_rights(lambda: "goes on") == "goes on"


def test_an_answer_of_any_size_fills_nobody_s_memory():
    assert len(with_its_rights(lambda: "x" * (rights.MOST_ANSWER - 100))) > 1_000_000
    with pytest.raises(student.StudentProblemError, match="ended without an answer"):
        with_its_rights(lambda: "x" * (rights.MOST_ANSWER + 1))


FORKS = """
import os, time
made = []
try:
    while len(made) < 300:
        made.append(os.fork() or time.sleep(60))
except OSError as error:
    print(len(made) < 300, error.strerror)
for child in made:
    os.kill(child, 9)
"""


def test_it_starts_no_more_processes_than_it_may(monkeypatch):
    monkeypatch.setitem(rights.BOUNDS, resource.RLIMIT_NPROC, 20)

    said = with_its_rights(lambda: student.run("python3", "-c", FORKS))

    assert said == "True Resource temporarily unavailable\n"


TAKES = {
    "memory": lambda: len(bytearray(2 << 30)),
    "a file": lambda: os.truncate(os.open("/tmp", os.O_TMPFILE | os.O_RDWR), 1 << 40),
    "time": lambda: sum(iter(int, 1)),
}


@pytest.mark.parametrize("what", TAKES)
def test_it_takes_no_more_of_the_host_than_it_may(monkeypatch, what):
    monkeypatch.setitem(rights.BOUNDS, resource.RLIMIT_CPU, 1)

    with pytest.raises(student.StudentProblemError):
        with_its_rights(TAKES[what])


IN_A_HOME = """
import sys
from types import SimpleNamespace
from tests.hosts.ansible_modules import shared
student, rights = shared("lab_student"), shared("lab_rights")
rights.PATIENCE = int(sys.argv[2])
account = SimpleNamespace(pw_name="s1", pw_uid=61_234, pw_gid=61_234, pw_dir=sys.argv[1])
def work():
    return student.ensure_folder("data/more", 0o700, dry_run=False)
one = {"id": "1", "account": "s1"}
print(student.for_each([one], lambda _: rights.as_student(account, work)))
"""
FUSE = Path(__file__).with_name("fuse.py")
MOUNTED = {
    "dead": 'python3 "$1" dead "$2/data" 61234; "$0" -c "$3" "$2" 120',
    "silent": 'exec 3<&0; python3 "$1" silent "$2/data" 61234 <&3 >"$2/told" 2>&1 &'
    ' until [ -s "$2/told" ]; do sleep .05; done; "$0" -c "$3" "$2" 1 3<&-',
}
SAYS = {
    "dead": "data is a FUSE file system whose program has ended. Take it away on the host with:"
    " umount --lazy {home}/data and run this again",
    "silent": "took more than 1 s; all that they ran was ended",
}


@pytest.fixture
def home():
    """A home with a folder in it, which its owner may mount something at."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "data")
        data.mkdir()
        for path in (folder, data):
            os.chown(path, ACCOUNT.pw_uid, ACCOUNT.pw_gid)
        yield folder


@pytest.mark.skipif(not Path("/dev/fuse").exists(), reason="the kernel here has no FUSE")
@pytest.mark.parametrize("kind", MOUNTED)
def test_a_file_system_that_nobody_answers_for_is_told_and_waited_for_no_longer(apart, kind, home):
    """What waits for an answer cannot be killed before the program that owes it is."""
    began = time.monotonic()
    with subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", MOUNTED[kind], sys.executable, FUSE, home, IN_A_HOME],
        text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        said = process.stdout.read()  # to its end, as SSH would: nobody has it any more then

    assert time.monotonic() - began < 120
    assert SAYS[kind].format(home=home) in said


@pytest.fixture(scope="module")
def apart():
    """Skip where nobody may make namespaces."""
    asked = subprocess.run(["unshare", "--pid", "--net", "--fork", "true"], check=False)
    if asked.returncode:
        pytest.skip("this machine lets nobody make namespaces")


def in_confinement(script, seconds=120):
    return confined.confined(ACCOUNT, "sh", "-c", script, seconds=seconds)


def test_what_a_program_says_is_heard_whole(apart):
    done = in_confinement("echo out; echo err >&2; head -c 1000000 /dev/zero; exit 3")

    assert (done.returncode, len(done.stdout), done.stderr) == (3, 1_000_004, "err\n")


@pytest.mark.parametrize("script", ["yes", "yes >&2"])
def test_a_program_that_says_too_much_is_ended(apart, script):
    began = time.monotonic()

    with pytest.raises(confined.TooMuchError, match="said more than 4 MiB"):
        in_confinement(script)

    assert time.monotonic() - began < 120


@pytest.mark.parametrize("script", ["sleep 300", "exec >&- 2>&-; sleep 300", "sleep 300 & wait"])
def test_a_program_that_does_not_end_is_ended(apart, script):
    with pytest.raises(confined.TooLongError):
        in_confinement(script, seconds=1)

    running = shared("lab_process").running
    until(lambda: not running(ACCOUNT.pw_uid), "nothing goes on")


def test_a_program_uses_no_more_of_a_processor_than_it_may(apart):
    assert in_confinement("ulimit -t").stdout == f"{confined.CPU_SECONDS}\n"
