"""Of two operators one proceeds; whose claim is old is told by the server's clock alone."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
from contextlib import nullcontext
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from provisioner import cluster
from provisioner.cluster import ApiError, Claim
from provisioner.cluster.claim import ANNOTATION, MANAGER, claim_of, take
from provisioner.errors import ClusterError, LockedError
from provisioner.lifecycle import claim as claims
from provisioner.lifecycle import place
from provisioner.manifest import TIE, ObjectKey
from provisioner.plan import compare
from provisioner.settings import Settings

MINE = Claim(run="m", host="here", pid=1, place="home-1", since="nine")
THEIRS = Claim(run="t", host="there", pid=2, place="home-2", since="ten")
NAME = "practicum-mls26"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Server:
    """A namespace with versions, as the API server keeps it; stands in for races and clocks."""

    def __init__(self, now=NOON):
        self.now, self.version, self.claim, self.renewed = now, 1, None, now
        self.there, self.ends, self.finalizers, self.busy = True, {}, [], 0

    def request(self, method, path, *, body=None, **_):
        assert path == "/api/v1/namespaces/practicum-mls26"
        if not self.there:
            raise ApiError(404, "NotFound", "gone")
        if method == "PATCH":
            self.patch(**body["metadata"])
        return self.namespace()

    def patch(self, *, resourceVersion, annotations, finalizers=None, **_):  # noqa: N803
        if self.busy:  # a controller was quicker
            self.busy, self.version = self.busy - 1, self.version + 1
        if resourceVersion != str(self.version):
            raise ApiError(409, "Conflict", "changed")
        if self.ends and set(finalizers or ()) - {*self.finalizers}:
            raise ApiError(422, "Invalid", "no new finalizers can be added")
        text = annotations[ANNOTATION]
        self.put(Claim(**json.loads(text)) if text else None)
        if finalizers is not None:
            self.finalizers = finalizers
            self.there = bool(finalizers or not self.ends)

    def put(self, claim):
        self.claim, self.version, self.renewed = claim, self.version + 1, self.now

    def delete(self):
        self.ends, self.version = {"deletionTimestamp": "2026-11-23T12:00:00Z"}, self.version + 1

    def namespace(self):
        annotations = {ANNOTATION: json.dumps(asdict(self.claim))} if self.claim else {}
        entry = {"manager": MANAGER, "time": self.renewed.isoformat().replace("+00:00", "Z")}
        return {
            "kind": "Namespace",
            "metadata": {
                "name": "practicum-mls26", "uid": "u", "resourceVersion": str(self.version),
                "annotations": annotations, "managedFields": [entry] if self.claim else [],
                "finalizers": self.finalizers, **self.ends,
            },
        }  # fmt: skip

    def server_time(self):
        return self.now


@pytest.fixture
def server():
    return Server()


def test_who_comes_first_has_it_and_the_other_is_told_who(server):
    read_by_both = server.namespace()

    take(server, read_by_both, MINE)

    assert server.claim == MINE
    with pytest.raises(LockedError, match="process 1 on here, since nine") as caught:
        take(server, read_by_both, THEIRS)
    assert caught.value.exit_code == 9
    with pytest.raises(LockedError, match="process 1 on here"):
        take(server, server.namespace(), THEIRS)
    assert server.claim == MINE


def test_who_read_before_another_run_began_and_ended_reads_again(server):
    """The plan that was shown is no longer what there is to do."""
    read_before = server.namespace()
    server.put(THEIRS)
    server.put(None)

    with pytest.raises(LockedError, match="has changed this cohort since it was read"):
        take(server, read_before, MINE)
    take(server, server.namespace(), MINE)


def test_whoever_read_before_it_was_taken_down_is_told_that_it_is_going(server):
    read_before = server.namespace()
    server.delete()

    with pytest.raises(LockedError, match="being taken down: practicum-mls26 is still going"):
        take(server, read_before, MINE)


def test_what_is_going_can_be_claimed_by_who_takes_it_down(server):
    server.delete()

    take(server, server.namespace(), MINE)

    assert server.claim == MINE


@pytest.mark.parametrize(("seconds", "over"), [(59, False), (61, True)])
def test_a_claim_that_is_not_renewed_is_over_after_a_minute(server, seconds, over):
    server.put(THEIRS)
    server.now += timedelta(seconds=seconds)

    if over:
        take(server, server.namespace(), MINE)
        assert server.claim == MINE
    else:
        with pytest.raises(LockedError):
            take(server, server.namespace(), MINE)


def test_our_own_clock_says_nothing():
    """An hour off either way: the server's two times are compared with each other."""
    for now in (NOON - timedelta(hours=1), NOON + timedelta(hours=1)):
        server = Server(now)
        server.put(THEIRS)
        with pytest.raises(LockedError):
            take(server, server.namespace(), MINE)


def test_without_a_time_a_claim_is_held(server):
    server.put(THEIRS)
    bare = server.namespace()
    bare["metadata"]["managedFields"] = []
    server.now += timedelta(days=1)

    with pytest.raises(LockedError):
        take(server, bare, MINE)


def test_a_claim_of_the_same_home_is_a_killed_runs(server):
    """Whoever asks holds that home's lock, so nobody else of it lives."""
    server.put(replace(MINE, run="earlier", pid=77))

    take(server, server.namespace(), MINE)

    assert server.claim == MINE


def test_an_answer_that_was_lost_makes_nobody_of_us(server, monkeypatch):
    """The first was taken, its answer lost; the one that was sent again finds our own claim."""
    once = server.request

    def twice(method, *rest, **about):
        if method == "PATCH":
            once(method, *rest, **about)
        return once(method, *rest, **about)

    monkeypatch.setattr(server, "request", twice)

    now = take(server, server.namespace(), MINE)

    assert claim_of(now) == MINE
    assert now["metadata"]["resourceVersion"] == str(server.version)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"run": 1}', "null"])
def test_what_somebody_scribbled_there_names_nobody(text):
    assert claim_of({"metadata": {"annotations": {ANNOTATION: text}}}) is None


def test_a_server_that_refuses_is_told(server, monkeypatch):
    def refuse(*_, **__):
        raise ApiError(403, "Forbidden", "not yours")

    monkeypatch.setattr(server, "request", refuse)

    with pytest.raises(ClusterError, match="not yours"):
        take(server, server.namespace(), MINE)


def test_the_plan_does_not_see_a_claim(server):
    """Else every run would find the namespace changed."""
    wanted = {"kind": "Namespace", "metadata": {"name": "practicum-mls26"}}
    server.put(THEIRS)

    server.finalizers = [TIE]

    assert compare.differences(wanted, server.namespace()) == []
    server.finalizers = [TIE, "example.org/kept"]
    assert compare.differences(wanted, server.namespace()) == ["metadata.finalizers"]


# For the length of a run


@pytest.fixture
def reading(server):
    def at(namespaces):
        cohort = SimpleNamespace(name="mls26")
        owned = {ObjectKey("Namespace", "", name): one for name, one in namespaces.items()}
        found = SimpleNamespace(namespaces=namespaces, owned=owned)
        return SimpleNamespace(cohort=cohort, client=server, found=found)

    return at


@pytest.fixture
def settings(tmp_path):
    tmp_path.chmod(0o700)
    return Settings(stacks=Path("stacks"), home=tmp_path)


def never():
    raise AssertionError("nobody took over")


def test_a_claim_is_held_as_long_as_the_run_and_no_longer(server, reading, settings):
    with claims.held(settings, reading({"practicum-mls26": server.namespace()}), lost=never):
        assert server.claim.place
    assert server.claim is None


def test_a_machine_of_the_same_image_is_another_operator(server, reading, settings):
    """Host name and path are the same there; its run is alive, and not robbed."""
    with claims.held(settings, reading({NAME: server.namespace()}), lost=never):
        theirs = server.claim
        (settings.home / place.FILE).unlink()  # the same home, on the other machine
        at = reading({NAME: server.namespace()})
        with pytest.raises(LockedError), claims.held(settings, at, lost=never):
            pytest.fail("two runs held one cohort")
        assert server.claim == theirs
    assert server.claim is None


@pytest.mark.parametrize(("seconds", "over"), [(59, False), (61, True)])
def test_a_claim_of_an_earlier_version_is_another_homes(server, reading, settings, seconds, over):
    """It names a place by what may be the same on two machines."""
    where = f"{socket.gethostname()}:{settings.home.resolve()}"
    old = hashlib.sha256(where.encode()).hexdigest()[:16]
    server.put(replace(THEIRS, place=old))
    server.now += timedelta(seconds=seconds)
    told = nullcontext() if over else pytest.raises(LockedError, match="process 2 on there")

    with told, claims.held(settings, reading({NAME: server.namespace()}), lost=never):
        assert server.claim.place == place.of(settings.home)


def test_a_run_that_fails_lets_go_too(server, reading, settings):
    at = reading({"practicum-mls26": server.namespace()})

    with pytest.raises(ClusterError), claims.held(settings, at, lost=never):
        raise ClusterError("x")
    assert server.claim is None


def test_where_there_is_nothing_yet_nothing_is_claimed(server, reading, settings):
    with claims.held(settings, reading({}), lost=never):
        assert server.claim is None


def test_what_a_killed_run_of_this_home_left_is_cleared_and_nobody_elses(server, reading, settings):
    with claims.held(settings, reading({"practicum-mls26": server.namespace()}), lost=never):
        ours = server.claim
    for left, then in ((ours, None), (THEIRS, THEIRS)):
        server.put(left)
        claims.clear(settings, reading({"practicum-mls26": server.namespace()}))
        assert server.claim == then
    claims.clear(settings, reading({}))


def test_what_else_changes_the_namespace_costs_no_claim(server, reading, settings):
    with claims.held(settings, reading({"practicum-mls26": server.namespace()}), lost=never):
        server.version += 1  # a label, by hand
    assert server.claim is None


def test_a_namespace_that_goes_while_it_is_held_is_no_trouble(server, reading, settings):
    """`down` deletes it, and the claim with it."""
    with claims.held(settings, reading({"practicum-mls26": server.namespace()}), lost=never):
        server.there = False


def test_a_run_that_was_taken_over_stops_and_leaves_the_other_alone(
    server, reading, settings, monkeypatch
):
    monkeypatch.setattr(claims, "EVERY", 0.01)
    stopped = threading.Event()
    at = reading({"practicum-mls26": server.namespace()})

    def run():
        with claims.held(settings, at, lost=stopped.set):
            server.put(THEIRS)
            assert stopped.wait(60)

    with pytest.raises(LockedError, match="taken this cohort over"):
        run()
    assert server.claim == THEIRS


@pytest.mark.parametrize("ask", ["check", "tie", "end"])
def test_whoever_asks_is_told_at_once_that_the_claim_is_lost(server, reading, settings, ask):
    """A machine that slept goes on before the thread that renews has had its turn."""
    done = []

    def run():
        with claims.held(settings, reading({NAME: server.namespace()}), lost=never) as hold:
            hold.check()
            assert server.claim.renewed == 1
            server.put(THEIRS)
            getattr(hold, ask)()
            done.append("more")

    with pytest.raises(LockedError, match="taken this cohort over"):
        run()
    assert (done, server.claim) == ([], THEIRS)


def test_where_nothing_is_claimed_nothing_can_be_lost(server, reading, settings):
    with claims.held(settings, reading({}), lost=never) as hold:
        hold.check()
        hold.tie()
        hold.end()
    assert server.claim is None


# Tied, for `down` deletes the namespace along with the others


def test_what_is_tied_keeps_the_claim_though_it_is_deleted_and_goes_at_the_end(
    server, reading, settings
):
    with claims.held(settings, reading({NAME: server.namespace()}), lost=never) as hold:
        hold.tie()
        server.delete()
        hold.check()
        assert (server.there, server.claim.renewed) == (True, 2)
        with pytest.raises(LockedError, match="Another operator's run holds"):
            take(server, server.namespace(), THEIRS)
        hold.end()
        assert not server.there


@pytest.mark.parametrize("deleted", [False, True])
def test_a_run_that_breaks_off_lets_go_of_what_it_tied(server, reading, settings, deleted):
    def run():
        with claims.held(settings, reading({NAME: server.namespace()}), lost=never) as hold:
            hold.tie()
            if deleted:
                server.delete()
            raise ClusterError("x")

    with pytest.raises(ClusterError):
        run()
    assert (server.claim, server.finalizers, server.there) == (None, [], not deleted)


def test_what_others_tied_stays_tied(server, reading, settings):
    server.finalizers = ["example.org/kept"]
    with claims.held(settings, reading({NAME: server.namespace()}), lost=never) as hold:
        hold.tie()
        assert server.finalizers == ["example.org/kept", TIE]
    assert server.finalizers == ["example.org/kept"]


def test_nothing_is_begun_where_it_cannot_be_tied(server, reading, settings, monkeypatch):
    once = server.request

    def refuse(method, path, *, body=None, **about):
        if "finalizers" in (body or {"metadata": {}})["metadata"]:
            raise ApiError(403, "Forbidden", "not yours")
        return once(method, path, body=body, **about)

    monkeypatch.setattr(server, "request", refuse)
    with (
        claims.held(settings, reading({NAME: server.namespace()}), lost=never) as hold,
        pytest.raises(ClusterError, match="does not let us keep"),
    ):
        hold.tie()


def test_what_goes_already_is_not_tied_and_can_be_taken_down(server, reading, settings):
    """Somebody deleted it by hand, or a run was killed at its very end."""
    server.delete()
    with claims.held(settings, reading({NAME: server.namespace()}), lost=never) as hold:
        hold.tie()
        assert server.claim.renewed == 1, "what the server would refuse is not asked for"
        server.there = False
        hold.check()
        hold.end()


@pytest.mark.parametrize("how", ["it went", "it was made anew", "it was let go of"])
def test_a_run_that_slept_while_others_took_over_and_ended_deletes_nothing_more(
    server, reading, settings, how
):
    """Before its end it is there and ours, so whatever else it is, another run was at it."""
    done = []

    def run():
        with claims.held(settings, reading({NAME: server.namespace()}), lost=never) as hold:
            hold.tie()
            server.put(None)
            server.there = how != "it went"
            server.finalizers = [TIE] if how == "it was let go of" else []
            hold.check()
            done.append("more")

    with pytest.raises(LockedError, match="taken this cohort over"):
        run()
    assert (done, server.claim) == ([], None)


def test_it_is_let_go_of_however_busy_the_cluster_is_with_it(server, reading, settings):
    with claims.held(settings, reading({NAME: server.namespace()}), lost=never) as hold:
        hold.tie()
        server.delete()
        server.busy = 3  # what is going gets conditions, one after the other
        hold.end()
        assert not server.there


@pytest.mark.parametrize("alive", [True, False])
def test_who_brings_up_what_goes_is_told_by_whom_or_lets_go_of_what_a_killed_run_left(
    server, reading, settings, alive
):
    server.finalizers = [TIE]
    server.put(THEIRS)
    server.delete()
    server.now += timedelta(seconds=59 if alive else 61)
    told = "process 2 on there" if alive else "being taken down: practicum-mls26 is still going"

    with pytest.raises(LockedError, match=told):
        claims.refuse_going(settings, reading({NAME: server.namespace()}))
    assert server.there is alive


def test_what_is_not_going_is_refused_to_nobody(server, reading, settings):
    version = server.version
    claims.refuse_going(settings, reading({NAME: server.namespace()}))
    claims.refuse_going(settings, reading({}))
    assert server.version == version


def test_what_a_killed_run_of_this_home_tied_is_let_go_of(server, reading, settings):
    server.finalizers = [TIE]
    server.put(replace(MINE, place=place.of(settings.home)))
    claims.clear(settings, reading({NAME: server.namespace()}))
    assert (server.claim, server.finalizers) == (None, [])


def test_after_its_end_a_claim_is_not_renewed_and_let_go_of_where_it_still_stands(
    server, reading, settings, monkeypatch
):
    monkeypatch.setattr(claims, "EVERY", 0.01)
    with claims.held(settings, reading({NAME: server.namespace()}), lost=never) as hold:
        hold.end()
        version = server.version
        hold.check()
        assert server.version == version
        server.version += 1  # its deletion has begun, and something keeps it
    assert server.claim is None


def test_after_its_end_whoever_makes_the_namespace_anew_is_no_trouble(server, reading, settings):
    """`down` goes on to prove; its receipt is not lost to another operator's `up`."""
    with claims.held(settings, reading({NAME: server.namespace()}), lost=never) as hold:
        hold.end()
        server.put(THEIRS)
    assert server.claim == THEIRS


def test_it_is_renewed_while_the_run_goes_on(server, reading, settings, monkeypatch):
    monkeypatch.setattr(claims, "EVERY", 0.01)
    renewed = threading.Event()
    put = server.put

    def watch(claim):
        put(claim)
        if claim and claim.renewed >= 3:
            renewed.set()

    monkeypatch.setattr(server, "put", watch)
    with claims.held(settings, reading({"practicum-mls26": server.namespace()}), lost=never):
        assert renewed.wait(60)
    assert server.claim is None


def test_the_key_is_the_identity_namespace():
    assert cluster.path_of(ObjectKey("Namespace", "", "practicum-mls26")).endswith(
        "/practicum-mls26"
    )


def test_nothing_is_made_in_a_namespace_that_is_going(server, reading, settings, monkeypatch):
    """Somebody else has made it, and takes it down, since it was read."""
    server.delete()
    monkeypatch.setattr(claims, "guard", lambda _: [server.namespace()])
    monkeypatch.setattr(claims.cluster, "apply", lambda *_: server.namespace())

    with (
        pytest.raises(LockedError, match="being taken down"),
        claims.held(settings, reading({}), lost=never, make=True),
    ):
        pytest.fail("a run went on in what is going")
    assert server.claim is None


@pytest.mark.parametrize("make", [False, True])
def test_what_has_gone_since_it_was_read_is_claimed_by_nobody(server, reading, settings, make):
    """A namespace whose deletion had begun goes between a reading and its run."""
    at = reading({"practicum-mls26": server.namespace()})
    server.there = False
    told = pytest.raises(ClusterError, match="has gone since") if make else nullcontext()
    ran = []

    with told, claims.held(settings, at, lost=never, make=make):
        ran.append(True)

    assert bool(ran) is not make
