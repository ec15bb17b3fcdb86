"""The class cluster: made, made ready, looked into."""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provisioner import toolchain
from provisioner.kind.cluster import Clusters
from provisioner.kind.docker import Engine
from provisioner.kind.looking import look
from provisioner.kind.wanted import Wanted
from provisioner.toolchain.pins import KUBERNETES

from . import node_image

SYSTEM = Path(__file__).with_name("system.yaml")
STUDENT = "class"
DAEMON = ("--namespace=kube-system", "daemonset/class-policies")


@dataclass(frozen=True, kw_only=True)
class ClassCluster:
    """Three nodes, of which two take pods."""

    name: str
    engine: Engine
    kubeconfig: Path
    context: str
    probe_image: str = node_image.PROBE

    @property
    def workers(self) -> tuple[str, str]:
        return f"{self.name}-worker", f"{self.name}-worker2"

    def kubectl(self, *arguments: str, stdin: str | None = None, timeout: float = 300) -> str:
        """Run kubectl as the administrator; fail with what it said when it fails."""
        program = toolchain.find(toolchain.KUBECTL)[toolchain.KUBECTL].path
        result = subprocess.run(
            [program, "--kubeconfig", self.kubeconfig, *arguments],
            input=stdin, capture_output=True, text=True, check=False, timeout=timeout,
        )  # fmt: skip
        assert result.returncode == 0, result.stderr
        return result.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self.kubectl("get", "--output=json", *arguments))

    def enforce(self) -> None:
        """Have the policies obeyed on every node."""
        self.kubectl("apply", "--filename=-", stdin=system())
        self.kubectl("rollout", "status", *DAEMON, "--timeout=240s")

    @contextmanager
    def without_daemon(self) -> Iterator[None]:
        """Take the daemon away for a while; its rules stay."""
        self.kubectl("delete", *DAEMON, "--wait", "--cascade=foreground")
        try:
            yield
        finally:
            self.enforce()

    @contextmanager
    def without_rules(self) -> Iterator[None]:
        """Take the rules away with the daemon: a network that knows no policies."""
        with self.without_daemon():
            for node in (f"{self.name}-control-plane", *self.workers):
                for hook, chain in (("POSTROUTING", "CLASS-PODS"), ("INPUT", "CLASS-NODE")):
                    gone = f"while iptables-nft -w -t mangle -D {hook} -j {chain}; do :; done"
                    self.engine.run("exec", node, "bash", "-c", f"{gone} 2>/dev/null")
            yield


@contextmanager
def running(
    engine: Engine, kind_node_image: str, folder: Path, say: Callable[[str], None]
) -> Iterator[ClassCluster]:
    """Give a class cluster that is ready; it ends with the block."""
    kind = toolchain.find(toolchain.KIND)[toolchain.KIND].path
    clusters = Clusters(engine=engine, kind=kind, say=say)
    name = f"class-{uuid.uuid4().hex[:6]}"
    image = node_image.ensure(engine, kind_node_image, say)
    try:
        clusters.ensure(Wanted(name=name, cohort="tests", student=STUDENT, image=image, workers=2))
        kubeconfig = folder / "admin.kubeconfig"
        kubeconfig.touch(mode=0o600)
        outside = look(engine, name).server
        inside = f"https://{name}-control-plane:6443"
        kubeconfig.write_text(clusters.kubeconfig(name).replace(inside, outside))
        context = f"kubernetes-admin@{name}"
        made = ClassCluster(name=name, engine=engine, kubeconfig=kubeconfig, context=context)
        made.enforce()
        _await_system(made)
        yield made
    finally:
        clusters.remove(name, "tests", STUDENT)


def system() -> str:
    """Return what runs on it, with the names of the images."""
    text = SYSTEM.read_text()
    for word, image in (
        ("PROXY_IMAGE", f"registry.k8s.io/kube-proxy:v{KUBERNETES}"),
        ("POLICIES_IMAGE", node_image.POLICIES),
        ("STORAGE_IMAGE", node_image.STORAGE),
        ("PROBE_IMAGE", node_image.PROBE),
    ):
        text = text.replace(word, image)
    return text


def _await_system(made: ClassCluster) -> None:
    made.kubectl("wait", "nodes", "--all", "--for=condition=Ready", "--timeout=240s")
    for deployed in ("--namespace=kube-system deployment/coredns",
                     "--namespace=class-storage deployment/storage"):  # fmt: skip
        made.kubectl("rollout", "status", *deployed.split(), "--timeout=240s")
