"""A worker process: one job in on standard input, events out on standard output.

Standard input stays open as long as the parent lives. When it closes, the parent was
killed: the engine is then asked to stop in order, as on a Ctrl-C.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any, TextIO, cast

from ..redaction import RedactedStream, redact
from . import stale
from .job import Job


def main() -> None:
    """Read the job, run it, and say how it ended."""
    events, log = sys.stdout, RedactedStream(sys.stderr)
    atexit.register(log.close)
    sys.stdout = sys.stderr = cast(TextIO, log)  # whatever a library prints is no event
    job = Job.from_json(json.loads(sys.stdin.readline()))
    signal.signal(signal.SIGINT, lambda *_: interrupt_children())
    signal.signal(signal.SIGTERM, lambda *_: interrupt_children())
    threading.Thread(target=_await_parents_end, daemon=True).start()
    gc.disable()  # a wave's worth of objects, in a process that ends with it
    _say(events, _run(job, events))


def _run(job: Job, events: TextIO) -> dict[str, Any]:
    from pulumi import automation

    from . import engine

    work_dir = Path(os.environ["PULUMI_HOME"]).parent.parent
    try:
        engine.run(job, work_dir, lambda event: _say(events, event))
    except automation.ConcurrentUpdateError as error:
        return {"event": "end", "locked": _holders(str(error))}
    except automation.CommandError as error:
        wrong = "incorrect passphrase" in str(error)
        return {"event": "end", "error": _last_lines(str(error)), "passphrase": wrong}
    return {"event": "end"}


def interrupt_children() -> None:
    """Ask the engine to stop: once, since a second time would make it drop all."""
    import psutil

    for child in psutil.Process().children():
        if child.pid not in _interrupted:
            _interrupted.add(child.pid)
            child.send_signal(signal.SIGINT)


_interrupted: set[int] = set()


def _await_parents_end() -> None:
    sys.stdin.read()
    interrupt_children()


def _say(events: TextIO, event: dict[str, Any]) -> None:
    # What the engine says, it may have from a server or from a file that it could not read.
    told = {key: redact(value) if isinstance(value, str) else value for key, value in event.items()}
    events.write(json.dumps(told) + "\n")
    events.flush()


def _holders(error: str) -> str:
    return "; ".join(map(str, stale.holders(error))) or "another run"


def _last_lines(error: str) -> str:
    lines = [line for line in error.splitlines() if line.strip()]
    return "\n".join(lines[-20:])


if __name__ == "__main__":
    main()
