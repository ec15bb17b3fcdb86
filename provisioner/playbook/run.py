"""Run one playbook in a worker process, and follow it."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from .. import shell
from ..errors import ToolError
from ..redaction import redact
from .play import Play
from .results import STOPPED, HostResult, Tally
from .surroundings import prepared

FORKS = 20
"""Hosts at once; each costs a process here."""

ENDINGS = {
    "canceled": "it was stopped",
    "timeout": "it told nothing for too long, or took too long, and was stopped",
}

Tell = Callable[[HostResult], None]


class Run:
    """A run that can be stopped from a signal handler."""

    def __init__(self, play: Play) -> None:
        self._play = play
        self._worker: shell.Process[str] | None = None
        self._stopped = threading.Event()
        self._tally = Tally(play.hosts)

    @property
    def so_far(self) -> dict[str, HostResult]:
        """How each host has fared by now, also where the run was broken off."""
        return self._tally.hosts

    def stop(self) -> None:
        """End the run: at once, since a task of Ansible's cannot be asked to end in order."""
        self._stopped.set()
        if self._worker and self._worker.stdin:
            with suppress(OSError, ValueError):
                self._worker.stdin.close()

    def follow(self, tell: Tell = lambda _: None) -> dict[str, HostResult]:
        """Run the playbook to its end.

        Args:
            tell: Told of a host whenever something happened there.

        Returns:
            How each host fared, by name.

        Raises:
            InputError: If the private folder or the log cannot be written.
            ToolError: If Ansible came to no host at all.
        """
        tally = self._tally
        with prepared(self._play) as (environment, log):
            if self._stopped.is_set():
                return tally.hosts
            self._worker = _start(self._play, environment, log)
            try:
                status = _listen(self._worker, self._play, tally, tell, log)
            finally:
                _reap(self._worker)
        if not self._stopped.is_set() and not any(one.started for one in tally.hosts.values()):
            raise ToolError(
                f"Ansible did not begin with {self._play.playbook.name}.",
                details=redact(log.read_text(encoding="utf-8", errors="replace"))[-shell.TAIL :],
            )
        tally.stop(ENDINGS.get(status, STOPPED))
        return tally.hosts


def _start(play: Play, environment: Mapping[str, str], log: Path) -> shell.Process[str]:
    worker = shell.start_worker(
        [sys.executable, "-P", "-m", "provisioner.playbook.worker"],
        env=environment,
        log_file=log,
        keep_open=play.keep_open,
    )
    job = {
        "private": str(play.private.resolve()),
        "playbook": str(play.playbook),
        "check": play.check,
        "forks": max(1, min(FORKS, len(play.hosts))),
        "job_timeout": play.longest,
        "idle_timeout": play.idle,
    }
    assert worker.stdin is not None
    with suppress(BrokenPipeError):
        worker.stdin.write(json.dumps(job) + "\n")
        worker.stdin.flush()
    return worker


def _listen(worker: shell.Process[str], play: Play, tally: Tally, tell: Tell, log: Path) -> str:
    """Take every event as it comes; returns how the run ended."""
    assert worker.stdout is not None
    with log.open("ab") as file:
        for line in worker.stdout:
            event = json.loads(line)
            if event["event"] == "end":
                return str(event["status"])
            if event["event"] == "text":
                _write(file, event["text"])
            elif host := tally.add(event):
                tell(host)
    return "its worker process died"


def _write(file: BinaryIO, text: str) -> None:
    """Add to the log; a disk that is full now stops no run."""
    with suppress(OSError):
        file.write(f"{redact(text)}\n".encode())
        file.flush()


def _reap(worker: shell.Process[str]) -> None:
    """Let the worker go: it ends when its standard input does."""
    for pipe in (worker.stdin, worker.stdout):
        if pipe:
            with suppress(OSError, ValueError):
                pipe.close()
    worker.wait()
