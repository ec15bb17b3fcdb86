"""Run jobs in worker processes, as many at once as there are cores."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import private_file, shell
from .backend import Backend
from .job import Job, Outcome

Tell = Callable[[Job, dict[str, Any]], None]


@dataclass
class Workers:
    """The worker processes of one run. `stop` may be called from a signal handler."""

    backend: Backend
    keep_open: tuple[int, ...] = ()
    """File descriptors that workers hold too: the cohort's lock lives while they do."""

    at_once: int = field(default_factory=lambda: os.cpu_count() or 1)
    started: int = 0
    """Worker processes started so far; a run without changes starts none."""

    _running: set[shell.Process[str]] = field(default_factory=set)
    _stopping: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, jobs: Iterable[Job], tell: Tell = lambda *_: None) -> Iterator[Outcome]:
        """Run all jobs and yield how each ended, in order.

        Args:
            jobs: What is to be done; no two on the same stack.
            tell: Told every event of every worker as it comes.
        """
        jobs = list(jobs)
        if not jobs:
            return
        with ThreadPoolExecutor(min(self.at_once, len(jobs))) as pool:
            yield from pool.map(lambda job: self._run(job, tell), jobs)

    def stop(self) -> None:
        """Start nothing more; what is in flight finishes. A second call ends it at once."""
        again, self._stopping = self._stopping, True
        for process in tuple(self._running):
            _signal(process, signal.SIGKILL if again else signal.SIGINT)

    def _run(self, job: Job, tell: Tell) -> Outcome:
        process = self._start(job)
        if process is None:
            return Outcome(stack=job.stack, error="not started: the run was stopped")
        try:
            return _follow(process, job, tell)
        finally:
            process.wait()
            with self._lock:
                self._running.discard(process)

    def _start(self, job: Job) -> shell.Process[str] | None:
        log = private_file.make_folder(self.backend.work_dir(job.cohort) / "logs") / job.stack
        with self._lock:
            if self._stopping:
                return None
            self.started += 1
            _without_logs(self.backend.pulumi_home(job.cohort, job.stack))
            process = shell.start_worker(
                [sys.executable, "-P", "-m", "provisioner.pulumi_stack.worker"],
                env=self.backend.environment(job.cohort, job.stack) | _import_path(),
                log_file=log.with_suffix(log.suffix + ".log"),
                keep_open=self.keep_open,
            )
            self._running.add(process)
        return process


def _without_logs(pulumi_home: Path) -> None:
    """Give Pulumi a fresh home in which it cannot keep its own debug log.

    It writes one of every run, compressed and encrypted, for ever: a third of the
    engine's work. No setting turns that off; a file in the folder's place does.
    """
    shutil.rmtree(pulumi_home, ignore_errors=True)
    private_file.make_folder(pulumi_home)
    (pulumi_home / "logs").touch(mode=0o600)


def _import_path() -> dict[str, str]:
    """Let the worker import what we imported, also when run from another folder."""
    return {"PYTHONPATH": str(Path(__file__).parents[2])}


def _follow(process: shell.Process[str], job: Job, tell: Tell) -> Outcome:
    """Hand the worker its job, listen until it ends, and sum up what it said."""
    assert process.stdin is not None and process.stdout is not None  # noqa: PT018
    failed: dict[str, str] = {}
    end: dict[str, Any] = {"error": "its worker process died"}
    with process.stdin, process.stdout:
        try:
            process.stdin.write(json.dumps(job.to_json()) + "\n")
            process.stdin.flush()
        except BrokenPipeError:
            return Outcome(stack=job.stack, **_ending(end, failed))
        for line in process.stdout:
            event = json.loads(line)
            if event["event"] == "end":
                end = event
            elif event["event"] == "error" and event["student"]:
                failed.setdefault(event["student"], event["error"])
            tell(job, event)
    return Outcome(stack=job.stack, **_ending(end, failed))


def _ending(end: dict[str, Any], failed: dict[str, str]) -> dict[str, Any]:
    if "locked" in end:
        return {"error": f"held by another run: {end['locked']}", "locked": True}
    if end.get("passphrase"):
        return {"error": end["error"], "wrong_passphrase": True}
    # Students who failed explain why the engine did; it needs no second word.
    return {"error": "" if failed else end.get("error", ""), "failed": failed}


def _signal(process: shell.Process[str], number: signal.Signals) -> None:
    if process.poll() is not None:
        return
    if number == signal.SIGKILL:
        os.killpg(process.pid, number)  # its own session: the engine and provider too
    else:
        process.send_signal(number)
