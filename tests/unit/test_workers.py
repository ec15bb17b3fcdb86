"""What a Pulumi process gets from us, what it is not to get, and how its lock is judged."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from provisioner import shell
from provisioner.errors import InputError, ToolError
from provisioner.pulumi_stack import (
    RUN_MARK,
    Backend,
    Job,
    Outcome,
    Workers,
    empty,
    events,
    silence,
    stale,
    worker,
)
from provisioner.pulumi_stack import job as job_module
from provisioner.pulumi_stack import workers as workers_module
from provisioner.pulumi_stack.command import Command
from provisioner.redaction import RedactedStream

CANARY = "canary-secret"


@pytest.fixture
def backend(tmp_path):
    backend = Backend(
        home=tmp_path,
        url=f"file://{tmp_path / 'state'}",
        tools=(tmp_path / "bin", tmp_path / "plugins"),
        run="run-of-this-test",
    )
    backend.prepare("mls26")
    return backend


def job(tmp_path, **fields):
    usual = {
        "operation": "up",
        "stack": "mls26.wave-01",
        "cohort": "mls26",
        "stacks": str(tmp_path / "stacks"),
        "kubeconfig": "/etc/kubeconfig",
        "context": "mine",
    }
    return Job(**{**usual, **fields})


# The environment


def test_nothing_of_the_operators_reaches_pulumi_that_would_change_what_a_run_does(
    backend, monkeypatch
):
    operators = {
        "KUBECONFIG": "/home/ops/.kube/config",
        "PULUMI_K8S_DELETE_UNREACHABLE": "canary-yes",
        "PULUMI_CONFIG_PASSPHRASE": CANARY,
        "PULUMI_CONFIG_PASSPHRASE_FILE": "/home/ops/other",
        "PULUMI_BACKEND_URL": "https://elsewhere.example.org",
        "PULUMI_HOME": "/home/ops/.pulumi",
        "PULUMI_SKIP_CHECKPOINTS": "canary-no",
        "PULUMI_DEBUG_GRPC": "/tmp/grpc",
        "PULUMI_STACK": "canary-stack",
    }
    for name, value in operators.items():
        monkeypatch.setenv(name, value)

    given = backend.environment("mls26")

    assert not set(operators.values()) & set(given.values())
    assert CANARY not in json.dumps(given)
    assert "KUBECONFIG" not in given
    assert sorted(name for name in given if name.startswith("PULUMI_")) == [
        "PULUMI_BACKEND_URL",
        "PULUMI_CONFIG_PASSPHRASE_FILE",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION",
        "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS",
        "PULUMI_HOME",
        "PULUMI_SKIP_CHECKPOINTS",
        "PULUMI_SKIP_UPDATE_CHECK",
    ]


def test_what_pulumi_needs_of_the_operators_reaches_it(backend, monkeypatch):
    monkeypatch.setenv("PULUMI_ACCESS_TOKEN", "token")
    monkeypatch.setenv("AWS_PROFILE", "course")
    monkeypatch.setenv("PATH", "/usr/bin")

    given = backend.environment("mls26")

    assert (given["PULUMI_ACCESS_TOKEN"], given["AWS_PROFILE"]) == ("token", "course")
    assert given["PATH"] == f"{backend.tools[0]}{os.pathsep}{backend.tools[1]}{os.pathsep}/usr/bin"
    assert given[RUN_MARK] == "run-of-this-test"
    assert given["PULUMI_BACKEND_URL"] == backend.url


def test_a_dead_connection_is_found_soon_unless_the_operator_says_otherwise(backend, monkeypatch):
    """client-go's own names; without them it takes 45 seconds."""
    idle, ping = "HTTP2_READ_IDLE_TIMEOUT_SECONDS", "HTTP2_PING_TIMEOUT_SECONDS"
    monkeypatch.setenv(ping, "60")

    given = backend.environment("mls26")

    assert (given[idle], given[ping]) == ("10", "60")


def test_two_stacks_share_no_pulumi_home(backend, tmp_path):
    stacks = ["mls26.wave-01", "mls26.wave-02"]
    with closing(Workers(backend=backend)) as workers:
        list(workers.run([job(tmp_path, stack=stack) for stack in stacks]))

    homes = backend.pulumi_homes("mls26")
    assert sorted(path.name for path in homes.iterdir()) == stacks
    assert all((homes / stack / "logs").is_file() for stack in stacks), "no debug log is kept"


def test_the_passphrase_goes_by_its_file_and_never_by_its_words(backend):
    words = backend.passphrase.read_text()

    given = backend.environment("mls26")

    assert len(words) >= 32
    assert given["PULUMI_CONFIG_PASSPHRASE_FILE"] == str(backend.passphrase)
    assert words not in json.dumps(given)


def test_a_passphrase_is_made_once_and_is_private(backend):
    before = backend.passphrase.read_text()

    backend.prepare("mls26")

    assert backend.passphrase.read_text() == before
    assert stat.S_IMODE(backend.passphrase.stat().st_mode) == 0o600
    assert stat.S_IMODE((backend.home / "state").stat().st_mode) == 0o700


@pytest.mark.parametrize("spoil", ["empty", "open", "link"])
def test_a_passphrase_that_is_no_secret_is_refused(backend, tmp_path, spoil):
    if spoil == "empty":
        backend.passphrase.write_text("")
    elif spoil == "open":
        backend.passphrase.chmod(0o644)
    else:
        backend.passphrase.rename(tmp_path / "elsewhere")
        backend.passphrase.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(InputError, match=str(backend.passphrase)):
        backend.prepare("mls26")


def test_a_state_elsewhere_makes_no_folder_here(tmp_path):
    backend = Backend(home=tmp_path, url="s3://bucket/state", tools=(), run="x")

    backend.prepare("mls26")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["passphrase", "pulumi"]


def stub(folder, says, code):
    """A Pulumi that says something and ends."""
    program = folder / "pulumi"
    program.write_text(f"#!/bin/sh\necho '{says}' >&2\nexit {code}\n")
    program.chmod(0o755)
    return (folder,)


@pytest.mark.parametrize("url", ["s3://b", "gs://b/state", "azblob://b"])
def test_a_bucket_that_is_not_there_is_told_once_with_what_to_do(tmp_path, url):
    tools = stub(tmp_path, "error: no such bucket", 255)
    backend = Backend(home=tmp_path, url=url, tools=tools, run="x")

    with pytest.raises(ToolError) as told:
        backend.refuse_unreachable("mls26")

    assert told.value.message == f"The state at {url} cannot be used; nothing was changed."
    assert told.value.details == "error: no such bucket"
    assert "--state" in told.value.hint


def test_a_bucket_that_is_there_and_a_folder_stop_nothing(tmp_path):
    there = stub(tmp_path, "", 0)
    Backend(home=tmp_path, url="s3://b", tools=there, run="x").refuse_unreachable("mls26")
    failing = stub(tmp_path, "asked", 255)
    Backend(home=tmp_path, url="file:///x", tools=failing, run="x").refuse_unreachable("mls26")


# The job


def test_a_job_comes_through_a_pipe_as_it_was(tmp_path):
    sent = job(tmp_path, operation="destroy", refresh=True, exclude=("s1", "s2"))

    assert Job.from_json(json.loads(json.dumps(sent.to_json()))) == sent


def test_a_worker_that_cannot_begin_is_told_and_its_reason_is_in_the_log(
    backend, tmp_path, caplog, monkeypatch
):
    """A real worker: it reads its job, finds no such cohort, and dies."""
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", CANARY)
    caplog.set_level(logging.DEBUG, logger="provisioner")
    workers = Workers(backend=backend)

    [outcome] = workers.run([job(tmp_path)])

    log = backend.work_dir("mls26") / "logs" / "mls26.wave-01.log"
    why = f"its worker process died; see {log}"
    assert outcome == Outcome(stack="mls26.wave-01", error=why, lost=True)
    assert workers.lost
    assert "There is no cohort mls26" in log.read_text()
    assert workers.started == 1
    [line] = [record.getMessage() for record in caplog.records if "start " in record.getMessage()]
    assert line == f"start {sys.executable} -P -m provisioner.pulumi_stack.worker"
    for text in (log.read_text(), caplog.text):
        assert CANARY not in text
        assert backend.passphrase.read_text() not in text


HANGS = """
import json, signal, sys, time
for number in (signal.SIGUSR1, *{deaf}):
    signal.signal(number, signal.SIG_IGN)
for line in sys.stdin:
    if "wave-02" in line:
        print(json.dumps({{"event": "end"}}), flush=True)
        continue
    failed = {{"event": "error", "student": "s1", "error": "no"}}
    print(json.dumps(failed), flush=True)
    try:
        time.sleep(100)
    except KeyboardInterrupt:
        print(json.dumps(failed | {{"student": "s2"}}), flush=True)
        print(json.dumps({{"event": "end", "error": "cancelled"}}), flush=True)
"""


@pytest.fixture
def hanging(monkeypatch):
    """Have workers be processes that hang, and be given up after half a second."""

    def make(deaf: str) -> None:
        start, script = shell.start_worker, HANGS.format(deaf=deaf)
        monkeypatch.setattr(
            workers_module.shell,
            "start_worker",
            lambda _, **options: start([sys.executable, "-c", script], **options),
        )
        monkeypatch.setattr(job_module, "SILENCE", 0.5)
        monkeypatch.setattr(silence, "GRACE", 0.2)

    return make


@pytest.mark.parametrize("deaf", ["()", "(signal.SIGINT,)"])
def test_a_worker_that_tells_nothing_any_more_is_stopped(backend, tmp_path, hanging, deaf):
    """A real process that hangs; once it heeds being asked to stop, once it does not."""
    hanging(deaf)
    workers = Workers(backend=backend)

    [outcome] = workers.run([job(tmp_path)])

    log = backend.log("mls26", "mls26.wave-01")
    assert outcome.error == f"it told nothing for 0.5 s, and was stopped; see {log}"
    assert outcome.passing
    assert outcome.failed == {"s1": "no"}, "what was cut off then is no failure of its own"
    assert outcome.lost == workers.lost == bool(deaf != "()")


def test_what_was_lost_is_not_any_more_when_a_later_job_has_done_it(backend, tmp_path, hanging):
    hanging("(signal.SIGINT,)")
    with closing(Workers(backend=backend)) as workers:
        list(workers.run([job(tmp_path)]))
        list(workers.run([job(tmp_path, stack="mls26.wave-02")]))
        assert workers.lost
        workers._lost = {"mls26.wave-02"}
        list(workers.run([job(tmp_path, stack="mls26.wave-02")]))

        assert not workers.lost


def test_a_cluster_that_is_made_may_take_longer_than_one_that_is_asked(tmp_path):
    assert job(tmp_path).silence == job_module.SILENCE
    assert job(tmp_path, kubeconfig="", docker_host="").silence == job_module.MAKING


def test_a_worker_that_does_not_end_is_ended(backend, tmp_path, monkeypatch):
    """A thread that the engine's library left behind would keep it for ever."""
    monkeypatch.setattr(silence, "GRACE", 0.2)
    stays = "import sys, time; sys.stdin.read(); time.sleep(100)"
    worker = shell.start_worker(
        [sys.executable, "-c", stays], env=dict(os.environ), log_file=Path(os.devnull)
    )

    silence.end(worker)

    assert worker.poll() == -signal.SIGKILL


def test_a_worker_that_is_asked_says_where_its_threads_stand_and_goes_on(backend):
    workers = Workers(backend=backend)
    workers.warm_up("mls26", 1)
    [worker] = workers._idle
    log = backend.log("mls26", "worker")
    until(lambda: listens_to(silence.WHERE, worker.pid))

    def says_all():  # it takes the signal before its other thread has begun
        worker.send_signal(silence.WHERE)
        return "in _listen" in log.read_text()

    until(says_all)
    workers.close()
    assert worker.returncode == 0
    assert "(most recent call first)" in log.read_text()


def listens_to(number, pid):
    """Say whether a process has taken a signal into its own hands."""
    status = Path(f"/proc/{pid}/status").read_text()
    return bool(int(re.search(r"SigCgt:\s*(\w+)", status)[1], 16) >> (number - 1) & 1)


def until(holds):
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_nothing_to_do_starts_nothing(backend):
    workers = Workers(backend=backend)

    assert list(workers.run([])) == []
    assert workers.started == 0


def test_after_a_stop_nothing_is_started(backend, tmp_path):
    workers = Workers(backend=backend)
    workers.stop()

    outcomes = list(workers.run([job(tmp_path), job(tmp_path, stack="mls26.wave-02")]))

    assert [outcome.stack for outcome in outcomes] == ["mls26.wave-01", "mls26.wave-02"]
    assert {outcome.error for outcome in outcomes} == {"not started: the run was stopped"}
    assert all(outcome.lost for outcome in outcomes), "no journal is to say that one is through"
    assert (workers.started, workers.lost) == (0, False)


OBEDIENT = """
import json, sys
for line in sys.stdin:
    print(json.dumps({"event": "end", "error": json.loads(line)["stack"]}), flush=True)
"""


@dataclass
class Obedient(Workers):
    """Workers that do nothing and say so: real processes, without Pulumi."""

    def _start(self, cohort):
        self.started += 1
        command = [sys.executable, "-c", OBEDIENT]
        return shell.start_worker(command, env=dict(os.environ), log_file=Path(os.devnull))


def test_many_jobs_take_no_more_processes_than_there_are_cores(backend, tmp_path):
    stacks = [f"mls26.wave-{number:02d}" for number in range(1, 8)]
    before = set(psutil.Process().children())  # a rehearsal of other tests may be among them
    with closing(Obedient(backend=backend, at_once=2)) as workers:
        outcomes = list(workers.run([job(tmp_path, stack=stack) for stack in stacks]))
        list(workers.run([job(tmp_path)]))

        assert [outcome.error for outcome in outcomes] == stacks, "each its own, in order"
        assert workers.started == 2
        assert len(set(psutil.Process().children()) - before) == 2

    assert set(psutil.Process().children()) <= before


@pytest.mark.parametrize(("jobs", "started"), [(0, 0), (1, 1), (9, 2)])
def test_no_more_workers_are_warmed_up_than_are_used(backend, tmp_path, jobs, started):
    with closing(Obedient(backend=backend, at_once=2)) as workers:
        workers.warm_up("mls26", jobs)
        workers.warm_up("mls26", jobs)
        list(workers.run([job(tmp_path)] * min(jobs, 1)))

        assert workers.started == started


# A stack that is made


URN = "urn:pulumi:a::practicum::practicum:kubernetes:StudentEnvironment$kubernetes:v1:Pod::s1/pod/p"
STEP = f'{{"metadata":{{"op":"create","urn":"{URN}","type":"t","old":null}}}}'


@pytest.mark.parametrize(
    "text",
    [
        f'{{"sequence":1,"timestamp":2,"resOutputsEvent":{STEP}}}',
        f'{{"timestamp": 2, "resOutputsEvent": {STEP}, "sequence": 1}}',
    ],
    ids=["as the engine writes it", "in any other order"],
)
def test_what_is_done_is_told_with_the_student_whose_it_is(text):
    assert events.read(text) == {"event": "done", "student": "s1", "operation": "create"}


def test_a_complaint_is_told_and_a_remark_is_not():
    def diagnosis(severity):
        said = {"urn": URN, "message": " <no>\n", "severity": severity}
        return json.dumps({"sequence": 1, "timestamp": 2, "diagnosticEvent": said})

    assert events.read(diagnosis("error")) == {"event": "error", "student": "s1", "error": "<no>"}
    assert events.read(diagnosis("info#err")) is None


@pytest.mark.parametrize(
    ("said", "passing"),
    [
        ('Patch "https://h/x": http2: client connection lost', True),
        ('Patch "https://h/x": EOF', True),
        ("context deadline exceeded (Client.Timeout exceeded while awaiting headers)", True),
        ('namespaces "x" is forbidden: no', False),
        ('Patch "https://h/x": dial tcp 127.0.0.1:1: connect: connection refused', False),
    ],
)
def test_a_connection_that_failed_is_told_from_a_refusal(said, passing):
    """What nobody is there to answer, nobody is asked again."""
    told = json.dumps({"diagnosticEvent": {"urn": URN, "message": said, "severity": "error"}})

    assert bool(events.read(told).get("passing")) is passing


# The log

SAYS = """#!/bin/sh
echo "one of $2, token=0123456789abcdef"
echo two >&2
"""


def logged(backend, tmp_path, monkeypatch, capsys, *arguments):
    """Start a program in the engine's place, and return what would be in the log."""
    backend.tools[0].mkdir()
    program = backend.tools[0] / "pulumi"
    program.write_text(SAYS)
    program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{backend.tools[0]}{os.pathsep}{os.environ['PATH']}")
    log = RedactedStream(sys.stderr)
    monkeypatch.setattr(sys, "stderr", log)
    Command().run([*arguments], str(tmp_path), {})
    return capsys.readouterr().err


def test_what_the_engine_says_is_logged_without_secrets(backend, tmp_path, monkeypatch, capsys):
    said = logged(backend, tmp_path, monkeypatch, capsys, "up", "--yes")

    assert sorted(said.splitlines()) == ["one of up, token=[redacted]", "two"]


def test_a_state_that_it_prints_is_not(backend, tmp_path, monkeypatch, capsys):
    said = logged(backend, tmp_path, monkeypatch, capsys, "stack", "export", "--show-secrets")

    assert said == "two\n"


@pytest.mark.parametrize(("size", "kept"), [(worker.KEPT, worker.KEPT), (worker.KEPT + 1, 0)])
def test_a_log_does_not_grow_for_ever(tmp_path, size, kept):
    """In a process of its own: its standard error moves."""
    path = tmp_path / "log"
    path.write_bytes(b"x" * size)
    code = (
        "import sys; from pathlib import Path; from provisioner.pulumi_stack.worker import _log_to;"
        "from provisioner.redaction import RedactedStream;"
        f"_log_to(Path({str(path)!r}), RedactedStream(sys.stderr)); print('new', file=sys.stderr)"
    )

    subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        env={**os.environ, **workers_module._import_path()},
    )

    assert path.stat().st_size == kept + len("new\n")


def test_an_empty_stack_is_written_once_and_only_beside_others(tmp_path):
    url = f"file://{tmp_path}"
    path = tmp_path / ".pulumi" / "stacks" / "practicum" / "mls26.wave-01.json"

    assert not empty.write(url, "practicum", "mls26.wave-01"), "Pulumi lays the folder out"
    (tmp_path / ".pulumi").mkdir()
    (tmp_path / ".pulumi" / "meta.yaml").write_text("version: 1\n")
    assert empty.write(url, "practicum", "mls26.wave-01")
    assert json.loads(path.read_text())["checkpoint"] == {
        "stack": "organization/practicum/mls26.wave-01"
    }
    path.write_text("what a run has saved")
    assert empty.write(url, "practicum", "mls26.wave-01")
    assert path.read_text() == "what a run has saved"
    assert not empty.write("s3://bucket", "practicum", "mls26.wave-01")


# A lock in Pulumi's state


def lock_text(pid, host=None, since=None):
    since = (since or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
    host = host or socket.gethostname()
    return (
        "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es)"
        " to end or delete the lock file with `pulumi cancel`.\n  file:///state/.pulumi/locks/"
        f"organization/practicum/mls26.wave-01/x.json: created by ops@{host} (pid {pid}) at {since}"
    )


@pytest.fixture
def dead():
    """The number of a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_the_holder_is_read_out_of_pulumis_refusal():
    [holder] = stale.holders(lock_text(12, "vm", datetime(2026, 11, 23, 9, tzinfo=UTC)))

    assert (holder.host, holder.pid) == ("vm", 12)
    assert str(holder) == "process 12 on vm, since 2026-11-23T09:00:00+00:00"


@pytest.mark.parametrize("text", ["", "error: something else", "created by somebody"])
def test_where_no_holder_is_named_nobody_is_taken_for_dead(text):
    assert stale.holders(text) == []
    assert not stale.all_dead(stale.holders(text))


def test_a_lock_of_a_process_that_is_gone_is_stale(dead):
    assert stale.all_dead(stale.holders(lock_text(dead)))


def test_a_lock_of_a_live_process_is_not():
    assert not stale.all_dead(stale.holders(lock_text(os.getpid())))


def test_a_process_that_began_after_the_lock_only_has_the_same_number():
    began = datetime.fromtimestamp(psutil.Process().create_time(), UTC)

    assert stale.all_dead(stale.holders(lock_text(os.getpid(), since=began - timedelta(hours=1))))


def test_a_lock_of_another_machine_is_never_stale(dead):
    assert not stale.all_dead(stale.holders(lock_text(dead, host="elsewhere")))


def test_one_live_holder_is_enough(dead):
    text = lock_text(dead) + "\n" + lock_text(os.getpid())

    assert len(stale.holders(text)) == 2
    assert not stale.all_dead(stale.holders(text))


def test_a_worker_imports_nothing_from_the_folder_that_somebody_stands_in(
    backend, tmp_path, monkeypatch
):
    """A file of theirs called like one of our libraries would be run with our rights."""
    trap = tmp_path / "trap"
    (trap / "provisioner").mkdir(parents=True)
    (trap / "provisioner" / "__init__.py").write_text("")
    (trap / "json.py").write_text("raise SystemExit('taken over')")
    monkeypatch.chdir(trap)

    [outcome] = Workers(backend=backend).run([job(tmp_path, cohort="mls26")])

    log = (backend.work_dir("mls26") / "logs" / "mls26.wave-01.log").read_text()
    assert outcome.error
    assert "taken over" not in log
    assert "No module named" not in log
