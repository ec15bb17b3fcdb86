"""Run a command to its end and measure it together with everything that it starts."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psutil

from .descendants import list_trees, reap

EVERY = 0.05
"""Seconds between two looks at the memory."""

DISCOVER = 2
"""Every which look also searches for new processes; that costs more than the look."""

GROWTH = 1.03
"""How far resident memory has to grow before shared pages are looked at again: the kernel
walks every page for that, milliseconds a process, and would take them from the command."""

MIB = 2**20


@dataclass(frozen=True, kw_only=True)
class Program:
    """What one program took, over all of its processes in a command's tree."""

    processes: int
    peak_mib: float
    """Of its largest process."""

    cpu: float
    """Seconds, as last seen: up to 50 ms a process are missing."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """A command that has ended, and what it took."""

    code: int
    seconds: float
    cpu: float
    """User and system time of the command and everything that it started."""

    peak_mib: float
    """Greatest sum of proportional memory (PSS) over the tree: a page that several
    processes share counts once."""

    resident_mib: float
    """Greatest sum of resident memory (RSS): a shared page counts in each process."""

    programs: Mapping[str, Program]
    strays: tuple[int, ...]
    """Processes that outlived the command and had to be killed."""

    stdout: str = field(repr=False)
    stderr: str = field(repr=False)


def run(command: Sequence[str | Path], *, env: Mapping[str, str], stdin: Path | None = None) -> Run:
    """Run a command in a session of its own, and watch its whole tree.

    Args:
        command: The program and its arguments.
        env: Its whole environment.
        stdin: A file that it reads; nothing when None.
    """
    source = stdin or Path(os.devnull)
    with (
        source.open("rb") as given,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
    ):
        began = time.monotonic()
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=given,
            stdout=out,
            stderr=err,
            env=dict(env),
            start_new_session=True,  # a Ctrl-C reaches us alone
        )
        with _Sampler(process.pid) as sampler:
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        orphans, strays = reap(sampler.seen - {process.pid})
        return Run(
            code=process.returncode,
            seconds=seconds,
            cpu=usage.ru_utime + usage.ru_stime + orphans,
            peak_mib=sampler.proportional / MIB,
            resident_mib=sampler.resident / MIB,
            programs=sampler.programs(),
            strays=tuple(strays),
            stdout=_text(out),
            stderr=_text(err),
        )


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def program_of(command: Sequence[str]) -> str:
    """Name a process by its command line; for Python, by what it runs.

    >>> program_of(["/usr/bin/kubectl", "apply"])
    'kubectl'
    >>> program_of(["/venv/bin/python", "/venv/bin/practicum", "up"])
    'practicum'
    >>> program_of(["/venv/bin/python3", "-m", "provisioner.pulumi_stack.worker"])
    'worker'
    """
    name = Path(command[0]).name if command else "?"
    if not name.startswith("python"):
        return name
    ran = next((part for part in command[1:] if not part.startswith("-")), name)
    return ran.rpartition(".")[2] if "-m" in command[:3] else Path(ran).name


@dataclass
class _Seen:
    """One process, as it was last seen."""

    process: psutil.Process
    name: str = ""
    peak: int = 0
    cpu: float = 0.0

    def look(self) -> int:
        """Return the resident memory now; 0 when the process has ended."""
        with suppress(psutil.Error), self.process.oneshot():
            resident: int = self.process.memory_info().rss
            times = self.process.cpu_times()
            # Always anew: right after its fork a process still has its parent's name.
            self.name = program_of(self.process.cmdline()) if resident else self.name
            self.cpu = times.user + times.system
            self.peak = max(self.peak, resident)
            return resident
        return 0

    def share(self) -> int:
        """Return its part of the memory, a shared page split evenly; 0 when it has ended."""
        with suppress(OSError):
            smaps = Path("/proc", str(self.process.pid), "smaps_rollup").read_text()
            return 1024 * sum(
                int(line.split()[1]) for line in smaps.splitlines() if line.startswith("Pss:")
            )
        return 0


class _Sampler(threading.Thread):
    """Looks at a process tree again and again, until the block ends."""

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self.resident = 0
        self.proportional = 0
        self._weighed = 0.0
        self._root = root
        self._known: dict[int, _Seen] = {}
        self._over = threading.Event()

    def __enter__(self) -> _Sampler:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()

    @property
    def seen(self) -> set[int]:
        """Every process of the tree that was seen, by id."""
        return set(self._known)

    def run(self) -> None:
        """Look until told to stop."""
        look = 0
        while True:
            if look % DISCOVER == 0:
                self._discover()
            self._weigh(sum(seen.look() for seen in self._known.values()))
            look += 1
            if self._over.wait(EVERY):
                return

    def _weigh(self, resident: int) -> None:
        self.resident = max(self.resident, resident)
        if resident > GROWTH * self._weighed:
            self._weighed = resident
            shares = sum(seen.share() for seen in self._known.values())
            self.proportional = max(self.proportional, shares)

    def _discover(self) -> None:
        # Not from the root alone: what lost its parent hangs below us then, not below it.
        for pid in list_trees({self._root, *self._known}):
            if pid not in self._known:
                with suppress(psutil.Error):
                    self._known[pid] = _Seen(psutil.Process(pid))

    def programs(self) -> dict[str, Program]:
        """Sum up the tree by program."""
        names = sorted({seen.name for seen in self._known.values() if seen.name})
        return {name: self._program(name) for name in names}

    def _program(self, name: str) -> Program:
        group = [seen for seen in self._known.values() if seen.name == name]
        return Program(
            processes=len(group),
            peak_mib=round(max(seen.peak for seen in group) / MIB, 1),
            cpu=round(sum(seen.cpu for seen in group), 2),
        )
