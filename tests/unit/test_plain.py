"""What comes as it should is read over a plain connection; all else is asked for with patience."""

from __future__ import annotations

import gzip
import io
import json
import socket
import ssl
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.cluster import Access, Client
from provisioner.cluster.plain import Plain, head, read_answer
from provisioner.errors import ClusterError

from .conftest import Answer

PATH = "/api/v1/namespaces"
PAGE = {"metadata": {}, "items": [{"metadata": {"name": "a"}}]}
GOOD = Answer(body=PAGE)
CHUNKED = Answer(chunks=[json.dumps(PAGE)[:9].encode(), json.dumps(PAGE)[9:].encode()])
SMALL = gzip.compress(json.dumps(PAGE).encode())
GZIP = {"Content-Encoding": "gzip"}


@pytest.fixture
def plain(server):
    return plain_of(server.url)


def plain_of(url, **access):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return Plain(Access(server=url, ca="", **access), tls)


@pytest.fixture
def own(server, client):
    """A client whose connections nobody else uses; ``was_patient`` says whether it needed more."""
    own = Client(client.access)
    yield own
    if was_patient(own):
        own._session.connections.pool.clear()


def was_patient(client):
    return "pool" in vars(client._session.connections)


@pytest.mark.parametrize(
    "answer",
    [GOOD, CHUNKED, Answer(body=SMALL, headers=GZIP)],
    ids=["whole", "in chunks", "packed"],
)
def test_a_list_that_comes_as_it_should_is_asked_for_once_and_plainly(server, own, answer):
    server.will("GET", answer)

    assert list(own.pages(PATH)) == PAGE["items"]

    [asked] = server.asked
    assert asked.headers["Accept-Encoding"] == "gzip"
    assert not was_patient(own)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=429, body={}, headers={"Retry-After": "0"}),
        Answer(status=503, body={}, headers={"Retry-After": "0"}),
        Answer(body=b""),
        Answer(chunks=[b'{"items": ['], cut=True),
        Answer(body=SMALL[:-1], headers=GZIP),
        Answer(body=b"{}", headers=GZIP),
        Answer(body=b"{}", headers={"Content-Encoding": "br"}),
    ],
    ids=["busy", "no leader", "nothing", "cut off", "packed and cut off", "not packed", "other"],
)
def test_what_does_not_come_as_it_should_is_asked_for_again_with_patience(server, own, answer):
    server.will("GET", answer, GOOD)

    assert list(own.pages(PATH)) == PAGE["items"]

    assert len(server.asked) == 2
    assert server.asked[1].headers["Accept-Encoding"] == "identity"
    assert was_patient(own)


def test_a_server_that_is_not_there_is_told_as_ever(server):
    gone = Client(Access(server="http://127.0.0.1:1", ca=""))

    with pytest.raises(ClusterError, match=r"127\.0\.0\.1:1 cannot be reached"):
        list(gone.pages(PATH))


@pytest.mark.parametrize(
    "url", ["http://[::1", "ftp://127.0.0.1", "http://", "k8s", "https://a:b", "http://a@b"]
)
def test_what_is_no_address_is_left_to_who_can_say_so(url, monkeypatch):
    """And nobody else is shown the credential instead."""
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: pytest.fail("connected"))

    assert plain_of(url).get(PATH, {}) == b""


def test_a_connection_is_kept_and_one_that_failed_is_not_tried_again(server, plain):
    server.will("GET", GOOD, GOOD, Answer(chunks=[b"{"], cut=True), GOOD)

    assert plain.get(PATH, {})
    [kept] = plain._idle
    assert plain.get(PATH, {})
    assert plain._idle == [kept]
    assert [plain.get(PATH, {}) for _ in range(3)] == [b""] * 3

    assert len(server.asked) == 3, "who does not answer well is not asked in this way any more"
    assert plain._idle == []


def test_threads_share_it(server, plain):
    server.will("GET", GOOD)
    bodies = []
    threads = [
        threading.Thread(target=lambda: bodies.append(plain.get(PATH, {}))) for _ in range(8)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [json.loads(body) for body in bodies] == [PAGE] * 8


@pytest.mark.parametrize("unusual", [{"proxy": "http://127.0.0.1:1"}, {"server_name": "k8s"}])
def test_a_proxy_and_another_name_are_for_who_knows_them(server, unusual):
    server.will("GET", GOOD)

    assert plain_of(server.url, **unusual).get(PATH, {}) == b""
    assert server.asked == []


def test_a_path_of_the_server_comes_before_ours(server):
    """As where one address serves many clusters."""
    server.will("GET", GOOD)

    assert plain_of(f"{server.url}/k8s/clusters/c-1").get(PATH, {"X": "y"})

    [asked] = server.asked
    assert asked.path == f"/k8s/clusters/c-1{PATH}"
    assert asked.headers["X"] == "y"


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "said",
    [
        HEAD + b"Content-Length: 3\r\n\r\nabc",
        HEAD + b"content-length:3 \r\n\r\nabc",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n0003\r\nabc\r\n0\r\nTrailer: x\r\n\r\n",
    ],
)
def test_an_answer_is_read_to_its_end_and_no_further(said):
    stream = io.BytesIO(said + b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    first, second = read_answer(stream), read_answer(stream)

    assert (first.status, first.body) == (200, b"abc")
    assert (second.status, second.body) == (404, b"")


@given(st.integers(min_value=0))
def test_an_answer_that_is_cut_off_anywhere_is_none(end):
    said = HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n"

    with pytest.raises(ValueError):  # noqa: PT011  (whichever it is, the caller asks again)
        read_answer(io.BytesIO(said[: end % (len(said) + 1)]))


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc",
        b"<html>\r\n\r\n",
        b"HTTP/1.1 OK\r\nContent-Length: 3\r\n\r\nabc",
        HEAD + b"\r\nabc",
        HEAD + b"Content-Length: -1\r\n\r\nabc",
        HEAD + b"Content-Length: many\r\n\r\nabc",
        HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n-1\r\nabc\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\n\r\n",
    ],
)
def test_what_is_no_plain_answer_is_none(said):
    with pytest.raises(ValueError):  # noqa: PT011
        read_answer(io.BytesIO(said))


def test_a_header_is_one_line():
    with pytest.raises(ValueError, match="line end"):
        head("GET", PATH, {"Authorization": "Bearer a\r\nX: y"})
