"""Many questions on one connection: the answers come in order, or one by one, or not at all."""

from __future__ import annotations

import gzip
import socketserver
import threading

import pytest

from provisioner.cluster import Access, ApiError, Client, ask_many

from .conftest import Answer

PATH = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


class Echo(socketserver.StreamRequestHandler):
    """Answers each request with its own body, in order, on a connection that stays open."""

    def handle(self):
        while self.rfile.readline():
            length = 0
            while line := self.rfile.readline().strip():
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            body = self.rfile.read(length)
            self.server.seen.append(body)
            head = f"HTTP/1.1 201 Created\r\nContent-Length: {len(body)}\r\n\r\n"
            self.wfile.write(head.encode() + body)


@pytest.fixture
def echo():
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        server.daemon_threads = True
        server.seen = []
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def test_every_question_gets_its_own_answer(echo):
    client = Client(Access(server=f"http://127.0.0.1:{echo.server_address[1]}", ca=""))
    bodies = [{"number": number} for number in range(500)]

    assert ask_many(client, PATH, bodies) == bodies
    assert len(echo.seen) == 500


def test_nothing_is_asked_where_there_is_nothing_to_ask(client):
    assert ask_many(client, PATH, []) == []


IN_CHUNKS = Answer(chunks=[b'{"status": ', b'{"allowed": false}}'])
PACKED = Answer(
    body=gzip.compress(b'{"status": {"allowed": false}}'), headers={"Content-Encoding": "gzip"}
)


@pytest.mark.parametrize("answer", [IN_CHUNKS, PACKED], ids=["in chunks", "packed"])
def test_who_answers_in_another_form_is_understood_if_one_by_one(server, client, answer):
    server.will("POST", answer)

    answers = ask_many(client, PATH, [{"n": 1}, {"n": 2}, {"n": 3}])

    assert answers == [{"status": {"allowed": False}}] * 3


def test_a_refusal_is_told_and_not_taken_for_an_answer(server, client):
    body = {"kind": "Status", "reason": "Forbidden", "message": "you may not ask"}
    server.will("POST", Answer(status=403, body=body))

    with pytest.raises(ApiError, match="you may not ask"):
        ask_many(client, PATH, [{}])
