"""Pods of a verification: one that answers, and some that try to reach what they are told.

They are made by a scratch student, with the student's rights and within the student's
ceiling. What a pod found it says itself, when its containers end: nobody has to get in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .. import cluster
from ..cluster import Client
from ..manifest import Manifest

PORT = 8080
OPEN = "open"
SILENCE = "silence"
REFUSED = "refused"
NO_NAME = "no name"

_WORDS = {"TIMEOUT": SILENCE, "REFUSED": REFUSED, "DNS": NO_NAME}
_TURNED_AWAY = ("no route to host", "unreachable", "prohibited", "not permitted")
"""How it sounds where a network says no, and does not keep silent."""


@dataclass(frozen=True, kw_only=True)
class Ground:
    """Where pods of one scratch student run, and who makes them."""

    client: Client
    namespace: str
    image: str


@dataclass(frozen=True, kw_only=True)
class Server:
    """A pod that answers, and the ways to it."""

    pod: str
    """Address and port of the pod."""

    service: str = ""
    """Address and port of its Service; empty where the course offers none."""

    name: str = ""
    """Name and port of its Service."""

    def ways(self, whose: str) -> dict[str, str]:
        """Return the targets that lead to it, by what they are to be called."""
        found = {"pod": self.pod, "service": self.service, "name": self.name}
        return {f"{whose}-{way}": target for way, target in found.items() if target}


def serve(ground: Ground, *, service: bool) -> Server:
    """Start a pod that answers, with a Service where the course offers them.

    Raises:
        NotRunError: If it does not run.
        ClusterError: If the cluster cannot be reached.
    """
    container = _container(ground, "server", ["netexec", f"--http-port={PORT}"])
    _create(ground, "pods", _pod("verify-server", [container]))
    address = ""
    if service:
        spec = {"selector": {"verify": "verify-server"}, "ports": [{"port": PORT}]}
        metadata = {"name": "verify-server"}
        made = _create(ground, "services", {"kind": "Service", "metadata": metadata, "spec": spec})
        address = made["spec"]["clusterIP"]
    live = _await(ground, "verify-server", cluster.is_ready)
    return Server(
        pod=_target(live["status"]["podIP"]),
        service=_target(address) if address else "",
        name=f"verify-server.{ground.namespace}.svc:{PORT}" if address else "",
    )


def ask(
    ground: Ground, pod: str, targets: Mapping[str, str], node: str = "", *, patience: int
) -> dict[str, str]:
    """Try to reach some targets from a new pod; return what came of each, by its name.

    Args:
        ground: Where.
        pod: The name of the pod.
        targets: Host and port of each.
        node: Where the pod is to run; anywhere when empty.
        patience: Seconds that it is there before it asks, and that then count as silence.

    Raises:
        NotRunError: If the pod does not run.
        ClusterError: If the cluster cannot be reached.
    """
    containers = [
        _container(ground, name, ["connect", target, f"--timeout={patience}s"])
        for name, target in targets.items()
    ]
    described = _pod(pod, containers, node)
    described["spec"]["initContainers"] = [_settling(ground, patience)]
    _create(ground, "pods", described)
    live = _await(ground, pod, cluster.has_ended)
    cluster.remove_pod(ground.client, ground.namespace, pod)
    return {
        one["name"]: _answer(one["state"]["terminated"]) for one in cluster.pod_containers(live)
    }


def _answer(ended: Mapping[str, Any]) -> str:
    if ended["exitCode"] == 0:
        return OPEN
    said = str(ended.get("message") or "").strip().splitlines()
    last = said[-1] if said else f"exit code {ended['exitCode']}"
    if any(words in last for words in _TURNED_AWAY):
        return SILENCE
    return _WORDS.get(last.split(":")[0].strip(), last)


def _pod(name: str, containers: list[Manifest], node: str = "") -> Manifest:
    """Describe a pod that the strictest Pod Security level lets run."""
    spec: Manifest = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 0,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65534,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": containers,
    }
    if node:
        spec["nodeSelector"] = {"kubernetes.io/hostname": node}
    return {"kind": "Pod", "metadata": {"name": name, "labels": {"verify": name}}, "spec": spec}


def _container(ground: Ground, name: str, arguments: list[str]) -> Manifest:
    amounts = {"cpu": "50m", "memory": "32Mi", "ephemeral-storage": "4Mi"}
    return {
        "name": name,
        "image": ground.image,
        "imagePullPolicy": "IfNotPresent",
        "args": arguments,
        "resources": {"requests": amounts, "limits": amounts},
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
    }


def _settling(ground: Ground, seconds: int) -> Manifest:
    """Let the network learn of a pod before it asks.

    Who enforces policies hears of a pod's address a moment after the pod has it. What is let
    through in that moment is no answer; and what is dropped, neither.
    """
    return _container(ground, "settle", []) | {"command": ["sleep", str(seconds)]}


def _create(ground: Ground, plural: str, body: Manifest) -> Manifest:
    return cluster.make_in(ground.client, ground.namespace, plural, body)


def _await(ground: Ground, name: str, holds: Callable[[Manifest], bool]) -> Manifest:
    return cluster.await_pod(ground.client, ground.namespace, name, holds)


def _target(address: str) -> str:
    return f"[{address}]:{PORT}" if ":" in address else f"{address}:{PORT}"
