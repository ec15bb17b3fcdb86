"""Waiting for what comes in its own time."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable


def until(
    holds: Callable[[], object],
    what: str = "what was waited for",
    *,
    run: subprocess.Popen[str] | None = None,
) -> None:
    """Wait until something holds, and fail when it never does.

    Args:
        holds: Asked again and again.
        what: What would be true then, for whoever reads that it never was.
        run: A process that has to go on meanwhile.
    """
    deadline = time.monotonic() + 400
    while not holds():
        assert run is None or run.poll() is None, (f"it ended before: {what}", run.communicate())
        assert time.monotonic() < deadline, f"it never came true: {what}"
        time.sleep(0.1)
