"""The processes of a rehearsal: started to outlive us, recognised later, and taken down.

A process is known by its id *and* the time it started, so that a recycled id is never
mistaken for it. One that nobody wrote down (we were killed in between) is found by its
command line, which names the rehearsal's folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from .. import shell
from ..errors import ToolError
from .layout import PROGRAMS, Layout

LARGE_LOG = 20_000_000
"""Bytes after which a log is put aside at the next start."""

_ours: dict[int, shell.Process[bytes]] = {}
"""Children of this very process: they have to be reaped, or they stay as zombies."""


@dataclass(frozen=True, kw_only=True)
class Started:
    """One process, as it is written down."""

    name: str
    pid: int
    began: float

    @property
    def process(self) -> psutil.Process | None:
        """The process, when it still is the one that was started."""
        _reap(self.pid)
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.began) < 1
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


def start(name: str, command: list[str | Path], layout: Layout) -> Started:
    """Start one program of the rehearsal.

    Raises:
        ToolError: If it cannot be started at all.
    """
    log = layout.log(name)
    if log.exists() and log.stat().st_size > LARGE_LOG:
        log.replace(log.with_suffix(".log.1"))
    try:
        child = shell.start(command, log_file=log, env=_environment(layout), cwd=layout.scratch)
    except OSError as error:
        raise ToolError(
            f"{name} cannot be started: {error.strerror or error}: {command[0]}",
            hint="Look at your tools with: practicum toolchain --verify",
        ) from None
    _ours[child.pid] = child
    try:
        began = psutil.Process(child.pid).create_time()
    except psutil.NoSuchProcess:  # gone already; whoever waits for it says why
        began = 0.0
    return Started(name=name, pid=child.pid, began=began)


def _environment(layout: Layout) -> dict[str, str]:
    """No KUBECONFIG, no ETCD_…, no proxy: what they do is decided by their flags alone."""
    scratch = str(layout.scratch)
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": scratch, "TMPDIR": scratch}


def find_all(started: Iterable[Started], layout: Layout) -> list[psutil.Process]:
    """Find every process of a rehearsal that is alive, written down or not."""
    known = {item.pid: item.process for item in started}
    found = {pid: process for pid, process in known.items() if process is not None}
    for process in psutil.process_iter():
        if process.pid not in found and _belongs(process, layout):
            found[process.pid] = process
    return list(found.values())


def _belongs(process: psutil.Process, layout: Layout) -> bool:
    try:
        if process.uids().real != os.getuid() or process.status() == psutil.STATUS_ZOMBIE:
            return False
        command = process.cmdline()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
    ours = bool(command) and Path(command[0]).name in PROGRAMS
    return ours and any(f"={layout.root}{os.sep}" in argument for argument in command[1:])


def stop(processes: Iterable[psutil.Process], *, patience: float) -> None:
    """Stop processes and wait until they are gone.

    Args:
        processes: Those to stop.
        patience: Seconds that they have to end in order; 0 kills them at once.

    Raises:
        ToolError: If one of them does not even go when it is killed.
    """
    left = list(processes)
    if patience:
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.terminate()
        left = _wait(left, patience)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    left = _wait(left, 20)
    if left:
        pids = ", ".join(str(process.pid) for process in left)
        raise ToolError(
            f"These processes of the rehearsal do not end: {pids}.",
            hint="They wait for the kernel, most likely for a disk. Look at: dmesg",
        )


def _wait(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    for process in processes:
        _reap(process.pid)
    return [process for process in alive if not _is_zombie(process)]


def _is_zombie(process: psutil.Process) -> bool:
    """A zombie has ended; its parent has only not looked yet."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def _reap(pid: int) -> None:
    child = _ours.get(pid)
    if child is not None and child.poll() is not None:
        del _ours[pid]


def stop_in_order(found: Iterable[psutil.Process]) -> None:
    """Stop a rehearsal whose data stays: etcd last, when nobody writes any more.

    Raises:
        ToolError: If one of them does not even go when it is killed.
    """
    everything = list(found)
    etcd = [process for process in everything if _program(process) == "etcd"]
    stop((process for process in everything if process not in etcd), patience=4)
    stop(etcd, patience=6)


def _program(process: psutil.Process) -> str:
    try:
        command = process.cmdline()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return ""
    return Path(command[0]).name if command else ""
