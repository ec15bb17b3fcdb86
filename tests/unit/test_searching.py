"""What the proof goes through: every type that is served, in whichever version, and each once."""

from __future__ import annotations

from collections import Counter

import pytest

from provisioner import cluster
from provisioner.errors import ClusterError


def resource(plural, kind, *verbs, scope="Namespaced", below=()):
    return {
        "resource": plural,
        "scope": scope,
        "verbs": list(verbs) or ["get", "list"],
        "responseKind": {"kind": kind},
        "subresources": [{"subresource": one, "verbs": ["get"]} for one in below],
    }


def group(name, **versions):
    served = [{"version": one, "resources": list(said)} for one, said in versions.items()]
    return {"metadata": {"name": name} if name else {}, "versions": served}


CORE = group(
    "", v1=[resource("pods", "Pod", below=["status"]), resource("bindings", "B", "create")]
)
GATES = group(
    "gates.example.org",
    v1=[resource("gates", "Gate")],
    v1alpha1=[resource("filters", "Filter"), resource("gates", "Gate")],
)
DEAD = {"metadata": {"name": "dead.example.org"}, "versions": [
    {"version": "v1", "freshness": "Stale", "resources": []}]}  # fmt: skip


class Served:
    """Serves some groups; in each list one object carries the cohort's mark."""

    def __init__(self, *groups):
        self.groups = groups
        self.lists: Counter[str] = Counter()

    def request(self, method, path, *, accept="", body=None):
        if method == "POST":
            return {"status": {"allowed": True}}
        assert "APIGroupDiscoveryList" in accept
        core = [one for one in self.groups if "name" not in one["metadata"]]
        others = [one for one in self.groups if one not in core]
        return {"items": core if path == "/api" else others}

    def pages(self, path, **_):
        self.lists[path] += 1
        labels = {"practicum.dev/cohort": "mls26"}
        return iter([{"metadata": {"name": "left", "namespace": "default", "labels": labels}}])

    def each(self, call, items):
        return [(item, call(item)) for item in items]


def test_a_type_that_the_groups_first_version_lacks_is_searched_too():
    client = Served(CORE, GATES)

    found = cluster.search(client, "mls26", [])

    assert found.remaining == [
        "filters.gates.example.org default/left carries the cohort's mark",
        "gates.gates.example.org default/left carries the cohort's mark",
        "pods default/left carries the cohort's mark",
    ]


def test_the_search_lists_each_type_once_in_whatever_many_versions_it_is_served():
    """Its cost is types times pages; what cannot be listed is no type that could be searched."""
    client = Served(CORE, GATES)

    found = cluster.search(client, "mls26", [])

    assert client.lists == {
        "/api/v1/pods": 1,
        "/apis/gates.example.org/v1/gates": 1,
        "/apis/gates.example.org/v1alpha1/filters": 1,
    }
    assert found.searched == dict.fromkeys(
        ("pods", "gates.gates.example.org", "filters.gates.example.org"), 1
    )


def test_a_group_that_does_not_answer_is_one_that_was_not_searched():
    found = cluster.search(Served(CORE, DEAD), "mls26", [])

    assert found.unlisted == ["dead.example.org/v1: it does not answer"]


def test_a_server_that_does_not_tell_what_it_serves_proves_nothing():
    class Old(Served):
        def request(self, *_, **__):
            return {"groups": []}

    with pytest.raises(ClusterError, match="does not tell"):
        cluster.search(Old(), "mls26", [])
