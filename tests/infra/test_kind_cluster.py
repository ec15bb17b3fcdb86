"""The cluster as a resource: its type is a promise, and it asks for no credential."""

from __future__ import annotations

from infra.kind_cluster import KindCluster, KindClusterArgs
from provisioner.kind.wanted import Wanted

ARGS = KindClusterArgs(
    name="course-s1",
    cohort="course",
    student="s1",
    image="node:1",
    ports=({"host": 20001, "node": 30001},),
)


def test_a_cluster_is_registered_under_its_type_with_what_the_provider_reads(run):
    recorded = run(lambda: KindCluster("s1", ARGS))

    cluster = recorded.one("s1")
    assert cluster.type == "practicum:kind:Cluster"
    assert Wanted.from_inputs(cluster.inputs).ports[0].host == 20001
    assert cluster.inputs.keys() == Wanted.from_inputs(cluster.inputs).to_outputs().keys()
