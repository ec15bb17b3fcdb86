"""A real Kubernetes control plane on this machine, as local processes: the embedded default.

etcd, kube-apiserver, kube-controller-manager and kube-scheduler are the real ones; kwok
plays the nodes. So everything that Practicum does is really done, and no pod ever runs.

* ``up`` starts it, or repairs what died of it; its objects stay.
* ``status`` says what there is, and changes nothing.
* ``down`` ends its processes and deletes everything of it.

Everything lies below ``<home>/rehearsal``; ``~/.kube/config`` is never touched.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ToolError
from .layout import PROGRAMS, Layout
from .programs import CONTEXT

if TYPE_CHECKING:
    from .record import Record

__all__ = ["NOTE", "Process", "Rehearsal", "Status", "down", "status", "up"]

NOTE = "Pods are simulated: they never run a container."
ATTEMPTS = 3
"""Starts, each with other ports, before we believe that ports are not the matter."""

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """A control plane that is ready."""

    kubeconfig: Path
    context: str
    server: str
    version: str


@dataclass(frozen=True, kw_only=True)
class Process:
    """One program of a rehearsal."""

    name: str
    pid: int | None
    running: bool


@dataclass(frozen=True, kw_only=True)
class Status:
    """What there is of a rehearsal."""

    running: bool
    """All of its processes are alive and the API server says that it is ready."""

    kubeconfig: Path | None
    server: str | None
    version: str | None
    processes: tuple[Process, ...]
    note: str


def _quiet(_: str) -> None:
    """For who does not want to hear of progress."""


def up(
    home: Path,
    say: Say = _quiet,
    *,
    binaries: dict[str, Path] | None = None,
    authentication: bytes | None = None,
) -> Rehearsal:
    """Make sure that the rehearsal of a home folder is up; safe to repeat.

    Args:
        home: The folder of Practicum's state.
        say: Is told what happens.
        binaries: Programs to use instead of the toolchain's.
        authentication: An AuthenticationConfiguration, in YAML, kept until the rehearsal is
            taken down or another is given; that of last time when None.

    Raises:
        InputError: If the configuration is none.
        MissingToolError: If a program cannot be had.
        ToolError: If a program does not start; with the lines of its log that matter.
    """
    from ..toolchain import lock
    from . import logins

    layout = Layout.below(home)
    try:
        with (
            lock.held(layout.lock, say=say, what="starting the rehearsal"),
            logins.taken_up(layout, authentication) as changed,
        ):
            if changed or not status(home).running:
                _start(layout, say, binaries)
    except OSError as error:
        raise ToolError(
            f"The rehearsal cannot be written: {error.strerror or error}: {error.filename}",
            hint="Choose another folder with --home, or free some disk space.",
        ) from error
    found = _record(layout)
    return Rehearsal(
        kubeconfig=layout.kubeconfig,
        context=CONTEXT,
        server=found.ports.server,
        version=found.version,
    )


def status(home: Path) -> Status:
    """Say what there is of a rehearsal, and change nothing."""
    from .nodes import Api
    from .record import Record

    layout = Layout.below(home)
    record = Record.load(layout)
    if record is None:
        return Status(
            running=False, kubeconfig=None, server=None, version=None, processes=(), note=NOTE
        )
    states = tuple(
        Process(name=item.name, pid=item.pid, running=item.process is not None)
        for item in record.processes
    )
    alive = {state.name for state in states if state.running} == set(PROGRAMS)
    return Status(
        running=alive and Api(layout=layout, ports=record.ports).is_up(),
        kubeconfig=layout.kubeconfig,
        server=record.ports.server,
        version=record.version,
        processes=states,
        note=NOTE,
    )


def down(home: Path, say: Say = _quiet, *, keep_data: bool = False) -> bool:
    """End a rehearsal and delete everything of it; safe to repeat.

    Args:
        home: The folder of Practicum's state.
        say: Is told what happens.
        keep_data: Only end its processes: the next ``up`` has its objects again.

    Returns:
        Whether there was a rehearsal.

    Raises:
        ToolError: If a process does not end, or the folder cannot be deleted.
    """
    from ..toolchain import lock

    layout = Layout.below(home)
    if not layout.root.exists():
        return False
    try:
        with lock.held(layout.lock, say=say, what="taking the rehearsal down"):
            _end(layout, keep_data=keep_data)
            if not keep_data:
                shutil.rmtree(layout.root)
    except OSError as error:
        raise ToolError(
            f"The rehearsal cannot be deleted: {error.strerror or error}: {error.filename}",
            hint=f"Its processes have ended; delete {layout.root} by hand.",
        ) from error
    return True


def _start(layout: Layout, say: Say, binaries: dict[str, Path] | None) -> None:
    from .. import toolchain
    from . import certificates, processes
    from .record import Record

    if binaries is None:
        found = toolchain.find(*PROGRAMS, say=say)
        binaries = {name: tool.path for name, tool in found.items()}
    previous = Record.load(layout)
    left = processes.find_all(previous.processes if previous else (), layout)
    if left:
        say(f"starting the rehearsal again; {len(left)} of its processes were running")
        processes.stop_in_order(left)
    layout.make_folders()
    certificates.ensure(layout)
    say("starting the rehearsal control plane")
    _attempt(layout, binaries, previous)
    say(NOTE)


def _attempt(layout: Layout, binaries: dict[str, Path], previous: Record | None) -> None:
    """Start it, with other ports when somebody took ours in between."""
    from .programs import write_configs
    from .record import Record, choose_ports
    from .start import PortTakenError, Start

    ports = choose_ports(previous.ports if previous else None)
    for attempt in range(1, ATTEMPTS + 1):
        write_configs(layout, ports)
        record = Record(ports=ports)
        try:
            Start(layout=layout, ports=ports, binaries=binaries, record=record).run()
        except PortTakenError:
            if attempt == ATTEMPTS:
                raise
            ports = choose_ports(None)
        else:
            return


def _end(layout: Layout, *, keep_data: bool) -> None:
    from . import processes
    from .record import Record

    record = Record.load(layout)
    found = processes.find_all(record.processes if record else (), layout)
    if keep_data:
        processes.stop_in_order(found)
    else:
        processes.stop(found, patience=0)


def _record(layout: Layout) -> Record:
    from .record import Record

    record = Record.load(layout)
    if record is None:
        raise ToolError("The rehearsal was taken down while it started.")
    return record
