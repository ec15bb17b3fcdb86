"""A kind cluster as a Pulumi resource, served by ``pulumi-resource-practicum``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import pulumi

from provisioner.manifest import COHORT, STUDENT, Manifest


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
    server_port: int = 0
    """Where its API server listens; kind looks for a free one of our machine when 0."""

    names: tuple[str, ...] = ()
    """By what else its API server is reached."""

    running: bool = True

    @classmethod
    def of(cls, wanted: Manifest) -> KindClusterArgs:
        """Take a cluster as it was rendered."""
        metadata, spec = wanted["metadata"], wanted["spec"]
        whose = {"cohort": metadata["labels"][COHORT], "student": metadata["labels"][STUDENT]}
        lists = {"ports": tuple(spec["ports"]), "names": tuple(spec["names"])}
        return cls(name=metadata["name"], **{**spec, **whose, **lists})


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
        lists = {"ports": [dict(port) for port in args.ports], "names": list(args.names)}
        inputs = {**asdict(args), **lists}
        super().__init__(self.TYPE, name, {**inputs, "server": None, "complete": None}, opts)
