"""Where the demo plays: it shows each command line, runs it for real, and judges the result."""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import signal
import subprocess
import sys
import textwrap
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

WIDTH = 88
LINES = 14
"""Lines of one command's output that are shown before the rest is only counted."""

TAIL = 2
"""The last lines, which are shown all the same: they say how it went."""

LONG = 140
"""Where a line is cut."""

FOREIGN = ("PRACTICUM_", "KUBECONFIG", "PULUMI_")
"""Variables of the person's own that would make the demo act on something else."""


class UnexpectedError(Exception):
    """Something did not turn out as the demo says that it does."""


class CannotPlayError(Exception):
    """This machine lacks what the demo plays on."""


class Stage:
    """Runs commands in one folder and narrates; nothing of it is acted.

    Attributes:
        folder: The current directory of every command.
        programs: Where ``practicum`` and ``kubectl`` are.
    """

    def __init__(self, folder: Path, practicum: Path) -> None:
        self.folder = folder
        self.programs = {"practicum": str(practicum)}
        self._colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        self._began = time.monotonic()
        self._chapter = 0

    def chapter(self, title: str, text: str) -> None:
        """Open the next part of the story."""
        self._chapter += 1
        seconds = f" {time.monotonic() - self._began:.0f} s"
        head = f"{self._chapter}. {title} "
        self.tell("")
        self.tell(head + "─" * (WIDTH - len(head) - len(seconds)) + seconds, code="1;36")
        self.tell(textwrap.fill(" ".join(text.split()), WIDTH))

    def tell(self, text: str, *, code: str = "") -> None:
        """Print for the reader, in colour where that is wanted."""
        painted = f"\x1b[{code}m{text}\x1b[0m" if code and self._colour else text
        print(painted, flush=True)

    def run(
        self, line: str, *, exits: int = 0, env: dict[str, str] | None = None, lines: int = LINES
    ) -> str:
        """Show a command line, run it, show what it prints; returns all of that.

        Raises:
            UnexpectedError: If it exits with another code than the story needs.
        """
        self.tell("")
        self.tell(f"$ {line}", code="1")
        with self._start(line, env or {}) as process:
            output = self._show(process, lines)
        self.expect(
            process.returncode == exits, f"`{line}` exits with {exits}, not {process.returncode}"
        )
        return output

    def wait_until(
        self, line: str, *, exits: int, env: dict[str, str], seconds: float = 30
    ) -> None:
        """Run a command unseen until it exits as it should.

        Raises:
            UnexpectedError: If it does not within the time.
        """
        end = time.monotonic() + seconds
        while True:
            with self._start(line, env) as process:
                process.communicate()
            if process.returncode == exits:
                return
            self.expect(time.monotonic() < end, f"`{line}` exits with {exits} in {seconds:g} s")
            time.sleep(0.5)

    def ask(self, line: str) -> Any:  # noqa: ANN401  (a JSON document)
        """Run a command for the demo's own eyes; returns its JSON document.

        Raises:
            UnexpectedError: If it fails.
        """
        with self._start(line, {}, stderr=subprocess.PIPE) as process:
            output, errors = process.communicate()
        self.expect(process.returncode == 0, f"`{line}` succeeds, and not: {errors}")
        return json.loads(output)

    def expect(self, held: object, what: str) -> None:
        """Judge: a demo that shows something else than it says is a failed test.

        Raises:
            UnexpectedError: If it did not hold.
        """
        if not held:
            raise UnexpectedError(what)

    def _show(self, process: subprocess.Popen[str], most: int) -> str:
        """Show lines as they come: the first ones and the last two; returns all."""
        assert process.stdout  # a pipe, as asked for
        said, tail = [], deque[str](maxlen=TAIL)
        for line in process.stdout:
            said.append(line)
            if len(said) <= most:
                self._line(line)
            else:
                tail.append(line)
        hidden = len(said) - most - TAIL
        if hidden > 0:
            self.tell(f"  … and {hidden} more lines")
        for line in tail:
            self._line(line)
        return "".join(said)

    def _line(self, line: str) -> None:
        if text := line.rstrip():
            self.tell(f"  {text if len(text) <= LONG else text[:LONG] + ' …'}")

    @contextmanager
    def _start(
        self, line: str, env: dict[str, str], stderr: int = subprocess.STDOUT
    ) -> Iterator[subprocess.Popen[str]]:
        """Start a command; when the demo is interrupted let it end in order first."""
        name, *arguments = shlex.split(line)
        process = subprocess.Popen(
            [self.programs.get(name, name), *arguments],
            cwd=self.folder,
            env=_environment() | env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            encoding="utf-8",
        )
        try:
            yield process
        except KeyboardInterrupt as interrupt:
            # A terminal has told it already; `kill` has told only us.
            if interrupt.args:
                process.send_signal(signal.SIGTERM)
            raise
        finally:
            if process.stdout and not process.stdout.closed:
                process.communicate()
            process.wait()


def played(folder: Path, play: Callable[[Stage], None]) -> int:
    """Play a demo in a folder that no other one plays in; returns the exit code."""
    signal.signal(signal.SIGTERM, _as_interrupt)
    stage = Stage(folder, Path(sys.executable).parent / "practicum")
    with alone_in(folder) as alone:
        if not alone:
            sys.stderr.write(f"Another demo plays in {folder}.\n")
            return 9
        return _outcome(stage, play)


def _outcome(stage: Stage, play: Callable[[Stage], None]) -> int:
    try:
        play(stage)
    except CannotPlayError as reason:
        sys.stderr.write(f"\nThe demo cannot play here: {reason}.\n")
        return 4
    except UnexpectedError as error:
        sys.stderr.write(f"\nThe demo failed: expected that {error}\n")
        return 1
    except KeyboardInterrupt as interrupt:
        sys.stderr.write("\nInterrupted.\n")
        return 128 + (interrupt.args[0] if interrupt.args else signal.SIGINT)
    return 0


def _as_interrupt(number: int, _frame: object) -> None:
    raise KeyboardInterrupt(number)


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return kept | {"PYTHONUNBUFFERED": "1"}


@contextmanager
def alone_in(folder: Path) -> Iterator[bool]:
    """Hold a folder's lock for the demo; yields False where another one holds it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held = True
        except OSError:
            held = False
        yield held
