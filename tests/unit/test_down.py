"""In which order a cohort goes: refused while nothing has gone, and what is claimed goes last."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from provisioner import manifest
from provisioner.errors import LockedError
from provisioner.lifecycle import clearing
from provisioner.lifecycle.claim import Hold
from provisioner.lifecycle.clearing import Clearing
from provisioner.lifecycle.progress import Silent

from .test_report import reading_of

NOW = datetime(2026, 12, 20, tzinfo=UTC)
ACCOUNTS = "practicum-mls26"


# What is claimed goes last


class Cluster:
    """Writes down what is deleted, and lets all of it go at once."""

    def __init__(self, monkeypatch):
        self.deleted, self.lost_after = [], 99
        reading = reading_of(["1", "2"], changed=["1", "2"])
        owned = {key: named(item) for key, item in reading.found.owned.items()}
        self.reading = replace(reading, found=replace(reading.found, owned=owned))
        monkeypatch.setattr(clearing.removal, "refusals", self.delete)
        monkeypatch.setattr(clearing.removal, "force", lambda *_: {})
        monkeypatch.setattr(clearing.cluster, "await_gone", lambda *_, **__: {})
        monkeypatch.setattr(clearing.cluster, "list_cohort", lambda *_: self.reading.found)

    def delete(self, _, lives):
        self.deleted += [(live["kind"], live["metadata"]["name"]) for live in lives]
        return {}

    def destroy(self, stacks):
        """Stand in for the engine."""
        self.deleted += [("state", stack) for stack in stacks]
        return {}

    def end(self):
        self.check()
        self.deleted.append(("claim", "ends"))

    def check(self):
        if len(self.deleted) >= self.lost_after:
            raise LockedError("taken over")

    def clear(self, spared=frozenset()):
        hold = Hold(check=self.check, end=self.end)
        done = Clearing(self.reading, self, Silent(), hold, spared, 1)
        done.run(set())
        return done


def named(item):
    uid = "/".join((item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"]))
    return {**item, "metadata": {**item["metadata"], "uid": uid}}


@pytest.fixture
def live(monkeypatch):
    return Cluster(monkeypatch)


def test_the_namespace_with_the_claim_goes_last_when_nobody_renews_it(live):
    """While it is there, another operator's `up` is refused; before it goes all else has gone."""
    done = live.clear()

    assert set(live.deleted[:2]) == {("Namespace", "mls26--s1"), ("Namespace", "mls26--s2")}
    assert live.deleted[-2:] == [("claim", "ends"), ("Namespace", ACCOUNTS)]
    assert ("state", manifest.GUARD) in live.deleted
    assert done.removed == 3


def test_what_lies_among_the_accounts_goes_along_with_them(live):
    live.clear()

    assert ("ClusterRole", "practicum-mls26-student") in live.deleted
    assert ("ServiceAccount", "s1") not in live.deleted


def test_where_the_accounts_stay_those_who_go_lose_theirs(live):
    """Student 2's work could not be kept, so what guards it stays."""
    live.clear(spared=frozenset({"s2"}))

    assert ("ServiceAccount", "s1") in live.deleted
    assert not {("ServiceAccount", "s2"), ("Namespace", ACCOUNTS)} & set(live.deleted)


@pytest.mark.parametrize("after", range(4))
def test_whoever_loses_the_claim_deletes_nothing_more(live, after):
    """Each time: before namespaces, before what lies outside, before the state, before the last."""
    live.clear()
    kinds = [kind for kind, _ in live.deleted]
    steps = [0, 2, kinds.index("state"), kinds.index("claim")]
    live.deleted, live.lost_after = [], steps[after]

    with pytest.raises(LockedError):
        live.clear()

    assert len(live.deleted) == steps[after]
