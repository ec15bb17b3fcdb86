"""How the client meets a server that does not behave.

A small server on loopback stands in for the API server here, and only here: these are
faults that a real one shows when it is overloaded, restarted or behind a broken proxy.
What a healthy one does is shown in ``tests/cluster``.
"""

from __future__ import annotations

import json
import socket
import threading
from functools import partial
from itertools import pairwise
from types import SimpleNamespace

import click
import pytest

from provisioner import cluster
from provisioner.cli import _explaining, practicum
from provisioner.cluster import Access, ApiError, Client, change, rights, silence, transport
from provisioner.cluster.client import PAGE
from provisioner.cluster.transport import PATIENCE, pool
from provisioner.errors import ClusterError, PracticumError

from .conftest import Answer

PATH = "/api/v1/namespaces"


def page(names, token=""):
    items = [{"metadata": {"name": name}} for name in names]
    return Answer(body={"metadata": {"continue": token} if token else {}, "items": items})


def failure(status, reason, message, **more):
    return Answer(
        status=status, body={"kind": "Status", "reason": reason, "message": message}, **more
    )


GOING = {"metadata": {"uid": "1", "name": "ada"}}
BUSY = failure(429, "TooManyRequests", "wait", headers={"Retry-After": "0"})


def one_line(error):
    """An explained failure: exit 7, one line, no secret."""
    assert error.exit_code == 7
    assert "\n" not in error.message
    assert "canary" not in error.message + (error.hint or "")
    return error.message


# Pages


def test_every_page_is_followed(server, client):
    server.will("GET", page("ab", token="t/1="), page("cd", token="t2"), page("e"))

    found = [item["metadata"]["name"] for item in client.pages(PATH, selector="a=b")]

    assert found == list("abcde")
    asked = [request.path for request in server.asked]
    assert asked[0] == f"{PATH}?limit={PAGE}&labelSelector=a%3Db"
    assert [path.removeprefix(asked[0]) for path in asked[1:]] == [
        "&continue=t%2F1%3D",
        "&continue=t2",
    ]


def test_a_page_may_be_empty_and_not_the_last(server, client):
    """A selector that finds little gives such pages."""
    server.will("GET", page("", token="t"), page("a"))

    assert len(list(client.pages(PATH))) == 1


def test_no_items_at_all_is_an_empty_list(server, client):
    server.will("GET", Answer(body={"metadata": {}, "items": None}))

    assert list(client.pages(PATH)) == []


def test_a_token_that_expired_on_the_way_is_told(server, client):
    server.will("GET", page("a", token="t"), failure(410, "Expired", "too old"))

    with pytest.raises(ApiError) as caught:
        list(client.pages(PATH))

    assert (caught.value.status, caught.value.reason) == (410, "Expired")


def test_only_metadata_is_asked_for_where_that_is_enough(server, client):
    server.will("GET", page("a"))

    list(client.pages(PATH, metadata_only=True))

    [asked] = server.asked
    assert asked.headers["Accept"].startswith("application/json;as=PartialObjectMetadataList;")
    assert asked.headers["Authorization"] == "Bearer canary-token"
    assert asked.headers["User-Agent"] == "practicum"


# A busy server


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_what_can_be_said_twice_is_said_again_when_the_server_is_busy(server, client, method):
    server.will(method, BUSY, Answer(body={"ok": True}))

    assert client.request(method, PATH) == {"ok": True}
    assert len(server.asked) == 2


def test_a_busy_server_is_left_alone_for_as_long_as_it_asks(server, client):
    server.will(
        "GET", failure(429, "TooManyRequests", "wait", headers={"Retry-After": "1"}), page("")
    )

    client.request("GET", PATH)

    first, second = server.asked
    assert second.time - first.time >= 1


def test_a_post_is_not_said_twice(server, client):
    """It could mint a second token or make a second object."""
    server.will("POST", BUSY, Answer(body={"ok": True}))

    with pytest.raises(ApiError) as caught:
        client.request("POST", PATH, body={})

    assert caught.value.status == 429
    assert len(server.asked) == 1


ALLOWED = {"status": {"allowed": True, "userInfo": {"username": "kim"}}}


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_question_is_put_again_though_it_is_a_post(server, client, status):
    """It makes nothing: what we may do, and who we are."""
    server.will("POST", failure(status, "x", "wait"), Answer(status=201, body=ALLOWED))

    assert rights.may(client, rights.Right("list", "", "pods"))
    server.will("POST", failure(status, "x", "wait"), Answer(status=201, body=ALLOWED))
    assert rights.whoami(client) == "kim"
    assert len(server.asked) == 4


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/namespaces/ada/serviceaccounts/ada/token",
        "/apis/press.example.org/v1/namespaces/ada/reviews",
    ],
)
def test_what_only_sounds_like_a_question_is_not_put_twice(server, client, path):
    server.will("POST", BUSY, Answer(body={"ok": True}))

    with pytest.raises(ApiError):
        client.request("POST", path, body={})

    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_passes_is_waited_for(server, client, status):
    """500 is what an API server says while its etcd elects a leader."""
    again = failure(status, "x", "etcdserver: leader changed", headers={"Retry-After": "0"})
    server.will("GET", again, page("a"))

    assert client.request("GET", PATH)["items"]
    assert len(server.asked) == 2


@pytest.mark.parametrize("status", [400, 403, 404, 405, 409, 410, 413, 415, 422, 501])
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_what_is_refused_for_good_is_asked_once(server, client, method, status):
    server.will(method, failure(status, "x", "no"), Answer(body={"ok": True}))

    with pytest.raises(ApiError) as caught:
        client.request(method, PATH)

    assert caught.value.status == status
    assert len(server.asked) == 1


def test_attempts_are_few_apart_and_bounded():
    """A server may say an hour; whoever hangs does so twice."""
    retry = pool(Access(server="https://k", ca="")).connection_pool_kw["retries"]

    assert (retry.total, retry.read, retry.connect) == (4, 1, 2)
    assert retry.retry_after_max == PATIENCE
    assert retry.backoff_jitter > 0
    assert retry.backoff_factor * 2**retry.total + retry.backoff_jitter < PATIENCE


@pytest.mark.parametrize(
    ("status", "well"), [(200, True), (403, True), (429, False), (500, False), (504, False)]
)
def test_a_server_that_refuses_answers_and_one_without_its_store_does_not(
    server, client, status, well
):
    server.will("GET", failure(status, "x", "x"))

    assert client.answers() is well
    assert [request.path for request in server.asked] == ["/api/v1/namespaces/kube-system"]


def test_a_server_that_takes_a_connection_and_says_nothing_does_not(monkeypatch):
    monkeypatch.setattr(silence, "AT_ONCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"

        assert not Client(Access(server=address, ca="")).answers()


@pytest.fixture
def kept_waiting(server, monkeypatch):
    """A client of little patience, and a server that takes requests and answers none."""
    monkeypatch.setattr(transport, "SECONDS", 0.2)
    monkeypatch.setattr(silence, "AT_ONCE", 0.1)
    made, over = Client(Access(server=server.url, ca="")), threading.Event()
    server.will("GET", Answer(held=over))
    yield made
    over.set()
    made._session.connections.pool.clear()
    silence.of(server.url).lasts = False


def test_after_a_silence_each_request_is_tried_once_until_one_is_answered(server, kept_waiting):
    """Else a command would wait for each of its requests as long as for the first."""
    for tries in (2, 3, 4):
        with pytest.raises(ClusterError, match="cannot be reached"):
            kept_waiting.request("GET", PATH)
        assert len(server.asked) == tries

    server.will("GET", page("a"))
    assert kept_waiting.request("GET", PATH)["items"]
    server.will("GET", BUSY, page("b"))
    assert kept_waiting.request("GET", PATH)["items"], "and there is patience again"


def test_a_silence_is_known_to_whoever_opens_the_same_server(server, kept_waiting):
    assert not kept_waiting.answers()

    assert Client(Access(server=server.url, ca="")).is_silent
    assert not Client(Access(server="http://127.0.0.1:1", ca="")).is_silent


def test_a_server_that_says_no_at_once_is_not_silent(server, client):
    server.will("GET", failure(500, "x", "no", headers={"Retry-After": "0"}))

    for _ in range(2):
        with pytest.raises(ApiError):
            client.request("GET", PATH)

    assert len(server.asked) == 2 * 5
    assert not client.answers()
    assert not client.is_silent


# Refusals


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_a_credential_that_is_not_accepted_is_told_as_one(server, client, method):
    server.will(method, failure(401, "Unauthorized", "Unauthorized"))

    with pytest.raises(ClusterError) as caught:
        client.request(method, PATH)

    assert "does not accept our credential" in one_line(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("body", "reason", "message"),
    [
        ({"reason": "Forbidden", "message": "no\nrights"}, "Forbidden", "no\nrights"),
        ({"kind": "Status"}, "403", "no explanation"),
        (b"<html>Forbidden</html>", "403", "no explanation"),
        (b"", "403", "no explanation"),
        (b"\xff\xfe", "403", "no explanation"),
        ([1], "403", "no explanation"),
        ("Forbidden", "403", "no explanation"),
    ],
    ids=str,
)
def test_a_refusal_is_told_whatever_its_body(server, client, body, reason, message):
    server.will("GET", Answer(status=403, body=body))

    with pytest.raises(ApiError) as caught:
        client.request("GET", PATH)

    error = caught.value
    assert (error.status, error.reason, error.message) == (403, reason, message)
    assert str(error) == f"{message} (403 {reason})".replace("\n", " ")


@pytest.mark.parametrize(
    "call",
    [
        lambda client: rights.missing(client, [rights.Right("list", "", "pods")]),
        lambda client: cluster.await_gone(client, [GOING], seconds=5),
        lambda client: cluster.served(client),
        lambda client: cluster.strangers_may(client),
        lambda client: list(client.pages(PATH)),
    ],
    ids=["rights", "await gone", "types", "strangers", "list"],
)
def test_a_refusal_that_nobody_expects_is_explained_and_no_traceback(server, client, call):
    """The roles of a server that has just started are not there yet: it refuses everybody."""
    for method in ("GET", "POST"):
        server.will(method, failure(403, "Forbidden", "RBAC: not\nyet"))

    with pytest.raises(PracticumError) as caught:
        call(client)

    assert caught.value.exit_code == 7
    assert "\n" not in str(caught.value)
    assert caught.value.hint


def namespace(name):
    return {"kind": "Namespace", "metadata": {"name": name, "uid": name, "resourceVersion": "1"}}


@pytest.mark.parametrize(("renewed", "stuck"), [(False, {"b", "c"}), (True, {"c"})])
def test_as_long_as_namespaces_go_the_others_are_waited_for(client, monkeypatch, renewed, stuck):
    now, there = [0.0], ["a", "b", "c"]

    def follow(*_):  # one goes in each watch, as long as there are more than one
        now[0] += 10
        del there[: len(there) > 1]

    monkeypatch.setattr(change, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(change, "_follow", follow)
    monkeypatch.setattr(change, "_uids", lambda *_: ("1", {*there}))
    monkeypatch.setattr(change, "why_stuck", lambda *_: "it is held")

    found = change.await_gone(client, map(namespace, "abc"), seconds=15, renewed=renewed)

    assert found.keys() == stuck


def test_what_the_cluster_refused_is_told_in_one_line(capsys):
    error = ApiError(429, "TooManyRequests", "wait\na while")

    with click.Context(practicum) as context, pytest.raises(click.exceptions.Exit) as caught:
        _explaining(context, partial(raising, error))

    assert caught.value.exit_code == 7
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "Error: wait a while (429 TooManyRequests)"
    assert (len(told), "practicum doctor" in told[1]) == (2, True)


def raising(error):
    raise error


# A server that is not there, or is none


def test_a_refused_connection_is_told_in_one_line():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"

        with pytest.raises(ClusterError) as caught:
            Client(Access(server=url, ca="")).request("GET", PATH)

    assert one_line(caught.value) == (
        f"The cluster at {url} cannot be reached: [Errno 111] Connection refused."
    )
    assert "practicum doctor" in caught.value.hint


def test_a_connection_that_breaks_is_told(server, client):
    server.will("POST", Answer(chunks=[b'{"a":'], cut=True))

    with pytest.raises(ClusterError) as caught:
        client.request("POST", PATH)

    assert "cannot be reached" in one_line(caught.value)


@pytest.mark.parametrize(
    "body", [b"<html>Welcome to the hotel</html>", b'{"cut', b"\xff\xfe", b"null", b"[1]", b'"x"']
)
def test_an_answer_that_is_no_object_is_told(server, client, body):
    """A portal in the way answers everything with a page of its own, and 200."""
    server.will("GET", Answer(body=body))

    with pytest.raises(ClusterError) as caught:
        list(client.pages(PATH))

    assert server.url in one_line(caught.value)


def test_an_answer_without_a_body_is_no_mistake(server, client):
    server.will("DELETE", Answer(body=b""))

    assert client.request("DELETE", PATH) == {}


def test_what_was_asked_for_and_did_not_come_is_one(server, client):
    """A proxy on the way that gives up after the status: no empty list is to be taken from it."""
    server.will("GET", Answer(body=b""))

    with pytest.raises(ClusterError) as caught:
        list(client.pages(PATH))

    assert "its answer was cut off" in one_line(caught.value)


# Watches


def events(count):
    return [{"type": "DELETED", "object": {"metadata": {"uid": f"ü{i}"}}} for i in range(count)]


def watch(client):
    return list(client.watch(PATH, query={"resourceVersion": "7"}, seconds=2))


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_an_event_may_be_cut_anywhere(server, client, size):
    text = b"".join(json.dumps(e, ensure_ascii=False).encode() + b"\n" for e in events(3))
    cuts = [*range(0, len(text), size), len(text)]
    server.will("GET", Answer(chunks=[text[a:b] for a, b in pairwise(cuts)]))

    assert watch(client) == events(3)
    assert server.asked[0].path == f"{PATH}?resourceVersion=7&watch=true&timeoutSeconds=2"


def test_an_empty_line_is_no_event(server, client):
    server.will("GET", Answer(chunks=[b"\n\n" + json.dumps(events(1)[0]).encode() + b"\n\n"]))

    assert watch(client) == events(1)


def test_an_event_comes_before_the_watch_ends(server, client):
    """Else a namespace that has gone would be noticed with the last one only."""
    line = json.dumps(events(1)[0]).encode() + b"\n"
    server.will("GET", Answer(chunks=[line, b"x"], cut=True))

    stream = client.watch(PATH, query={}, seconds=2)

    assert next(stream) == events(1)[0]
    stream.close()


def test_a_watch_that_breaks_is_told(server, client):
    line = json.dumps(events(1)[0]).encode() + b"\n"
    server.will("GET", Answer(chunks=[line], cut=True))

    with pytest.raises(ClusterError) as caught:
        watch(client)

    assert "cannot be reached" in one_line(caught.value)


def test_a_watch_that_is_refused_is_no_event(server, client):
    """Its body is a Status in one line, which looks like an event."""
    server.will("GET", failure(403, "Forbidden", "no rights to watch"))

    with pytest.raises((ApiError, ClusterError), match="no rights"):
        watch(client)


def test_a_watch_line_that_is_no_json_is_told(server, client):
    server.will("GET", Answer(chunks=[b"<html>\n"]))

    with pytest.raises(ClusterError) as caught:
        watch(client)

    one_line(caught.value)


# Many at once


def test_results_come_in_order_and_with_what_they_are_for(client):
    assert list(client.each(str.upper, iter("abc"))) == [("a", "A"), ("b", "B"), ("c", "C")]
    assert list(client.each(str.upper, [])) == []
