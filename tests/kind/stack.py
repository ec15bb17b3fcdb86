"""A stack with one cluster, driven by the real engine; and what the container engine has of it."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provisioner import toolchain
from provisioner.kind.cluster import Clusters
from provisioner.kind.docker import Engine
from provisioner.kind.found import Found, network_name
from provisioner.kind.looking import look
from provisioner.pulumi_stack.backend import Backend
from provisioner.toolchain import cache

from ..cluster.runs import kill_family

ROOT = Path(__file__).parents[2]


@dataclass
class Stack:
    """A stack with one cluster."""

    folder: Path
    engine: Engine
    name: str
    image: str
    more_env: dict[str, str] = field(default_factory=dict)
    started: subprocess.Popen[str] | None = None

    def up(self, **changed: Any) -> dict[str, int]:
        return self._changes("up", changed)

    def refresh(self, **changed: Any) -> dict[str, int]:
        return self._changes("refresh", changed)

    def destroy(self, **changed: Any) -> dict[str, int]:
        return self._changes("destroy", changed)

    def refused(self, **changed: Any) -> str:
        """Run `up`, which must fail; return what the engine said."""
        told = self._run("up", changed)
        assert "error" in told, told
        return str(told["error"])

    def start(self, **changed: Any) -> subprocess.Popen[str]:
        """Start `up`, and do not wait for its end."""
        self.started = subprocess.Popen(
            self._command("up", changed), env=self._env(), cwd=ROOT, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        return self.started

    def end(self) -> None:
        """Leave nothing of it, whatever became of the test."""
        if self.started and self.started.poll() is None:
            kill_family(self.started)
        self.clusters.remove(self.name, "course", "s1")

    @property
    def found(self) -> Found:
        return look(self.engine, self.name)

    @property
    def clusters(self) -> Clusters:
        kind = toolchain.find("kind")["kind"].path
        return Clusters(engine=self.engine, kind=kind, say=lambda _: None)

    @property
    def saved(self) -> str:
        """All that the run has left on disk."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        return "\n".join(path.read_text(errors="replace") for path in files)

    def kubectl(self, *arguments: str) -> str:
        return self.engine.run("exec", f"{self.name}-control-plane", "kubectl", *arguments)

    def left_over(self) -> list[str]:
        """Every container and network of the cluster, by its id."""
        label = f"label=io.x-k8s.kind.cluster={self.name}"
        network = f"name=^{network_name(self.name)}$"
        containers = self.engine.run("ps", "--all", "--quiet", "--filter", label)
        return [*containers.split(), *self.networks(network)]

    def networks(self, filtered: str) -> list[str]:
        return self.engine.run("network", "ls", "--quiet", "--filter", filtered).split()

    def volumes(self) -> set[str]:
        """The volumes that its nodes have now."""
        nodes = [node.name for node in self.found.nodes]
        if not nodes:
            return set()
        told = json.loads(self.engine.run("inspect", *nodes))
        return {
            mount["Name"] for node in told for mount in node["Mounts"] if mount["Type"] == "volume"
        }

    def _changes(self, operation: str, changed: dict[str, Any]) -> dict[str, int]:
        told = self._run(operation, changed)
        assert "changes" in told, told["error"]
        return dict(told["changes"])

    def _run(self, operation: str, changed: dict[str, Any]) -> dict[str, Any]:
        done = subprocess.run(
            self._command(operation, changed), env=self._env(), cwd=ROOT, text=True,
            check=False, capture_output=True, timeout=900,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-4000:]
        return dict(json.loads(done.stdout))

    def _command(self, operation: str, changed: dict[str, Any]) -> list[str]:
        wanted = {"name": self.name, "cohort": "course", "student": "s1", "image": self.image}
        told = json.dumps(wanted | changed)
        return [
            sys.executable, "-P", "-m", "tests.kind.one_cluster", operation, str(self.folder), told
        ]  # fmt: skip

    def _env(self) -> dict[str, str]:
        pulumi = toolchain.find("pulumi")["pulumi"].path.parent
        scripts = Path(sysconfig.get_path("scripts"))
        home = self.folder / "home"
        backend = Backend(
            home=home, url=f"file://{home}/state", tools=(pulumi, scripts), run="kind test"
        )
        backend.prepare("course")
        # kind would write into the home folder of whoever runs it.
        own = {"HOME": str(self.folder), "PYTHONPATH": str(ROOT)}
        cached = {"XDG_CACHE_HOME": str(cache.root().parents[1])}
        return backend.environment("course") | own | cached | self.more_env
