"""Run a program to its end."""

from __future__ import annotations

import logging
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import MissingToolError, ToolError
from ..redaction import redact

log = logging.getLogger(__package__)

Command = Sequence[str | Path]
"""A program and its arguments. No secret belongs there: `ps` shows it."""

TAIL = 4_000
"""Characters of a failed program's output that are kept: enough for the last error."""


def run(
    *command: str | Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | None = None,
    timeout: float | None = None,
    keep_open: Sequence[int] = (),
) -> str:
    """Run a program to its end and return what it wrote to standard output.

    Args:
        command: The program and its arguments. No secret belongs here: `ps` shows it.
        env: The whole environment of the program; ours when None.
        cwd: The folder it starts in.
        stdin: Text that it reads; nothing when None.
        timeout: Seconds after which it is killed; no limit when None.
        keep_open: File descriptors that it inherits: a lock lives on in it if we are killed.

    Raises:
        MissingToolError: If the program does not exist.
        ToolError: If the program exits with a code other than 0, or takes too long.
    """
    log.debug("run %s", shown(command))
    try:
        result = subprocess.run(
            [str(part) for part in command],
            env=env,
            cwd=cwd,
            input=stdin if stdin is not None else "",
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=timeout,
            pass_fds=tuple(keep_open),
        )
    except FileNotFoundError:
        raise missing(command) from None
    except subprocess.TimeoutExpired:
        raise ToolError(f"This took longer than {timeout:g} s: {shown(command)}") from None
    refuse_failure(command, result.returncode, result.stderr or result.stdout)
    return result.stdout


def shown(command: Command) -> str:
    """Return a command as a person may see it."""
    return redact(shlex.join(str(part) for part in command))


def missing(command: Command) -> MissingToolError:
    """Return the error for a program that does not exist."""
    return MissingToolError(
        f"{command[0]} cannot be found.", hint="Look at your tools with: practicum toolchain"
    )


def refuse_failure(command: Command, code: int, last_words: str) -> None:
    """Stop where a program has failed.

    Raises:
        ToolError: If that is so, with the last of what it said.
    """
    if code:
        raise ToolError(
            f"{Path(command[0]).name} exited with {code}: {shown(command)}",
            details=redact(last_words.strip())[-TAIL:],
        )
