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
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import private_file, shell
from . import silence
from .backend import Backend
from .job import Job, Outcome
from .silence import Watch, Worker

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

    _lost: set[str] = field(default_factory=set)
    _idle: list[Worker] = field(default_factory=list)
    _running: set[Worker] = field(default_factory=set)
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

    def warm_up(self, cohort: str, jobs: int) -> None:
        """Start the workers that so many jobs will need: to import Pulumi takes its time."""
        with self._lock:
            for _ in range(len(self._idle), min(self.at_once, jobs)):
                self._idle.append(self._start(cohort))

    @property
    def lost(self) -> bool:
        """Whether a worker ended in the middle of a job, and no later job has done its work."""
        return bool(self._lost)

    @property
    def stopping(self) -> bool:
        """Whether nothing more is to be started."""
        return self._stopping

    def stop(self) -> None:
        """Start nothing more; what is in flight finishes. A second call ends it at once."""
        again, self._stopping = self._stopping, True
        for worker in tuple(self._running):
            if again:
                silence.kill(worker)
            else:
                silence.send(worker, signal.SIGINT)

    def close(self) -> None:
        """End the workers that have nothing to do, and wait until they are gone."""
        with self._lock:
            idle, self._idle = self._idle, []
        for worker in idle:
            silence.end(worker)

    def _run(self, job: Job, tell: Tell) -> Outcome:
        worker = self._take(job)
        if worker is None:
            why = "not started: the run was stopped"
            return Outcome(stack=job.stack, error=why, lost=True)
        ready = False
        try:
            outcome, ready = self._follow(worker, job, tell)
            with self._lock:
                (self._lost.add if outcome.lost else self._lost.discard)(job.stack)
        finally:
            with self._lock:
                self._running.discard(worker)
                self._idle += [worker] if ready else []
            if not ready:
                silence.end(worker)
        return outcome

    def _follow(self, worker: Worker, job: Job, tell: Tell) -> tuple[Outcome, bool]:
        """Have a worker do a job, and sum up what it said.

        Returns:
            How the job ended, and whether the worker is there for the next one.
        """
        with Watch(worker, job.silence) as watch:
            heard = _listen(worker, job, tell, watch)
        if heard.end and not (watch.gave_up and heard.end.get("error")):
            told = _ending(heard.end, heard.failed)
            return Outcome(stack=job.stack, passing=heard.passing, **told), not watch.gave_up
        what = f"it told nothing for {job.silence:g} s, and was stopped"
        outcome = Outcome(
            stack=job.stack,
            error=f"{what if watch.gave_up else 'its worker process died'};"
            f" see {self.backend.log(job.cohort, job.stack)}",
            lost=heard.end is None,
            passing=watch.gave_up,
            failed=heard.failed,
        )
        return outcome, False

    def _take(self, job: Job) -> Worker | None:
        with self._lock:
            if self._stopping:
                return None
            _without_logs(self.backend.pulumi_homes(job.cohort) / job.stack)
            worker = self._idle.pop() if self._idle else self._start(job.cohort)
            self._running.add(worker)
        return worker

    def _start(self, cohort: str) -> Worker:
        self.started += 1
        log = self.backend.log(cohort, "worker")
        private_file.make_folder(log.parent)
        return shell.start_worker(
            [sys.executable, "-P", "-m", "provisioner.pulumi_stack.worker"],
            env=self.backend.environment(cohort) | _import_path(),
            log_file=log,
            keep_open=self.keep_open,
        )


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


@dataclass
class _Heard:
    """What a worker has told of a job."""

    failed: dict[str, str] = field(default_factory=dict)
    """Why single students failed, by name."""

    passing: bool = False
    """Whether a connection was in the way."""

    end: dict[str, Any] | None = None
    """What it said at the end; None when it died before."""

    def take(self, event: dict[str, Any]) -> None:
        """Note what an event says."""
        if event["event"] == "end":
            self.end = event
        elif event["event"] == "error":
            self.passing |= bool(event.get("passing"))
            if event["student"]:
                self.failed.setdefault(event["student"], event["error"])


def _listen(worker: Worker, job: Job, tell: Tell, watch: Watch) -> _Heard:
    """Hand a worker a job, and listen until it is done."""
    assert worker.stdin is not None and worker.stdout is not None  # noqa: PT018
    heard = _Heard()
    with suppress(BrokenPipeError):
        worker.stdin.write(json.dumps(job.to_json()) + "\n")
        worker.stdin.flush()
    for line in worker.stdout:
        watch.hear()
        event: dict[str, Any] = json.loads(line)
        tell(job, event)
        if event["event"] == "end" or not watch.gave_up:  # what is cut off now, we cut off
            heard.take(event)
        if heard.end is not None:
            break
    return heard


def _ending(end: dict[str, Any], failed: dict[str, str]) -> dict[str, Any]:
    if "locked" in end:
        return {"error": f"held by another run: {end['locked']}", "locked": True}
    if end.get("passphrase"):
        return {"error": end["error"], "wrong_passphrase": True}
    # Students who failed explain why the engine did; it needs no second word.
    return {"error": "" if failed else end.get("error", ""), "failed": failed}
