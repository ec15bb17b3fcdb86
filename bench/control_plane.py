"""The rehearsal that everything is measured on: what it takes, and what it was asked."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from provisioner import cluster, rehearsal

from .audit import FENCE, Requests, count, deleting
from .audit_log import AuditLog

USER = "rehearsal-admin"
SERVERS = ("etcd", "kube-apiserver")
"""Whose CPU time a case is charged with; the controllers go on after its end."""

CALM = 0.10
"""Share of a core below which the control plane has nothing left to do."""

PATIENCE = 60.0
"""Seconds that it gets to become calm."""


@dataclass(frozen=True)
class ControlPlane:
    """A rehearsal that is up."""

    home: Path
    found: rehearsal.Rehearsal
    processes: dict[str, psutil.Process]
    log: AuditLog

    @classmethod
    def start(cls, home: Path) -> ControlPlane:
        """Start a fresh rehearsal, whatever an earlier run left there.

        Raises:
            PracticumError: If a tool is missing or does not start.
        """
        rehearsal.down(home)
        found = rehearsal.up(home, say=lambda line: print(line, flush=True))
        processes = {
            item.name: psutil.Process(item.pid)
            for item in rehearsal.status(home).processes
            if item.pid
        }
        return cls(home, found, processes, AuditLog(home / "rehearsal" / "audit.log"))

    @staticmethod
    def clear(home: Path) -> None:
        """End the rehearsal of a home folder, also one that never came up.

        Raises:
            ToolError: If one of its processes does not end.
        """
        rehearsal.down(home)

    @property
    def folder(self) -> Path:
        """Where everything of the rehearsal lies."""
        return self.home / "rehearsal"

    @property
    def port(self) -> int:
        """The loopback port of the API server."""
        port = urlsplit(self.found.server).port
        assert port is not None  # the rehearsal always writes it
        return port

    @property
    def etcd_mib(self) -> float:
        """The size of etcd's file, which grows until old revisions are compacted."""
        return (self.folder / "etcd" / "member" / "snap" / "db").stat().st_size / 2**20

    def cpu(self, names: Iterable[str] = SERVERS) -> float:
        """CPU seconds that some of its programs have taken since their start."""
        times = [self.processes[name].cpu_times() for name in names]
        return sum(taken.user + taken.system for taken in times)

    def settle(self) -> None:
        """Wait until the controllers have dealt with what the last case left them."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            before = self.cpu(self.processes)
            time.sleep(0.4)
            if self.cpu(self.processes) - before < 0.4 * CALM * len(self.processes):
                return

    def mark(self) -> int:
        """Remember this moment: all requests until now are in the log before it.

        Raises:
            ClusterError: If the API server does not answer.
        """
        client = cluster.Client(cluster.load(self.found.kubeconfig, self.found.context))
        fence, start = f"{FENCE}{uuid.uuid4()}", self.log.end()
        client.request("GET", f"/version?{fence}")
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            log = self.log.read(start)
            position = log.find(fence.encode())
            end = log.find(b"\n", position)
            if position >= 0 and end >= 0:
                return start + end + 1
            time.sleep(0.01)
        raise TimeoutError("a request did not appear in the audit log")

    def requests_since(self, mark: int) -> Requests:
        """Count what was asked of the API server since a mark, the controllers left out."""
        end = self.mark()
        return count(self.log.read(mark)[: end - mark].splitlines(), USER)

    def deleting_since(self, mark: int) -> float:
        """Return the seconds that namespaces took to go since a mark."""
        return deleting(self.log.read(mark).splitlines(), USER)

    def write_kubeconfig(self, path: Path, port: int) -> Path:
        """Write a kubeconfig that reaches the API server by another loopback port."""
        config = json.loads(self.found.kubeconfig.read_bytes())
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{port}"
        path.touch(mode=0o600)
        path.write_text(json.dumps(config), encoding="utf-8")
        return path
