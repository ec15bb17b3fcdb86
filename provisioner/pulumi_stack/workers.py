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
from .backend import Backend
from .job import Job, Outcome

Tell = Callable[[Job, dict[str, Any]], None]
Worker = shell.Process[str]

SILENCE = 300.0
"""Of a worker whose requests give up after a minute: it then hangs for another reason."""

GRACE = 30.0
"""Seconds that it then has to save its state."""


@dataclass
class Workers:
    """The worker processes of one run. `stop` may be called from a signal handler."""

    backend: Backend
    keep_open: tuple[int, ...] = ()
    """File descriptors that workers hold too: the cohort's lock lives while they do."""

    at_once: int = field(default_factory=lambda: os.cpu_count() or 1)
    silence: float = field(default_factory=lambda: SILENCE)
    """Seconds after which a worker that tells nothing is stopped."""

    started: int = 0
    """Worker processes started so far; a run without changes starts none."""

    lost: bool = False
    """Whether a worker ended in the middle of a job."""

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

    def stop(self) -> None:
        """Start nothing more; what is in flight finishes. A second call ends it at once."""
        again, self._stopping = self._stopping, True
        for worker in tuple(self._running):
            _signal(worker, signal.SIGKILL if again else signal.SIGINT)

    def close(self) -> None:
        """End the workers that have nothing to do, and wait until they are gone."""
        with self._lock:
            idle, self._idle = self._idle, []
        for worker in idle:
            _end(worker)

    def _run(self, job: Job, tell: Tell) -> Outcome:
        worker = self._take(job)
        if worker is None:
            return Outcome(stack=job.stack, error="not started: the run was stopped")
        ready = False
        try:
            outcome, ready = _follow(worker, job, tell, self.silence)
            self.lost |= outcome.lost
        finally:
            with self._lock:
                self._running.discard(worker)
                self._idle += [worker] if ready else []
            if not ready:
                _end(worker)
        return outcome

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
        logs = private_file.make_folder(self.backend.work_dir(cohort) / "logs")
        return shell.start_worker(
            [sys.executable, "-P", "-m", "provisioner.pulumi_stack.worker"],
            env=self.backend.environment(cohort) | _import_path(),
            log_file=logs / "worker.log",
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


def _follow(worker: Worker, job: Job, tell: Tell, silence: float) -> tuple[Outcome, bool]:
    """Hand a worker a job, listen until it is done, and sum up what it said.

    Returns:
        How the job ended, and whether the worker is there for the next one.
    """
    failed: dict[str, str] = {}
    with _Watch(worker, silence) as watch:
        end = _listened(worker, job, tell, failed, watch)
    lost = end is None
    if watch.gave_up:
        end = {"error": f"it told nothing for {silence:g} s, and was stopped"}
    elif end is None:
        end = {"error": "its worker process died"}
    told = Outcome(stack=job.stack, lost=lost, **_ending(end, failed))
    return told, not (lost or watch.gave_up)


def _listened(
    worker: Worker, job: Job, tell: Tell, failed: dict[str, str], watch: _Watch
) -> dict[str, Any] | None:
    """Return what a worker said at the end of a job; None when it died before."""
    assert worker.stdin is not None and worker.stdout is not None  # noqa: PT018
    with suppress(BrokenPipeError):
        worker.stdin.write(json.dumps(job.to_json()) + "\n")
        worker.stdin.flush()
    for line in worker.stdout:
        watch.hear()
        event: dict[str, Any] = json.loads(line)
        tell(job, event)
        if event["event"] == "end":
            return event
        if event["event"] == "error" and event["student"]:
            failed.setdefault(event["student"], event["error"])
    return None


def _end(worker: Worker) -> None:
    """Let a worker go: it ends when its standard input does."""
    assert worker.stdin is not None and worker.stdout is not None  # noqa: PT018
    with suppress(BrokenPipeError):
        worker.stdin.close()
    worker.stdout.close()
    worker.wait()


class _Watch:
    """Stops a worker that tells nothing for too long."""

    def __init__(self, process: shell.Process[str], silence: float) -> None:
        self.gave_up = False
        self._process, self._silence = process, silence
        self._heard, self._over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> _Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._heard.set()
        self._thread.join()

    def hear(self) -> None:
        """Note that it told something."""
        self._heard.set()

    def _run(self) -> None:
        while self._heard.wait(self._silence):
            self._heard.clear()
            if self._over.is_set():
                return
        self.gave_up = True
        _signal(self._process, signal.SIGINT)
        if not self._over.wait(GRACE):
            _signal(self._process, signal.SIGKILL)


def _ending(end: dict[str, Any], failed: dict[str, str]) -> dict[str, Any]:
    if "locked" in end:
        return {"error": f"held by another run: {end['locked']}", "locked": True}
    if end.get("passphrase"):
        return {"error": end["error"], "wrong_passphrase": True}
    # Students who failed explain why the engine did; it needs no second word.
    return {"error": "" if failed else end.get("error", ""), "failed": failed}


def _signal(worker: Worker, number: signal.Signals) -> None:
    if worker.poll() is not None:
        return
    if number == signal.SIGKILL:
        _kill_with_children(worker)
    else:
        worker.send_signal(number)


def _kill_with_children(worker: Worker) -> None:
    """End a worker, the engine and the provider, which the engine puts in a group of its own."""
    import psutil

    try:
        process = psutil.Process(worker.pid)
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for one in family:
        with suppress(psutil.NoSuchProcess):
            one.kill()
