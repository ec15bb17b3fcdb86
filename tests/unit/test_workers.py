"""What a Pulumi process gets from us, what it is not to get, and how its lock is judged."""

from __future__ import annotations

import json
import logging
import os
import socket
import stat
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from provisioner import shell
from provisioner.errors import InputError
from provisioner.pulumi_stack import RUN_MARK, Backend, Job, Outcome, Workers, empty, events, stale
from provisioner.pulumi_stack import workers as workers_module

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

    assert outcome == Outcome(stack="mls26.wave-01", error="its worker process died", lost=True)
    assert workers.lost
    log = backend.work_dir("mls26") / "logs" / "mls26.wave-01.log"
    assert "There is no cohort mls26" in log.read_text()
    assert workers.started == 1
    [line] = [record.getMessage() for record in caplog.records if "start " in record.getMessage()]
    assert line == f"start {sys.executable} -P -m provisioner.pulumi_stack.worker"
    for text in (log.read_text(), caplog.text):
        assert CANARY not in text
        assert backend.passphrase.read_text() not in text


@pytest.mark.parametrize("deaf", ["", "signal.signal(signal.SIGINT, signal.SIG_IGN);"])
def test_a_worker_that_tells_nothing_any_more_is_stopped(backend, tmp_path, monkeypatch, deaf):
    """A real process that hangs; once it heeds being asked to stop, once it does not."""
    script = f"import signal, time; {deaf} time.sleep(100)"
    start = workers_module.shell.start_worker
    monkeypatch.setattr(
        workers_module.shell,
        "start_worker",
        lambda _, **options: start([sys.executable, "-c", script], **options),
    )
    monkeypatch.setattr(workers_module, "GRACE", 0.2)

    [outcome] = Workers(backend=backend, silence=0.5).run([job(tmp_path)])

    assert outcome.error == "it told nothing for 0.5 s, and was stopped"


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
    assert workers.started == 0


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
