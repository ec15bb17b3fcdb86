"""Keep what a run left that did not do what it was to do: the next one empties all folders."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from .measure import Run

TAIL = 1 << 20
"""Bytes that are kept of a log."""


def keep(command: Sequence[str | Path], run: Run, home: Path, beside: Path) -> Path:
    """Copy what a command said, and the logs of Pulumi and the control plane.

    Args:
        command: The program and its arguments.
        run: How it went.
        home: Practicum's home.
        beside: The folder that gets one more for this.

    Returns:
        The folder of this run.
    """
    folder = beside / f"{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"
    folder.mkdir(parents=True, mode=0o700)
    line = shlex.join(map(str, command))
    (folder / "run.txt").write_text(f"{line}\nexit code {run.code}, {run.seconds:.1f} s\n")
    (folder / "stdout.txt").write_text(run.stdout)
    (folder / "stderr.txt").write_text(run.stderr)
    for log in _logs(home):
        copy = folder / "-".join(log.relative_to(home).parts)
        copy.write_bytes(log.read_bytes()[-TAIL:])
    return folder


def _logs(home: Path) -> Iterator[Path]:
    yield from home.glob("pulumi/*/logs/*.log")
    yield from (log for log in home.glob("rehearsal/**/*.log") if log.name != "audit.log")
