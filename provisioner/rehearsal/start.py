"""Starts the processes of a rehearsal, and waits until it is as good as a cluster."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..errors import ToolError
from . import logs, processes
from .layout import PROGRAMS, Layout
from .nodes import Api
from .programs import Ports, commands
from .record import Record

PATIENCE = 120.0
"""Seconds in which it must be ready. It takes about 5; a laden machine takes longer."""

POLL = 0.05
CONTROL_PLANE = ("etcd", "kube-apiserver")


class PortTakenError(ToolError):
    """Somebody took one of the ports between our look and the program's."""


@dataclass(kw_only=True)
class Start:
    """One attempt: what was started so far, and where each log stood before."""

    layout: Layout
    ports: Ports
    binaries: Mapping[str, Path]
    record: Record
    deadline: float = field(default_factory=lambda: time.monotonic() + PATIENCE)

    def run(self) -> Record:
        """Start everything and wait for it; leave nothing behind when that fails.

        Raises:
            PortTakenError: If other ports may help.
            ToolError: If a program ends, or does not become ready in time.
            ClusterError: If the API server refuses its own nodes.
        """
        api = Api(layout=self.layout, ports=self.ports)
        self._marks = {name: logs.size(self.layout.log(name)) for name in PROGRAMS}
        try:
            # The API server waits for etcd by itself, and loads its code meanwhile.
            self._launch(*CONTROL_PLANE)
            self._await(api.is_up, "kube-apiserver")
            self.record = replace(self.record, version=api.version())
            self._launch(*(name for name in PROGRAMS if name not in CONTROL_PLANE))
            api.furnish()
            self._await(api.is_complete, "kube-controller-manager")
        except BaseException:
            processes.stop_in_order(processes.find_all(self.record.processes, self.layout))
            raise
        return self.record

    def _launch(self, *names: str) -> None:
        lines = commands(self.layout, self.ports, self.binaries)
        for name in names:
            started = processes.start(name, lines[name], self.layout)
            self.record = self.record.with_process(started)
            self.record.save(self.layout)

    def _await(self, condition: Callable[[], bool], name: str) -> None:
        """Wait for a condition; ``name`` is who is most likely to blame when it never comes."""
        while not condition():
            self._refuse_the_dead()
            if time.monotonic() > self.deadline:
                raise self._failure(name, f"was not ready after {PATIENCE:g} s")
            time.sleep(POLL)
        # What holds may be left from the last time, so it says nothing of who has died since.
        self._refuse_the_dead()

    def _refuse_the_dead(self) -> None:
        for started in self.record.processes:
            if started.process is None:
                raise self._failure(started.name, "ended while it started")

    def _failure(self, name: str, what: str) -> ToolError:
        text = logs.since(self.layout.log(name), self._marks[name])
        kind = PortTakenError if "address already in use" in text else ToolError
        return kind(
            f"{name} {what}.",
            details=logs.telling(text) or "(it wrote nothing)",
            hint=f"The whole log: {self.layout.log(name)}. "
            "To start afresh, without its objects: practicum rehearsal down",
        )
