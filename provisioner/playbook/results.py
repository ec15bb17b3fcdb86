"""How each host fared, told from Ansible's events; nothing here runs anything."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..redaction import redact

State = Literal["ok", "changed", "failed", "unreachable", "never started"]
Event = Mapping[str, Any]

LOOK = "lab_facts"
"""The module that says what a host has: an earlier answer is not true any more."""

STOPPED = "the run ended before it was through"
HIDDEN = "what it said is hidden, for it may hold a key"

_REASONS = (
    (
        r"host key verification failed|remote host identification has changed",
        "its host key is not the one that is pinned. If the machine was set up anew, compare the"
        " new fingerprint with its console and pin it: practicum hosts scan",
    ),
    (r"permission denied \(|too many authentication failures", "it does not take our key"),
    (r"no route to host|network is unreachable", "there is no way to it"),
    (r"could not resolve hostname|name or service not known", "its name is unknown"),
    (r"connection refused", "nothing answers at its SSH port"),
    (
        r"timed out|timeout|connection closed|connection reset|broken pipe|connection to \S+ closed",
        "it does not answer in time, or hung up",
    ),
    (r"no space left on device|disk quota exceeded", "its disk is full"),
    (
        r"could not get lock|dpkg frontend lock|unable to lock|unable to acquire the dpkg",
        "another program holds the lock of its package manager; wait for it, then run this again",
    ),
    (r"a password is required|missing sudo password", "its sudo asks us for a password"),
    (
        r"failed to discover|no python|python3?: (command )?not found|interpreter was not found",
        "it has no Python 3: install the package python3 there",
    ),
)
"""What Ansible or ssh say, and how that is told; the first that fits."""

_NOISE = re.compile(r"^(?:(?:Task|Action) failed: )+")


@dataclass
class HostResult:
    """What one host did in a run, so far or at its end."""

    name: str
    ok: int = 0
    """Tasks that went well, changed ones too."""

    changed: int = 0
    failed: int = 0
    unreachable: bool = False
    started: bool = False
    answered: bool = False
    """Whether a task was done there: only then can anything have been changed on it."""

    finished: bool = False
    """Whether Ansible came to its end with this host."""

    task: str = ""
    """The one that it is at, or was at last."""

    why: str = ""
    """Why it failed, in a sentence."""

    changes: list[str] = field(default_factory=list)
    """Names of the tasks that changed something, or would have."""

    data: dict[str, Any] = field(default_factory=dict)
    """What the playbook reports of it, as data."""

    def take(self, data: Event) -> None:
        """Add what a task reports: of a look the last one counts, of all else every one does."""
        for key, value in data.items():
            self.data[key] = value if key == LOOK else _joined(self.data.get(key), value)

    @property
    def state(self) -> State:
        """The host's state in one word."""
        if self.unreachable:
            return "unreachable"
        if not self.started:
            return "never started"
        if self.failed or not self.finished:
            return "failed"
        return "changed" if self.changed else "ok"

    @property
    def is_done(self) -> bool:
        """Whether all of the playbook was done."""
        return self.state in ("ok", "changed")


def _joined(before: Any, told: Any) -> Any:  # noqa: ANN401  (JSON)
    """Return both of what two tasks report by one name; lists grow, and nothing is told twice."""
    if isinstance(before, list) and isinstance(told, list):
        return before + [one for one in told if one not in before]
    if isinstance(before, Mapping) and isinstance(told, Mapping):
        return {**before, **{key: _joined(before.get(key), value) for key, value in told.items()}}
    return told


class Tally:
    """Sums up the events of one run."""

    def __init__(self, hosts: Iterable[str]) -> None:
        self.hosts = {name: HostResult(name=name) for name in hosts}

    def add(self, event: Event) -> HostResult | None:
        """Take one event; returns the host that it is about."""
        if event["event"] == "stats":
            self._end(event)
            return None
        host = self.hosts.get(str(event.get("host", "")))
        if host is None:
            return None
        host.started, host.task = True, str(event.get("task") or host.task)
        host.take(event.get("data") or {})
        handler = getattr(self, f"_{event['event']}", None)
        if handler:
            handler(host, event)
        return host

    def stop(self, why: str) -> None:
        """Say of every host that was not finished why that is."""
        for host in self.hosts.values():
            if host.started and not host.finished and not host.why:
                host.why = f"{why}, at: {host.task}" if host.task else why

    def _ok(self, host: HostResult, event: Event) -> None:
        host.ok += 1
        host.answered = host.answered or bool(event.get("answered"))
        if event.get("changed"):
            host.changed += 1
            host.changes.append(host.task)

    def _failed(self, host: HostResult, event: Event) -> None:
        if event.get("ignored"):
            return
        host.failed += 1
        host.why = f"{host.task}: {reason(event.get('said', ''))}"

    def _unreachable(self, host: HostResult, event: Event) -> None:
        host.unreachable = True
        host.why = reason(event.get("said", ""))

    def _end(self, event: Event) -> None:
        """Believe Ansible's own count: a failure that was rescued is none."""
        for name, host in self.hosts.items():
            if name not in event["processed"]:
                continue
            host.started = host.finished = True
            host.failed = int(event["failures"].get(name, 0))
            host.unreachable = bool(event["dark"].get(name, 0))
            host.changed = int(event["changed"].get(name, 0))
            if host.is_done:
                host.why = ""


def said(result: Mapping[str, Any]) -> str:
    """Return what a failed task says, of all the places where modules put it."""
    if result.get("censored"):
        return HIDDEN
    failed = [item for item in result.get("results") or () if item.get("failed")]
    failed += (result.get("failed_modules") or {}).values()
    for one in (*failed, result):
        for key in ("msg", "stderr", "module_stderr", "module_stdout", "stdout"):
            text = one.get(key)
            if isinstance(text, str) and text.strip():
                more = str(one.get("module_stderr") or one.get("stderr") or "")
                return redact(text.strip() if key != "msg" else _with(text.strip(), more))
    return "no reason was given"


def _with(text: str, more: str) -> str:
    """Add what a module printed where its message says no more than that it failed."""
    vague = ("MODULE FAILURE", "non-zero return code", "Task failed")
    return f"{text}\n{more.strip()}" if more.strip() and text.startswith(vague) else text


def reason(text: str) -> str:
    """Return why a host or a task failed, in a line.

    >>> reason("Failed to connect to the host via ssh: Host key verification failed.")[:38]
    'its host key is not the one that is pi'
    """
    for pattern, told in _REASONS:
        if re.search(pattern, text, re.IGNORECASE):
            return told
    lines = [line.strip() for line in _NOISE.sub("", text).splitlines() if line.strip()]
    return lines[0][:300] if lines else "no reason was given"
