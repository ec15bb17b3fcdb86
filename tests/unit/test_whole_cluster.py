"""What of a whole cluster is the student's: told by type and name."""

from __future__ import annotations

import pytest

from provisioner.cluster.served_types import Type
from provisioner.lifecycle.own_clusters import whole_cluster

ROLES = "clusterroles.rbac.authorization.k8s.io"
CLASSES = "priorityclasses.scheduling.k8s.io"


def item(name, **labels):
    return {"metadata": {"name": name, "labels": labels}}


@pytest.mark.parametrize(
    ("type", "name", "students"),
    [
        (ROLES, "system:node", False),
        (ROLES, "kindnet", False),
        (ROLES, "system-of-mine", True),
        (CLASSES, "system-node-critical", False),
        ("persistentvolumes", "system-disk", True),
        ("customresourcedefinitions.apiextensions.k8s.io", "kindnets.example.org", True),
        ("gatewayclasses.gateway.networking.k8s.io", "kindnet", True),
        ("storageclasses.storage.k8s.io", "standard", False),
    ],
)
def test_names_of_the_system_hide_nothing_of_other_types(type, name, students):
    assert whole_cluster._is_the_students(type, item(name), set()) is students


def test_every_type_that_somebody_defined_is_kept_whatever_its_group(monkeypatch):
    def type(plural, group):
        return Type(group=group, version="v1", plural=plural, namespaced=False, verbs=("list",))

    served = [
        type("gatewayclasses", "gateway.networking.k8s.io"),
        type("flowschemas", "flowcontrol.apiserver.k8s.io"),
        type("things", "example.org"),
        type("namespaces", ""),
        type("nodes", ""),
    ]
    defined = [item("gatewayclasses.gateway.networking.k8s.io")]
    monkeypatch.setattr(whole_cluster.cluster, "served", lambda _: (served, ()))
    monkeypatch.setattr(whole_cluster, "all_of", lambda *_: defined)

    found = {str(one) for one in whole_cluster.outer_types(None)}

    assert found == {"gatewayclasses.gateway.networking.k8s.io", "things.example.org", "namespaces"}
