"""A kind cluster as a Pulumi resource, served by ``pulumi-resource-practicum``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import pulumi


@dataclass(frozen=True, kw_only=True)
class KindClusterArgs:
    """What a cluster is to be. Only ``running`` can change without a new cluster."""

    name: str
    cohort: str
    student: str
    image: str
    workers: int = 0
    ports: tuple[Mapping[str, int | str], ...] = ()
    """``{"host": 20001, "node": 30001, "protocol": "TCP"}`` each."""

    address: str = "127.0.0.1"
    running: bool = True


class KindCluster(pulumi.CustomResource):
    """One student's cluster."""

    TYPE = "practicum:kind:Cluster"

    server: pulumi.Output[str]
    """Where its API server answers. The kubeconfig is no output: it would be in the state."""

    complete: pulumi.Output[bool]
    """Whether kind had made all of it."""

    def __init__(
        self, name: str, args: KindClusterArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        inputs = {**asdict(args), "ports": [dict(port) for port in args.ports]}
        super().__init__(self.TYPE, name, {**inputs, "server": None, "complete": None}, opts)
