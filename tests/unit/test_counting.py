"""A quota that counts nothing yet refuses all: whoever is given access then can begin at once."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from provisioner import cluster, manifest
from provisioner.cluster import Found
from provisioner.lifecycle.access import giving
from provisioner.lifecycle.own_clusters import scoped
from provisioner.lifecycle.progress import Silent
from provisioner.manifest import ObjectKey

from ..sample import NAME, cohort, record
from .conftest import Answer

COUNTED = {"pods": "20"}


def quota(namespace, counted=None):
    return {
        "kind": "ResourceQuota",
        "metadata": {"name": "practicum", "namespace": namespace},
        "spec": {"hard": {"pods": "20"}},
        "status": {"hard": counted} if counted else {},
    }


def desk(client, *quotas):
    owned = {ObjectKey("ResourceQuota", one["metadata"]["namespace"], "practicum"): one
             for one in quotas}  # fmt: skip
    found = Found(cohort=NAME, uid="", owned=owned, namespaces={})
    reading = SimpleNamespace(client=client, cohort=cohort(), found=found)
    return SimpleNamespace(reading=reading)


def tells(server, *quotas):
    events = [json.dumps({"type": "MODIFIED", "object": one}).encode() + b"\n" for one in quotas]
    server.will("GET", Answer(chunks=events))


@pytest.fixture
def give(monkeypatch):
    """Give one student a kubeconfig at a desk; what is asked for that alone is left out."""
    monkeypatch.setattr(giving.desk, "give", lambda *_, **__: "given")
    monkeypatch.setattr(giving.desk, "take_back_revoked", lambda *_: {})
    pair = (record(), SimpleNamespace(id="20260001"))
    return lambda found: giving._give_all(found, [pair], Silent(), giving.AT_ONCE)


def test_where_all_is_counted_nothing_more_is_asked(server, client, give):
    give(desk(client, quota("a", COUNTED), quota("b", COUNTED)))

    assert server.asked == []


def test_who_gets_nothing_waits_for_nothing(server, client):
    assert giving._give_all(desk(client, quota("a")), [], Silent(), giving.AT_ONCE)[0] == ()
    assert server.asked == []


@pytest.mark.parametrize("counted", [None, {"pods": "10"}])
def test_all_that_are_new_are_waited_for_in_one_request(server, client, give, counted):
    new = [quota(name, counted) for name in "ab"]
    tells(server, *new, quota("a", COUNTED), quota("b", COUNTED), quota("c", COUNTED))

    give(desk(client, *new, quota("c", COUNTED)))

    (asked,) = server.asked
    assert asked.path.startswith("/api/v1/resourcequotas?")
    assert "watch=true" in asked.path


def test_a_cluster_that_never_counts_or_refuses_to_tell_holds_nobody_up(server, client, give):
    tells(server, quota("a"))  # and the server ends the watch
    give(desk(client, quota("a")))

    server.will("GET", Answer(403, {"message": "forbidden"}))
    give(desk(client, quota("a")))

    assert len(server.asked) == 2


def test_a_new_environment_in_a_students_own_cluster_is_waited_for_and_one_that_is_there_not(
    server, client, monkeypatch
):
    awaited = []
    monkeypatch.setattr(cluster, "apply", lambda *_: None)
    monkeypatch.setattr(cluster, "await_counted", lambda *about: awaited.append(about[2]))
    course, student = cohort(), record()
    wanted = (*manifest.guard(course), *manifest.environment(course, student))
    reading = desk(client).reading

    scoped._make_environment(reading, student)
    there = {manifest.key_of(one): one for one in wanted}
    reading.found = Found(cohort=NAME, uid="", owned=there, namespaces={})
    scoped._make_environment(reading, student)

    namespaces = [one["metadata"]["namespace"] for one in wanted if one["kind"] == "ResourceQuota"]
    assert awaited == [namespaces, []]
