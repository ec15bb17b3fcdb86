"""What a cluster is to be, and what is wrong with that: pure data, no engine is asked."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

LONGEST_NAME = 50
"""kind's own limit."""

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_NAME_OR_ADDRESS = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
MOST_WORKERS = 9
FIRST_PORT, LAST_PORT = 1024, 65535
"""Ports of the host that a student may have; the lower ones are the system's."""

_ALONE: dict[str, Any] = {
    "kind": "ClusterConfiguration",
    # Of the version that kind writes: another one would say it in another form.
    "apiVersion": "kubeadm.k8s.io/v1beta3",
    **{
        name: {"extraArgs": {"leader-elect": "false"}}
        for name in ("controllerManager", "scheduler")
    },
}
"""There is one of each, so there is nobody to elect. After a rest they would wait a quarter of a
minute for the leader of before, which was themselves, and all that students run with them."""


@dataclass(frozen=True, order=True)
class Port:
    """A port of the host that leads into the cluster's first node."""

    host: int
    node: int
    protocol: str = "TCP"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """One cluster of one student."""

    name: str
    cohort: str
    student: str
    image: str
    workers: int = 0
    ports: tuple[Port, ...] = ()
    address: str = "127.0.0.1"
    """Where the API server and the ports listen on the host."""

    server_port: int = 0
    """Where the API server listens; 0: kind looks for a free one, but of our machine, not the
    engine's, and can do so for no address that is not ours."""

    names: tuple[str, ...] = ()
    """By what else the API server is reached: its certificate holds these too."""

    running: bool = True

    @classmethod
    def from_inputs(cls, inputs: Mapping[str, Any]) -> Wanted:
        """Read it from a resource's inputs, in which every number is a float."""
        ports = tuple(
            sorted(
                Port(int(port["host"]), int(port["node"]), str(port.get("protocol", "TCP")))
                for port in inputs.get("ports") or ()
            )
        )
        return cls(
            name=inputs["name"],
            cohort=inputs["cohort"],
            student=inputs["student"],
            image=inputs["image"],
            workers=int(inputs.get("workers", 0)),
            ports=ports,
            address=inputs.get("address", cls.address),
            server_port=int(inputs.get("server_port", 0)),
            names=tuple(map(str, inputs.get("names") or ())),
            running=bool(inputs.get("running", True)),
        )

    def to_outputs(self) -> dict[str, Any]:
        """Return it as a resource's properties; no credential is among them."""
        lists = {"ports": [asdict(port) for port in self.ports], "names": list(self.names)}
        return {**asdict(self), **lists}

    @property
    def fixed(self) -> dict[str, Any]:
        """What kind cannot change about a cluster that is there."""
        return {name: value for name, value in self.to_outputs().items() if name != "running"}

    def digest(self) -> str:
        """Name all that only a new cluster can change."""
        return hashlib.sha256(json.dumps(self.fixed, sort_keys=True).encode()).hexdigest()[:20]

    @property
    def nodes(self) -> list[str]:
        """What kind calls its nodes, that with the API server first."""
        numbers = ("", *range(2, self.workers + 1)) if self.workers else ()
        return [f"{self.name}-control-plane", *(f"{self.name}-worker{n}" for n in numbers)]

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """Say what is wrong: the property, and why."""
        if not _NAME.fullmatch(self.name) or len(self.name) > LONGEST_NAME:
            yield (
                "name",
                f"must be lower-case letters, digits, '.' and '-', at most {LONGEST_NAME}",
            )
        if not 0 <= self.workers <= MOST_WORKERS:
            yield "workers", f"must be from 0 to {MOST_WORKERS}"
        if not _is_address(self.address):
            yield "address", "must be an IP address"
        if not all(_NAME_OR_ADDRESS.fullmatch(name) for name in self.names):
            yield "names", "must be host names or addresses"
        yield from self._port_mistakes()
        if self.server_port and not FIRST_PORT <= self.server_port <= LAST_PORT:
            yield "server_port", f"must be from {FIRST_PORT} to {LAST_PORT}"

    def _port_mistakes(self) -> Iterator[tuple[str, str]]:
        for port in self.ports:
            if not (FIRST_PORT <= port.host <= LAST_PORT and 1 <= port.node <= LAST_PORT):
                yield "ports", f"host ports are from {FIRST_PORT} to {LAST_PORT}, a node's from 1"
        for taken, times in Counter((port.host, port.protocol) for port in self.ports).items():
            if times > 1:
                yield "ports", f"{taken[0]} is there {times} times"

    def kind_config(self) -> str:
        """Write kind's own description of it: JSON, which is YAML too. No mounts, ever."""
        mappings = [
            {
                "hostPort": port.host,
                "containerPort": port.node,
                "protocol": port.protocol,
                "listenAddress": self.address,
            }
            for port in self.ports
        ]
        first = {"role": "control-plane", "image": self.image, "extraPortMappings": mappings}
        more = [{"role": "worker", "image": self.image}] * self.workers
        return json.dumps(
            {
                "kind": "Cluster",
                "apiVersion": "kind.x-k8s.io/v1alpha4",
                "networking": self._networking(),
                "nodes": [first, *more],
                "kubeadmConfigPatches": [
                    json.dumps(_ALONE),
                    *([self._certificate()] if self.names else []),
                ],
            }
        )

    def _networking(self) -> dict[str, Any]:
        port = {"apiServerPort": self.server_port} if self.server_port else {}
        return {"apiServerAddress": self.address, "ipFamily": "ipv4", **port}

    def _certificate(self) -> str:
        """Tell kubeadm by what names the API server is reached, beside those that kind gives it."""
        own = ["localhost", "127.0.0.1", self.address]
        names = list(dict.fromkeys([*own, *self.names]))
        return json.dumps(
            {
                "kind": "ClusterConfiguration",
                "apiServer": {"certSANs": names},
            }
        )


def _is_address(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True
