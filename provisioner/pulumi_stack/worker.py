"""A worker process: jobs in on standard input, events out on standard output.

It does one job after another, because to import Pulumi takes as long as twenty students.
Standard input stays open as long as the parent has work. When it closes in the middle of
a job, the parent was killed: the engine is then asked to stop in order, as on a Ctrl-C.
"""

from __future__ import annotations

import atexit
import faulthandler
import gc
import json
import os
import queue
import signal
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO, cast

from ..redaction import RedactedStream, redact
from . import stale, state_file
from .job import Job
from .silence import WHERE
from .state import DamagedStateError, NewerStateError


def main() -> None:
    """Do every job that comes, and say how each ended."""
    events, log = sys.stdout, RedactedStream(sys.stderr)
    atexit.register(log.close)
    sys.stdout = sys.stderr = cast(TextIO, log)  # whatever a library prints is no event
    faulthandler.register(WHERE, file=2)
    signal.signal(signal.SIGINT, lambda *_: interrupt_children())
    signal.signal(signal.SIGTERM, lambda *_: interrupt_children())
    jobs: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(jobs,), daemon=True).start()
    from . import engine  # noqa: F401  (half a second, before the first job comes)

    gc.disable()  # a wave's worth of objects, which end together
    gc.freeze()
    homes = Path(os.environ["PULUMI_HOME"])
    while line := jobs.get():
        job = Job.from_json(json.loads(line))
        _log_to(homes.parent / "logs" / f"{job.stack}.log", log)
        log.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {job.operation}\n")
        _say(events, _run(job, homes, events))
        gc.collect()


KEPT = 1 << 20
"""Bytes that a stack's log may have when a job begins; one with more begins anew."""


def _log_to(path: Path, log: RedactedStream) -> None:
    """Have standard error end in another file, also for what writes to its descriptor."""
    log.close()
    with path.open("ab") as file:
        if file.tell() > KEPT:
            file.truncate(0)
        os.dup2(file.fileno(), 2)


def _run(job: Job, homes: Path, events: TextIO) -> dict[str, Any]:
    from pulumi import automation

    from . import engine

    try:
        engine.run(job, homes, lambda event: _say(events, event))
    except DamagedStateError as error:
        here = state_file.path_of(os.environ["PULUMI_BACKEND_URL"], job.stack) is not None
        fix = ADOPT if here else MOVE
        return {"event": "end", "error": _told(job, f"cannot be used: {error}", fix)}
    except NewerStateError as error:
        return {"event": "end", "error": _told(job, f"is too new: {error}", UPGRADE)}
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


def _listen(jobs: queue.SimpleQueue[str]) -> None:
    """Pass jobs on; an empty one says that there will be no more."""
    for line in sys.stdin:
        jobs.put(line)
    interrupt_children()
    jobs.put("")


def _say(events: TextIO, event: dict[str, Any]) -> None:
    # What the engine says, it may have from a server or from a file that it could not read.
    told = {key: redact(value) if isinstance(value, str) else value for key, value in event.items()}
    events.write(json.dumps(told) + "\n")
    events.flush()


ADOPT = "practicum adopt {cohort} keeps it aside and builds it anew"
MOVE = "move it away in its bucket, then practicum adopt {cohort} builds it anew"
UPGRADE = "use the Practicum that wrote it"


def _told(job: Job, what: str, fix: str) -> str:
    return (
        f"the saved state of {job.stack} {what}. Nothing was changed;"
        f" {fix.format(cohort=job.cohort)}."
    )


def _holders(error: str) -> str:
    return "; ".join(map(str, stale.holders(error))) or "another run"


def _last_lines(error: str) -> str:
    lines = [line for line in error.splitlines() if line.strip()]
    return "\n".join(lines[-20:])


if __name__ == "__main__":
    main()
