"""In which order a cohort goes: refused while nothing has gone, and the claim goes last."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from provisioner import manifest, private_file
from provisioner.cohort import Student
from provisioner.errors import ClusterError, InputError, LockedError
from provisioner.lifecycle import backend, clearing, down, leftovers
from provisioner.lifecycle.archives.kept import Archived
from provisioner.lifecycle.backend import Ending
from provisioner.lifecycle.claim import Hold
from provisioner.lifecycle.clearing import Clearing
from provisioner.lifecycle.hosts import down as hosts_down
from provisioner.lifecycle.hosts.receipt import HostReceipt, HostsReceipt
from provisioner.lifecycle.own_clusters import down as own_clusters
from provisioner.lifecycle.progress import Silent
from provisioner.lifecycle.receipt import Receipt
from provisioner.report import live as shown
from provisioner.settings import Settings

from . import test_own_clusters as own
from .test_report import reading_of

NOW = datetime(2026, 12, 20, tzinfo=UTC)
ACCOUNTS = "practicum-mls26"
STUDENTS = ["mls26--s1", "mls26--s2"]


# The claim goes last


class Cluster:
    """Writes down what is deleted, and lets all of it go at once."""

    def __init__(self, monkeypatch):
        self.deleted, self.waits, self.told, self.lost_after = [], [], [], 99
        reading = reading_of(["1", "2"], changed=["1", "2"])
        owned = {key: named(item) for key, item in reading.found.owned.items()}
        self.reading = replace(reading, found=replace(reading.found, owned=owned))
        monkeypatch.setattr(clearing.removal, "refusals", self.delete)
        monkeypatch.setattr(clearing.removal, "force", lambda *_: {})
        monkeypatch.setattr(clearing.cluster, "await_gone", self.await_gone)
        monkeypatch.setattr(clearing.cluster, "list_cohort", self.list_cohort)

    def delete(self, _, lives):
        self.deleted += [(live["kind"], live["metadata"]["name"]) for live in lives]
        return {}

    def list_cohort(self, *_, volumes):
        assert not volumes  # there were none
        return self.reading.found

    def await_gone(self, _, lives, *, seconds, gone, **__):
        self.deleted.append(("wait", len(lives)))
        for one in lives:
            gone(one["metadata"]["name"])
        self.waits.append(([live["metadata"]["name"] for live in lives], seconds))
        return {}

    def destroy(self, stacks):
        """Stand in for the engine."""
        self.deleted += [("state", stack) for stack in stacks]
        return {}

    def warm_up(self, stacks):
        self.warm = stacks

    def tie(self):
        self.check()
        self.deleted.append(("claim", "tied"))

    def end(self):
        self.check()
        self.deleted.append(("claim", "ends"))

    def check(self):
        if len(self.deleted) >= self.lost_after:
            raise LockedError("taken over")

    def clear(self, spared=frozenset()):
        hold = Hold(check=self.check, tie=self.tie, end=self.end)
        with shown.progress(self.told.append) as progress:
            done = Clearing(self.reading, self, progress, hold, spared, 1)
            done.run(set())
        return done


def named(item):
    uid = "/".join((item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"]))
    return {**item, "metadata": {**item["metadata"], "uid": uid}}


@pytest.fixture
def live(monkeypatch):
    return Cluster(monkeypatch)


def test_all_namespaces_are_deleted_before_one_is_waited_for_and_the_claim_goes_last(live):
    """Each takes the cluster 5 s. While the claim stands, another operator's `up` is refused."""
    done = live.clear()

    first = [("claim", "tied"), *(("Namespace", one) for one in (ACCOUNTS, *STUDENTS))]
    assert live.deleted[:5] == [*first, ("wait", 2)]
    assert live.deleted[-2:] == [("claim", "ends"), ("wait", 1)]
    assert ("state", manifest.GUARD) in live.deleted
    assert live.told[1] == "Deleting namespaces: 2 of 2"
    assert live.told[-1] == "Deleting the accounts: 1 of 1"
    assert done.removed == 3


def test_the_workers_for_the_state_start_while_the_namespaces_go(live):
    live.clear()

    assert live.warm == sum(kind == "state" for kind, _ in live.deleted)


def test_where_the_cluster_refuses_to_delete_the_accounts_they_go_one_by_one(live, monkeypatch):
    def refuse(_, lives):
        live.delete(_, lives)
        return {
            one["metadata"]["uid"]: "no" for one in lives if one["metadata"]["name"] == ACCOUNTS
        }

    monkeypatch.setattr(clearing.removal, "refusals", refuse)
    done = live.clear()

    assert ("ServiceAccount", "s1") in live.deleted
    assert (f"{ACCOUNTS}: no" in done.troubles, done.removed) == (True, 2)


def test_the_last_one_gets_its_time_however_little_the_others_get(live):
    """Else it is going still, and is no proof."""
    live.clear()

    assert live.waits == [(STUDENTS, 1), ([ACCOUNTS], 15)]


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
    """Each time: before namespaces, before what lies outside, before the state, before the end."""
    live.clear()
    kinds = [kind for kind, _ in live.deleted]
    steps = [0, kinds.index("wait") + 1, kinds.index("state"), len(kinds) - 2]
    live.deleted, live.lost_after = [], steps[after]

    with pytest.raises(LockedError):
        live.clear()

    assert len(live.deleted) == steps[after]


@pytest.mark.parametrize(("going", "tried"), [(False, 2), (True, 0)])
def test_no_token_is_minted_in_what_a_killed_run_began_to_delete(live, monkeypatch, going, tried):
    """The cluster would refuse it, and the search says that the accounts are gone."""
    monkeypatch.setattr(leftovers.credential, "short_token", lambda *_: "token")
    place = {"metadata": {"deletionTimestamp": "2026-12-20T00:00:00Z"} if going else {}}
    client = SimpleNamespace(each=lambda call, items: [(item, call(item)) for item in items])
    found = replace(live.reading.found, namespaces={ACCOUNTS: place})

    samples = leftovers.take_samples(replace(live.reading, client=client, found=found))

    assert len(samples) == tried


@pytest.mark.parametrize(("staying", "looks"), [(["s1"], 3), ([], 5)])
def test_a_token_of_who_stays_is_told_and_not_waited_for(monkeypatch, staying, looks):
    """The second's ends with the third look; the first's never does."""
    asked, paused = [], []
    monkeypatch.setattr(leftovers.time, "sleep", paused.append)
    monkeypatch.setattr(leftovers.time, "monotonic", lambda: len(paused) * leftovers.SECONDS / 3.5)

    def lives(token):
        asked.append(token)
        return token == "of s1" or asked.count(token) < 3

    monkeypatch.setattr(leftovers, "_lives", lives)
    client = SimpleNamespace(
        bearing=lambda token: token, each=lambda call, items: [(item, call(item)) for item in items]
    )

    told = leftovers.live_tokens(client, {"s1": "of s1", "s2": "of s2"}, staying)

    assert told == ["a token of the account s1 is still good"]
    assert (asked.count("of s1"), asked.count("of s2")) == (looks, 3)


# What can be refused is refused first


class Course:
    """A cohort with accounts on hosts; what is done to it is written down."""

    def __init__(self, home, monkeypatch):
        self.done, self.fails = [], None
        self.settings = Settings(stacks=home / "stacks", home=home)
        self.reading = reading_of(["1"])
        self.labs = SimpleNamespace(cohort=self.reading.cohort, hosts=())
        monkeypatch.setattr(backend, "read", lambda *_, **__: self.reading)
        monkeypatch.setattr(backend, "of", lambda _: self)
        monkeypatch.setattr(hosts_down, "to_clear", lambda *_, **__: self.labs)
        monkeypatch.setattr(hosts_down, "run", self.clear_hosts)
        monkeypatch.setattr(hosts_down.status, "ask", lambda *_, **__: self.labs)
        monkeypatch.setattr(hosts_down, "_receipt", lambda *_: HostsReceipt(
            cohort="mls26", time=NOW, hosts=(HostReceipt(name="lab1", state="ok"),)))  # fmt: skip
        monkeypatch.setattr(hosts_down.lab_hosts, "vacate", lambda *_: None)

    def clear_hosts(self, *_):
        self.done.append("hosts")

    def take_down(self, _settings, _reading, _held, _progress, ending):
        """Stand in for the backend: it holds the cohort, then begins."""
        self.done.append("held")
        ending.first()
        self.done.append("namespaces")
        if self.fails:
            raise self.fails
        return Receipt(
            cohort="mls26", server="s", cluster="u", version="v", time=NOW, removed=1, searched={},
            remaining=("x",), archived=Archived(cohort="mls26"),
        )  # fmt: skip

    def down(self, **chosen):
        ending = replace(down.USUAL, **chosen)
        return down.down(self.settings, "mls26", ending, progress=Silent())

    def kept(self):
        return sorted(path.name for path in (self.settings.home / "receipts").glob("*"))


@pytest.fixture
def course(tmp_path, monkeypatch):
    tmp_path.chmod(0o700)
    return Course(tmp_path, monkeypatch)


def test_hosts_are_cleared_once_the_cohort_is_held(course):
    receipt = course.down()

    assert course.done == ["held", "hosts", "namespaces"]
    assert [host.name for host in receipt.hosts.hosts] == ["lab1"]


def test_the_receipt_names_what_earlier_runs_had_archived(course):
    """Of a `down` that was cut off, and of who left in mid-term; half a file is none."""
    folder = private_file.make_folder(course.settings.home / "archive" / "mls26")
    (folder / "1.20260901T000000Z.tar.gz.age").write_bytes(b"sealed")
    (folder / ".2.20260901T000000Z.tar.gz.age.x").write_bytes(b"half")
    (folder / "3.20260901T000000Z.tar.gz.age").symlink_to("nowhere")

    course.down()

    [kept] = [name for name in course.kept() if "hosts" not in name]
    document = json.loads((course.settings.home / "receipts" / kept).read_text())
    first, unread = document["earlier_archives"]
    assert (first["bytes"], first["sha256"]) == (6, hashlib.sha256(b"sealed").hexdigest())
    assert (unread["path"].split("/")[-1][0], unread["sha256"]) == ("3", None)


def test_a_name_that_is_nobodys_is_refused_while_nothing_has_gone(course):
    with pytest.raises(InputError) as caught:
        course.down(force=["1", "nobody"])

    assert [str(one) for one in caught.value.problems] == [
        "nobody: is not in the roster, and never was"
    ]
    assert course.done == []


def test_the_receipt_of_the_hosts_is_kept_whatever_comes_after(course):
    course.fails = ClusterError("gone")

    with pytest.raises(ClusterError):
        course.down()

    [kept] = course.kept()
    assert kept.startswith("mls26-hosts-")
    document = json.loads((course.settings.home / "receipts" / kept).read_text())
    assert document["hosts"][0]["name"] == "lab1"


def test_a_cohort_that_another_run_holds_keeps_its_hosts(course, monkeypatch):
    """Here the backend is the real one, up to what it holds."""
    monkeypatch.setattr(down.Engine, "open", engine)
    monkeypatch.setattr(down.claim, "held", refused)
    monkeypatch.setattr(backend, "of", lambda _: SimpleNamespace(take_down=down.of_namespaces))

    with pytest.raises(LockedError):
        course.down(archive=False)

    assert course.done == []


def test_the_backend_clears_them_before_it_notes_or_archives_anything(course, monkeypatch):
    monkeypatch.setattr(down.Engine, "open", engine)
    monkeypatch.setattr(down.claim, "held", lambda *_, **__: nullcontext(Hold()))
    monkeypatch.setattr(down.settling, "noted", lambda *_: pytest.fail("the hosts come first"))

    def first():
        raise ClusterError("the hosts")

    ending = Ending(archive=False, patience=1, first=first)
    with pytest.raises(ClusterError, match="the hosts"):
        down.of_namespaces(course.settings, course.reading, 0, Silent(), ending)


def test_so_does_the_backend_of_own_clusters(course, monkeypatch):
    monkeypatch.setattr(own_clusters.Stacks, "open", engine)
    cohort = own.course(**own.KIND)
    reading = own.read(cohort, own.people("1"), own.sight(own.there(cohort, "1")))

    def first():
        raise ClusterError("the hosts")

    ending = Ending(archive=False, patience=1, first=first)
    with pytest.raises(ClusterError, match="the hosts"):
        own_clusters.take_down(course.settings, reading, 0, Silent(), ending)


@contextmanager
def engine(*_, **__):
    yield SimpleNamespace(stop=lambda: None)


@contextmanager
def refused(*_, **__):
    raise LockedError("another run holds it")
    yield


def test_without_a_course_key_the_hosts_keep_what_they_have(course, monkeypatch):
    monkeypatch.setattr(backend, "of", lambda _: SimpleNamespace(take_down=down.of_namespaces))
    there = named(manifest.environment(course.reading.cohort, course.reading.records["1"])[0])
    found = replace(course.reading.found, owned={manifest.key_of(there): there})
    course.reading = replace(course.reading, found=found, students={"1": Student(id="1", name="x")})

    with pytest.raises(InputError, match="no course_key"):
        course.down()

    assert course.done == []
