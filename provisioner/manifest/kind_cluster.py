"""One student's kind cluster, as an object of our own that no API server ever sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import labels, objects
from .objects import Manifest

if TYPE_CHECKING:
    from ..cohort import Cohort, Record
    from ..cohort.clusters import Berth

API_VERSION = "practicum/v1"
KIND_CLUSTER = "KindCluster"


def kind_cluster(cohort: Cohort, record: Record, berth: Berth) -> Manifest:
    """Return what a student's cluster is to be."""
    kind = cohort.kind
    assert kind is not None
    engine = next(one for one in kind.engines if one.name == berth.engine)
    spec = {
        "image": berth.image,
        "workers": kind.workers,
        "ports": [
            {"host": host, "node": node, "protocol": "TCP"} for host, node in sorted(berth.ports)
        ],
        "address": kind.address_of(engine),
        "server_port": berth.server_port,
        "names": list(kind.names_of(engine)),
        "running": not record.suspended,
    }
    return as_object(cohort.name, record.name, berth.cluster, spec)


def as_object(cohort: str, student: str, name: str, spec: dict[str, Any]) -> Manifest:
    """Put a cluster into the form in which plans compare things."""
    marks = {labels.COHORT: cohort, labels.STUDENT: student}
    return objects.make(API_VERSION, KIND_CLUSTER, name, labels=marks, spec=spec)


def cluster_part(student: str) -> str:
    """Return what the stack of one student's cluster is called among a cohort's stacks.

    >>> from .stack import stack_name
    >>> stack_name("demo", cluster_part("ada"))
    'demo.cluster-ada'
    """
    return f"cluster-{student}"
