"""Where a run takes place: folders, tools, networks; and the one way to measure a case."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from provisioner import toolchain

from . import evidence, measure
from .control_plane import ControlPlane
from .results import DOWN, FAR, LOOPBACK, Measurement

ROUND_TRIP = 0.025


class CaseError(Exception):
    """A command did not do what it was to do, so the rest of its round says nothing."""


@dataclass(frozen=True)
class Network:
    """A way to the API server."""

    name: str
    kubeconfig: Path
    port: int


@dataclass(frozen=True)
class Case:
    """What is measured, of whom."""

    subject: str
    name: str
    students: int
    network: Network

    def __str__(self) -> str:
        return f"{self.network.name:>8}  {self.students:>4} students  {self.subject} {self.name}"


@dataclass
class Stage:
    """Everything that a case needs."""

    folder: Path
    control_plane: ControlPlane
    networks: Mapping[str, Network]
    tools: Mapping[str, toolchain.Tool]

    began: float = field(default_factory=time.monotonic)
    unit: str = ""
    """The part of the run that is being played."""

    last: tuple[Sequence[str | Path], measure.Run] | None = None
    """What ran last."""

    @property
    def kubectl(self) -> Path:
        """The yardstick's own program."""
        return self.tools[toolchain.KUBECTL].path

    def environment(self) -> dict[str, str]:
        """Return the environment of every command: nothing of the person's clusters."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PRACTICUM_", "KUBE", "PULUMI_"))
        }
        return kept | {"HOME": str(self.folder), "XDG_CACHE_HOME": _cache_home()}

    def run(
        self,
        command: Sequence[str | Path],
        stdin: Path | None = None,
        more: Mapping[str, str] | None = None,
    ) -> measure.Run:
        """Run a command that has to succeed.

        Args:
            command: The program and its arguments.
            stdin: A file that it reads.
            more: What it has in its environment besides.

        Raises:
            CaseError: If it fails, or leaves processes behind.
        """
        run = measure.run(command, env=self.environment() | dict(more or {}), stdin=stdin)
        self.last = command, run
        if run.code or run.strays:
            self.keep()
        if run.code:
            last = "\n".join((run.stderr or run.stdout).strip().splitlines()[-8:])
            raise CaseError(f"{Path(command[0]).name} exited with {run.code}:\n{last}")
        if run.strays:
            raise CaseError(f"{Path(command[0]).name} left {len(run.strays)} processes running")
        return run

    def measure(
        self,
        case: Case,
        command: Sequence[str | Path],
        stdin: Path | None = None,
        more: Mapping[str, str] | None = None,
    ) -> tuple[Measurement, str]:
        """Run a command once the control plane is calm; return the figures and its output.

        Raises:
            CaseError: If it fails.
        """
        self.control_plane.settle()
        mark, before = self.control_plane.mark(), self._clocks()
        run = self.run(command, stdin, more)
        server, known, machine = (
            after - earlier for after, earlier in zip(self._clocks(), before, strict=True)
        )
        found = Measurement(
            subject=case.subject,
            case=case.name,
            students=case.students,
            network=case.network.name,
            seconds=round(run.seconds, 3),
            cpu=round(run.cpu, 2),
            server_cpu=round(server, 2),
            others_cpu=round(max(0.0, machine - known - run.cpu), 2),
            peak_mib=round(run.peak_mib, 1),
            resident_mib=round(run.resident_mib, 1),
            programs=run.programs,
            requests=self.control_plane.requests_since(mark),
            etcd_mib=round(self.control_plane.etcd_mib, 1),
            deleting=self._deleting(case, mark),
            unit=self.unit,
        )
        self.say(f"{case}: {found.seconds:.2f} s")
        return found, run.stdout

    def _deleting(self, case: Case, mark: int) -> float:
        return round(self.control_plane.deleting_since(mark), 2) if case.name == DOWN else 0.0

    def keep(self) -> None:
        """Keep what is known of what ran last, and tell where: it did not do what it was to do."""
        if self.last is not None:
            home = self.control_plane.home
            kept = evidence.keep(*self.last, home, home.with_name(f"{home.name}-failed"))
            self.say(f"what it left is kept in {kept}")

    def say(self, line: str) -> None:
        """Tell how far we are."""
        print(f"{time.monotonic() - self.began:6.0f} s  {line}", flush=True)

    def _clocks(self) -> tuple[float, float, float]:
        """CPU seconds so far: etcd and API server; all that is ours; the whole machine."""
        own = psutil.Process().cpu_times()
        beside = [child.cpu_times() for child in psutil.Process().children()]
        # Children hold the proxy and the control plane; the measured command is not yet,
        # or no longer, among them.
        ours = sum(times.user + times.system for times in (own, *beside))
        machine = psutil.cpu_times()
        return self.control_plane.cpu(), ours, sum(machine) - machine.idle - machine.iowait


def _cache_home() -> str:
    """The toolchain's cache, which the changed HOME would hide."""
    return os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")


@contextmanager
def networks(control_plane: ControlPlane, folder: Path) -> Iterator[dict[str, Network]]:
    """Yield the ways to the API server; the far one lasts as long as the block."""
    near = Network(LOOPBACK, control_plane.found.kubeconfig, control_plane.port)
    proxy = subprocess.Popen(
        [sys.executable, "-m", "bench.proxy", str(near.port), str(ROUND_TRIP)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with proxy:
        assert proxy.stdin is not None and proxy.stdout is not None  # noqa: PT018
        try:
            port = int(proxy.stdout.readline())
            kubeconfig = control_plane.write_kubeconfig(folder / "far.kubeconfig", port)
            yield {LOOPBACK: near, FAR: Network(FAR, kubeconfig, port)}
        finally:
            proxy.stdin.close()
            proxy.wait()
