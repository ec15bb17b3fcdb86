"""Where the demo plays: it shows each command line, runs it for real, and judges the result."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

WIDTH = 88
LINES = 14
"""Lines of one command's output that are shown before the rest is only counted."""

FOREIGN = ("PRACTICUM_", "KUBECONFIG", "PULUMI_")
"""Variables of the person's own that would make the demo act on something else."""


class UnexpectedError(Exception):
    """Something did not turn out as the demo says that it does."""


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
        self,
        line: str,
        *,
        exits: int = 0,
        env: dict[str, str] | None = None,
        lines: int = LINES,
        stdin: str = "",
    ) -> str:
        """Show a command line, run it, show what it prints; returns all of that.

        Raises:
            UnexpectedError: If it exits with another code than the story needs.
        """
        self.tell("")
        self.tell(f"$ {line}", code="1")
        # Errors are part of the story where they are expected, so they keep their place.
        merged = subprocess.STDOUT if exits else None
        code, output = self._start(line, env or {}, stdin, merged)
        self._show(output, lines)
        self.expect(code == exits, f"`{line}` exits with {exits}, not {code}")
        return output

    def ask(self, line: str) -> Any:  # noqa: ANN401  (a JSON document)
        """Run a command for the demo's own eyes; returns its JSON document."""
        code, output = self._start(line, {}, "", None)
        self.expect(code == 0, f"`{line}` exits with 0, not {code}")
        return json.loads(output)

    def expect(self, held: object, what: str) -> None:
        """Judge: a demo that shows something else than it says is a failed test.

        Raises:
            UnexpectedError: If it did not hold.
        """
        if not held:
            raise UnexpectedError(what)

    def _show(self, output: str, most: int) -> None:
        kept = [line for line in output.splitlines() if line.strip()]
        for text in kept[:most]:
            self.tell(f"  {text.rstrip()}")
        if len(kept) > most:
            self.tell(f"  … and {len(kept) - most} more lines")

    def _start(
        self, line: str, env: dict[str, str], stdin: str, merged: int | None
    ) -> tuple[int, str]:
        name, *arguments = shlex.split(line)
        with (
            subprocess.Popen(
                [self.programs.get(name, name), *arguments],
                cwd=self.folder,
                env=_environment() | env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=merged,
                text=True,
            ) as process,
            _ending_with(process),
        ):
            output, _ = process.communicate(stdin)
        return process.returncode, output


@contextmanager
def _ending_with(process: subprocess.Popen[str]) -> Iterator[None]:
    """Let a command end in order when the demo is interrupted: it may be in mid-air."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        # A terminal has told it already; `kill` has told only us.
        if interrupt.args:
            process.send_signal(signal.SIGTERM)
        process.communicate()
        raise


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
