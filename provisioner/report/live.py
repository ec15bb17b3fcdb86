"""Progress on standard error: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any, Protocol

from ..lifecycle.progress import Progress

EVERY = 5.0
"""Seconds between lines where there is no terminal."""


class Shown(Progress, Protocol):
    """Progress that a person looks at."""

    def paused(self) -> AbstractContextManager[None]:
        """Leave the terminal alone while somebody is asked there."""


@contextmanager
def progress(echo: Callable[[str], None]) -> Iterator[Shown]:
    """Yield what shows progress, as fits where standard error goes.

    Args:
        echo: Prints a line on standard error.
    """
    if sys.stderr.isatty():
        from rich.console import Console

        bar = _Bar(Console(stderr=True))
        try:
            yield bar
        finally:
            bar.close()
    else:
        yield _Lines(echo)


class _Lines:
    """For logs and pipes: the step, then how far it is, at most every few seconds."""

    def __init__(self, echo: Callable[[str], None]) -> None:
        self._echo, self._lock = echo, threading.Lock()
        self._text, self._done, self._total, self._told = "", 0, 0, 0.0

    def step(self, text: str, total: int = 0) -> None:
        with self._lock:
            self._text, self._done, self._total = text, 0, total
            self._told = time.monotonic()
            self._echo(f"{text}{f' ({total})' if total else ''} …")

    def advance(self, student: str) -> None:
        with self._lock:
            self._done += 1
            now = time.monotonic()
            if now - self._told >= EVERY or self._done == self._total:
                self._told = now
                self._echo(f"{self._text}: {self._done} of {self._total}")

    def doing(self, who: str, what: str) -> None:
        with self._lock:
            now = time.monotonic()
            if now - self._told >= EVERY:
                self._told = now
                self._echo(f"{self._text}: {who}: {what}")

    def say(self, text: str) -> None:
        self._echo(text)

    def paused(self) -> AbstractContextManager[None]:
        return nullcontext()


class _Bar:
    """For people: one bar a step, with the student who was done last."""

    def __init__(self, console: object) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bars

        assert isinstance(console, Console)
        self._console = console
        self._task: Any = None  # rich names its tasks by a type of its own
        self._hosts: dict[str, Any] = {}
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[student]}"),
        )
        self._bars = Bars(*columns, console=console, transient=False)
        self._bars.start()

    # A terminal that was closed (EIO) stops no run, so each of these goes on without it.

    def step(self, text: str, total: int = 0) -> None:
        with suppress(OSError):
            self._finish()
            self._task = self._bars.add_task(text, total=total or None, student="")

    def advance(self, student: str) -> None:
        with suppress(OSError):
            if self._task is not None:
                self._bars.update(self._task, advance=1, student=student)

    def doing(self, who: str, what: str) -> None:
        """Show a line a host below the bar, with the task that it is at."""
        with suppress(OSError):
            if who not in self._hosts:
                self._hosts[who] = self._bars.add_task(f"  {who}", total=None, student="")
            self._bars.update(self._hosts[who], advance=1, student=what)

    def say(self, text: str) -> None:
        with suppress(OSError):
            self._console.print(text, markup=False, highlight=False)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Take the bars away while somebody is asked, and begin anew below the answer.

        They are drawn ten times a second, over the question and over what is typed; and what
        they draw for it takes the `[y/N]` of a question for a style, and leaves it out.
        """
        self.close()
        try:
            yield
        finally:
            with suppress(OSError):
                for task in self._bars.task_ids:
                    self._bars.remove_task(task)
                self._task = None
                self._bars.start()

    def close(self) -> None:
        with suppress(OSError):
            self._finish()
            self._bars.stop()

    def _finish(self) -> None:
        for host in self._hosts.values():
            self._bars.remove_task(host)
        self._hosts = {}
        if self._task is not None:
            task = self._bars.tasks[-1]
            self._bars.update(self._task, total=task.total or 1, student="")
            if not task.total:
                self._bars.update(self._task, completed=1)
