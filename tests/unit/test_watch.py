"""What a watch tells, and what it does where a watch breaks."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from provisioner.cluster import Follower, follow
from provisioner.errors import ClusterError
from provisioner.lifecycle.watch import compare, differences
from provisioner.manifest import ObjectKey
from provisioner.report import documents, text

from .conftest import Answer
from .test_report import reading_of

NOW = datetime(2026, 10, 1, 12, tzinfo=UTC)


def test_a_difference_is_told_once_when_it_comes_and_once_when_it_is_right_again():
    events, known = compare({}, [("1", "x")], NOW)
    again, known = compare(known, [("1", "x"), ("2", "y")], NOW + timedelta(minutes=1))
    right, known = compare(known, [("2", "y")], NOW + timedelta(minutes=5))

    assert [(e.event, e.student, e.what) for e in [*events, *again, *right]] == [
        ("differs", "1", "x"), ("differs", "2", "y"), ("right", "1", "x"),
    ]  # fmt: skip
    assert right[0].since == NOW
    assert set(known) == {("2", "y")}


def test_every_action_has_words():
    found = list(differences(reading_of("1234", changed="1", left="9", foreign="3")))

    assert ("2", "the environment is missing") in found
    assert ("3", "Namespace/mls26--s3 is Eve's") in found
    assert ("9", "the environment is there, and the student is not in the roster") in found
    assert {id for id, _ in found} == {"1", "2", "3", "4", "9"}


def test_a_line_says_when_who_what_and_for_how_long():
    [event], known = compare({}, [("1", "x")], NOW)
    [right], _ = compare(known, [], NOW + timedelta(minutes=5))

    assert text.drift(event) == "2026-10-01T12:00:00Z  ~ 1  x"
    assert text.drift(right) == "2026-10-01T12:05:00Z  = 1  x: right again after 5m"
    [shared], _ = compare({}, [("", "y")], NOW)
    assert text.drift(shared).endswith("~ what all students share  y")
    assert documents.drift("mls26", shared) | {"student": None, "event": "differs"} == (
        documents.drift("mls26", shared)
    )


# One watch a kind; faults that a real server does not show at will


def event(kind, version, **fields):
    meta = {"uid": "u", "name": "practicum", "resourceVersion": str(version)}
    body = {"type": kind, "object": {"metadata": meta, **fields}}
    return json.dumps(body).encode() + b"\n"


EMPTY = Answer(body={"metadata": {"resourceVersion": "7"}, "items": []})
KNOWN = {ObjectKey("ResourceQuota", "n", "practicum"): {
    "metadata": {"uid": "u", "name": "practicum", "resourceVersion": "1"}, "spec": {"hard": {}},
}}  # fmt: skip


@pytest.fixture
def followed(server, client, monkeypatch):
    """A follower of the quotas alone, whose threads the test plays."""
    monkeypatch.setattr(follow, "RESOURCES", {"ResourceQuota": follow.RESOURCES["ResourceQuota"]})
    monkeypatch.setattr(follow, "threading", SimpleNamespace(
        Event=threading.Event, Lock=threading.Lock, Thread=lambda **_: SimpleNamespace(start=int)
    ))  # fmt: skip
    monkeypatch.setattr(follow, "QUIET", 0.0)
    server.will("GET", EMPTY)
    follower = Follower(lambda: client, "mls26")
    follower.start(KNOWN)
    return follower


def play(follower, client):
    """One life of the watch of quotas; returns what is known afterwards of a change."""
    follower._watch(client, "ResourceQuota")
    return follower.wait(0)


def test_only_what_a_plan_can_see_is_a_change(followed, server, client):
    server.will("GET", Answer(chunks=[
        event("MODIFIED", 8, spec={"hard": {}}, status={"used": {"pods": "3"}}),
        event("BOOKMARK", 9),
    ]))  # fmt: skip
    assert play(followed, client) is False

    server.will("GET", Answer(chunks=[event("MODIFIED", 10, spec={"hard": {"pods": "9"}})]))
    assert play(followed, client) is True
    assert followed.wait(0) is False


def test_a_watch_goes_on_where_the_last_one_ended(followed, server, client):
    server.will("GET", Answer(chunks=[event("BOOKMARK", 41)]), Answer(chunks=[]))

    play(followed, client)
    play(followed, client)

    first, second = (asked.path for asked in server.asked[-2:])
    assert "resourceVersion=7&" in first
    assert "resourceVersion=41&" in second


def test_what_the_server_has_forgotten_is_looked_at_anew(followed, server, client):
    gone = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old"}}
    server.will("GET", Answer(chunks=[json.dumps(gone).encode() + b"\n"]), EMPTY,
                Answer(status=403, body={"message": "no"}))  # fmt: skip

    followed._follow("ResourceQuota")  # ends by the refusal

    assert followed._versions == {"ResourceQuota": "7"}
    with pytest.raises(ClusterError, match="refuses to watch resourcequotas: no") as refused:
        followed.wait(0)
    assert refused.value.hint.endswith("practicum role mls26")


def test_an_object_that_goes_or_loses_its_label_is_a_change(followed, server, client):
    server.will("GET", Answer(chunks=[event("DELETED", 8, spec={"hard": {}})]))

    assert play(followed, client) is True
