"""The process that Ansible runs in: one job in on standard input, events out.

Standard input stays open as long as the parent wants the run. When it closes, by the
parent's wish or by its death, all that Ansible has started is ended.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

import psutil

from ..redaction import redact
from . import logins
from .results import said

_NAMES = {
    "runner_on_start": "start",
    "runner_on_ok": "ok",
    "runner_on_failed": "failed",
    "runner_on_unreachable": "unreachable",
    "runner_on_skipped": "skipped",
}
PROBLEMS = "lab_problems"
REPORTED = {
    "lab_facts": (
        *("accounts", "programs", "services", "record", "leftovers", "distribution"),
        "no_quota",
    ),
    "lab_archives": ("archives",),
    "lab_removals": ("removed",),
    "lab_claim": ("holder",),
}
"""What is told on of the results of our own modules; of others, their problems alone."""

HERE = frozenset(
    ("assert", "fail", "include_role", "include_tasks", "meta", "validate_argument_spec")
)
"""Modules for which no host is asked: they say nothing of whether one answers."""

PR_SET_CHILD_SUBREAPER = 36
"""From Linux's sys/prctl.h."""

SECONDS = 10.0
"""How long what is to end is looked for."""

_COUNTED = ("failures", "dark", "changed", "processed")


def main() -> None:
    """Run the one job, and say how it ended."""
    events, sys.stdout = sys.stdout, sys.stderr  # whatever a library prints is no event
    job: dict[str, Any] = json.loads(sys.stdin.readline())
    logins.put_aside(os.environ)
    _adopt_orphans()
    watch = _Watch(job)
    for work in (watch.until_unwanted, watch.until_too_long):
        threading.Thread(target=work, daemon=True).start()
    try:
        status = _run(job, events, watch)
    finally:
        if watch.over:  # else what a playbook has started on this very machine is to stay
            _end_children()
        shutil.rmtree(job["private"], ignore_errors=True)
    _say(events, {"event": "end", "status": watch.over or status})


class _Watch:
    """Ends a run that nobody wants any more, or that takes too long.

    ansible-runner has limits of its own, and ends one process group by them; Ansible's
    workers are in others, and go on.
    """

    def __init__(self, job: Mapping[str, Any]) -> None:
        self.over = ""
        """Why the run was ended; empty as long as it goes on."""

        self._longest, self._idle = job["job_timeout"], job["idle_timeout"]
        self._began = self._heard = time.monotonic()

    def hear(self) -> None:
        """Note that Ansible told something."""
        self._heard = time.monotonic()

    def until_unwanted(self) -> None:
        """Wait for the end of standard input."""
        sys.stdin.read()
        self._end("canceled")

    def until_too_long(self) -> None:
        """Wait until one of the limits is over."""
        while not self.over:
            now = time.monotonic()
            left = min(self._began + self._longest, self._heard + self._idle) - now
            if left <= 0:
                self._end("timeout")
            time.sleep(max(0.1, min(left, 1.0)))

    def _end(self, why: str) -> None:
        self.over = self.over or why
        _end_children()


def _adopt_orphans() -> None:
    """Become the parent of whoever loses theirs, so that nobody who is to end gets away."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _end_children() -> None:
    """End all that was started, also in sessions of their own, where ansible-runner looks not.

    One that is ended may have started another the moment before, so it is looked again.
    """
    deadline = time.monotonic() + SECONDS
    while (alive := _alive()) and time.monotonic() < deadline:
        for child in alive:
            with suppress(psutil.Error):
                child.kill()
        time.sleep(0.02)


def _alive() -> list[psutil.Process]:
    found = []
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if child.status() != psutil.STATUS_ZOMBIE:  # ansible-runner asks for these itself
                found.append(child)
    return found


def _run(job: Mapping[str, Any], events: TextIO, watch: _Watch) -> str:
    import ansible_runner

    private = Path(job["private"])
    result = ansible_runner.run(
        private_data_dir=str(private),
        project_dir=str(Path(job["playbook"]).parent),
        playbook=job["playbook"],
        inventory=str(private / "inventory" / "hosts.yaml"),
        cmdline="--check --diff" if job["check"] else None,
        forks=job["forks"],
        settings={"pexpect_timeout": 1, "suppress_output_file": True},
        # Without files of its own below env/, it would put what they hold on the command line;
        # there is nothing to hold: values are in the inventory, secrets in neither.
        suppress_env_files=True,
        quiet=True,
        event_handler=_handler(events, watch),
        cancel_callback=lambda: bool(watch.over),
    )
    return str(result.status)


def _handler(events: TextIO, watch: _Watch) -> Callable[[dict[str, Any]], bool]:
    def handle(event: dict[str, Any]) -> bool:
        watch.hear()
        if told := reduced(event):
            _say(events, told)
        for text in filter(None, (event.get("stdout"), took(event))):
            _say(events, {"event": "text", "text": text})
        return False  # it is written to no file

    return handle


def took(event: Mapping[str, Any]) -> str:
    """Return the log's line on how long a task took on a host; empty where it took no time."""
    about = event.get("event_data") or {}
    if event.get("event") not in _NAMES or not about.get("duration"):
        return ""
    what = f"by {about.get('task_action')}: {about.get('task')}"
    return f"took {about['duration']:.2f} s on {about.get('host')} {what}"


def reduced(event: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what of one of Ansible's events is told on: no facts, no arguments, no output."""
    about = event.get("event_data") or {}
    if event.get("event") == "playbook_on_stats":
        return {"event": "stats", **{key: about.get(key) or {} for key in _COUNTED}}
    if event.get("event") not in _NAMES:
        return None
    result = about.get("res") or {}
    name = _NAMES[event["event"]]
    told = {"event": name, "host": about.get("host"), "task": about.get("task") or ""}
    action = str(about.get("task_action"))
    told["data"] = reported(action, result)
    if name == "ok":
        answered = action.rpartition(".")[2] not in HERE
        return told | {"changed": bool(result.get("changed")), "answered": answered}
    if name in ("failed", "unreachable"):
        return told | {"ignored": bool(about.get("ignore_errors")), "said": said(result)}
    return told


def reported(action: str, result: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a task reports of students and of the host, by keys of our own."""
    told: dict[str, Any] = {}
    for one in (result, *(result.get("results") or ())):
        if one.get(PROBLEMS):
            told[PROBLEMS] = [*told.get(PROBLEMS, ()), *one[PROBLEMS]]
    module = action.rpartition(".")[2]
    if keys := REPORTED.get(module):
        told[module] = {key: result[key] for key in keys if key in result}
    return told


def _say(events: TextIO, event: Mapping[str, Any]) -> None:
    told = {key: redact(value) if isinstance(value, str) else value for key, value in event.items()}
    with suppress(BrokenPipeError):  # the parent has died, and our end is near
        events.write(json.dumps(told) + "\n")
        events.flush()


if __name__ == "__main__":
    main()
