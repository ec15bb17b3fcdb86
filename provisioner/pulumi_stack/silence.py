"""Stop a worker that tells nothing any more, and have it leave word of where it stood."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from .. import shell

if TYPE_CHECKING:
    import psutil

Worker = shell.Process[str]

GRACE = 30.0
"""Seconds that a worker which is asked to stop has to save its state."""

LAST_WORDS = 1.0
"""Seconds in which programs that are to be killed say where each of their threads stands."""

IN_GO = ("pulumi", "pulumi-resource-kubernetes")

WHERE = signal.SIGUSR1
"""Has a worker write into its log where each of its threads stands; it then goes on."""


class Watch:
    """Stops a worker that tells nothing for too long."""

    def __init__(self, worker: Worker, seconds: float) -> None:
        self.gave_up = False
        self._worker, self._seconds = worker, seconds
        self._heard, self._over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Watch:
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
        while self._heard.wait(self._seconds):
            self._heard.clear()
            if self._over.is_set():
                return
        if self._over.is_set():
            return
        self.gave_up = True
        send(self._worker, WHERE)
        send(self._worker, signal.SIGINT)
        if not self._over.wait(GRACE):
            kill(self._worker, last_words=True)


def send(worker: Worker, number: signal.Signals) -> None:
    """Send a signal to a worker that has not ended."""
    if worker.poll() is None:
        worker.send_signal(number)


def end(worker: Worker) -> None:
    """Let a worker go: it ends when its standard input does, or by force."""
    assert worker.stdin is not None and worker.stdout is not None  # noqa: PT018
    with suppress(BrokenPipeError):
        worker.stdin.close()
    worker.stdout.close()
    if not shell.ends_within(worker, GRACE):
        kill(worker)
        worker.wait()


def kill(worker: Worker, *, last_words: bool = False) -> None:
    """End a worker, the engine and the provider, which the engine puts in a group of its own.

    Args:
        worker: The worker.
        last_words: Whether engine and provider first say where they stand, for the log.
    """
    import psutil

    if worker.poll() is not None:
        return
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(worker.pid)
        children = process.children(recursive=True)
        if last_words:
            _ask_where(children)
        for one in (process, *children):
            with suppress(psutil.NoSuchProcess):
                one.kill()


def _ask_where(processes: Iterable[psutil.Process]) -> None:
    """Have programs in Go end, and say where each of their threads stood: the deepest first.

    Others would leave their memory on the disk.
    """
    import psutil

    for one in reversed([*processes]):
        with suppress(psutil.Error):
            if Path(one.exe()).name in IN_GO:
                one.send_signal(signal.SIGQUIT)
    time.sleep(LAST_WORDS)
