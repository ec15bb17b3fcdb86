"""Work made after the counting would be deleted unseen: who is to go is shut out before it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from provisioner.cluster import Found
from provisioner.errors import ClusterError, InputError, Interrupted
from provisioner.lifecycle.archives import archiving, last_archive
from provisioner.lifecycle.archives.kept import Archived
from provisioner.manifest import STUDENT, ObjectKey

from ..sample import NAME, cohort
from .conftest import Answer

HERE = {"s1": "mls26--s1", "s2": "mls26--s2"}
KEY = "age1ycelprzvxgwtw73k6knf08urwe75va8u3gw3lqnx265avh2w0drsvjelun"


def namespace(student, **metadata):
    name = HERE[student]
    return {"kind": "Namespace",
            "metadata": {"name": name, "uid": name, "labels": {STUDENT: student}, **metadata}}  # fmt: skip


def binding(student, name="practicum-student"):
    return {
        "kind": "RoleBinding",
        "metadata": {"name": name, "namespace": HERE[student], "uid": student, "labels": {"a": "b"},
                     "resourceVersion": "7"},
        "roleRef": {"name": "role"},
        "subjects": [{"kind": "ServiceAccount", "name": student}],
    }  # fmt: skip


@pytest.fixture
def reading(server, client):
    server.will("DELETE", Answer(body={}))
    server.will("PATCH", Answer(body={}))
    found = [binding("s1"), binding("s2"), binding("s1", "practicum-assistants")]
    owned = {
        ObjectKey("RoleBinding", one["metadata"]["namespace"], one["metadata"]["name"]): one
        for one in found
    }
    return SimpleNamespace(
        cohort=cohort(course_key=KEY), client=client, records={}, id_of=lambda name: name,
        found=Found(cohort=NAME, uid="u", owned=owned, namespaces={}),
    )  # fmt: skip


@pytest.fixture
def keep(reading, server, monkeypatch):
    """Archive both, or fail as is said; what was asked of the cluster until then is noted."""

    def keep(answer, *namespaces):
        def archived(_settings, _reading, lives, _progress):
            keep.before = [one.method for one in server.asked]
            keep.lives = [live["metadata"]["name"] for live in lives]
            if isinstance(answer, BaseException):
                raise answer
            return answer

        monkeypatch.setattr(archiving, "keep", archived)
        found = list(namespaces) or [namespace("s1"), namespace("s2")]
        return last_archive.before_deletion(None, reading, found, None)

    return keep


def changes(server):
    return [(one.method, one.path.split("/")[5]) for one in server.asked]


def test_everybody_is_shut_out_before_anything_is_counted(server, keep):
    kept = keep(Archived(cohort=NAME))

    assert keep.before == ["DELETE", "DELETE"]
    assert sorted(changes(server)) == [("DELETE", HERE["s1"]), ("DELETE", HERE["s2"])]
    assert {one.path.rpartition("/")[2] for one in server.asked} == {"practicum-student"}
    assert {one.body["preconditions"]["uid"] for one in server.asked} == {"s1", "s2"}
    assert kept.failed == {}


def test_who_could_not_be_archived_is_let_in_again(server, keep):
    kept = keep(Archived(cohort=NAME, failed={"s1": "no"}, failed_ids={"s1": "no"}))

    assert changes(server)[2:] == [("PATCH", HERE["s1"])]
    body = server.asked[-1].body
    assert body["metadata"] == {
        "name": "practicum-student", "namespace": HERE["s1"], "labels": {"a": "b"}
    }  # fmt: skip
    assert body["subjects"] == [{"kind": "ServiceAccount", "name": "s1"}]
    assert kept.failed == {"s1": "no"}


def test_where_that_is_refused_it_is_told(server, keep):
    server.will("PATCH", Answer(403, {"message": "no rights", "reason": "Forbidden"}))

    kept = keep(Archived(cohort=NAME, failed={"s1": "no"}, failed_ids={"s1": "no"}))

    assert kept.failed["s1"].startswith("no; nor was access put back, which `up` does: RoleBinding")
    assert kept.failed_ids == kept.failed


@pytest.mark.parametrize(
    "error", [ClusterError("silent"), InputError("full"), Interrupted("stop"), KeyboardInterrupt()]
)
def test_where_it_comes_to_nothing_everybody_is_let_in_again(server, keep, error):
    with pytest.raises(type(error)):
        keep(error)

    assert sorted(changes(server)[2:]) == [("PATCH", HERE["s1"]), ("PATCH", HERE["s2"])]


def test_who_cannot_be_shut_out_keeps_all_there_is(server, keep):
    server.will("DELETE", Answer(403, {"message": "no rights", "reason": "Forbidden"}))

    kept = keep(Archived(cohort=NAME), namespace("s1"))

    assert keep.lives == []
    assert kept.failed["s1"].startswith("was not archived, for access stays: RoleBinding")
    assert kept.failed_ids == kept.failed


def test_a_namespace_that_is_going_already_is_let_alone(server, keep):
    keep(Archived(cohort=NAME), namespace("s1", deletionTimestamp="2026-12-01T08:00:00Z"))

    assert server.asked == []
