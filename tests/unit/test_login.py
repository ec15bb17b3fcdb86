"""A credential that ends: it is fetched again in time, or when the server takes it no more."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from provisioner.cluster import Access, Client, NotKnownError, ask_many, load, login
from provisioner.cluster.login import SPENT, Credential, Login
from provisioner.errors import ClusterError

from .conftest import Answer

PATH = "/api/v1/namespaces"
ENDED = Answer(status=401, body={"kind": "Status", "reason": "Unauthorized"})
DONE = Answer(body={"metadata": {}, "items": []})


@pytest.fixture
def kubeconfig(tmp_path, server):
    """Write a kubeconfig whose user logs in as is said."""

    def kubeconfig(user):
        path = tmp_path / "kubeconfig"
        document = {
            "contexts": [{"name": "mine", "context": {"cluster": "here", "user": "me"}}],
            "clusters": [{"name": "here", "cluster": {"server": server.url}}],
            "users": [{"name": "me", "user": user}],
        }
        path.write_text(yaml.safe_dump(document))
        return path

    return kubeconfig


@pytest.fixture
def plugin(tmp_path):
    """A login plugin whose credentials are called token-1, token-2, and so on."""
    script = tmp_path / "login"
    answer = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential"}
    script.write_text(
        f"#!{sys.executable}\n"
        "import json, pathlib\n"
        f"runs = pathlib.Path({str(tmp_path / 'runs')!r})\n"
        "count = int(runs.read_text() or 0) + 1 if runs.exists() else 1\n"
        "runs.write_text(str(count))\n"
        f"print(json.dumps({answer!r} | {{'status': {{'token': f'token-{{count}}'}}}}))\n"
    )
    script.chmod(0o755)
    return {"exec": {"apiVersion": answer["apiVersion"], "command": str(script)}}


def shown(server):
    return [one.headers.get("Authorization", "").removeprefix("Bearer ") for one in server.asked]


def test_a_plugin_is_run_again_when_the_server_takes_its_credential_no_more(
    kubeconfig, plugin, server
):
    client = Client(load(kubeconfig(plugin), "mine"))
    server.will("GET", ENDED, DONE)

    assert client.request("GET", PATH) == DONE.body
    assert client.request("GET", PATH) == DONE.body

    assert shown(server) == ["token-1", "token-2", "token-2"]


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_what_was_not_taken_was_not_done_so_it_is_sent_again(method, logged_in, server):
    server.will(method, ENDED, Answer(body={"ok": True}))

    assert logged_in("a", "b").request(method, PATH, body={"n": 1}) == {"ok": True}
    assert [one.body for one in server.asked] == [{"n": 1}] * 2


@pytest.fixture
def logged_in(server):
    """Return a client whose logins give these tokens, one after the other; the last one stays."""

    def logged_in(*tokens, **more):
        left = list(tokens)

        def log_in():
            return Credential(token=left.pop(0) if len(left) > 1 else left[0], **more)

        return Client(Login(Access(server=server.url, ca=""), log_in).now())

    return logged_in


def test_it_is_logged_in_once_for_a_request(logged_in, server):
    server.will("GET", ENDED)

    with pytest.raises(NotKnownError):
        logged_in("a", "b", "c").request("GET", PATH)

    assert shown(server) == ["a", "b"]


def test_a_credential_that_there_is_no_other_for_is_not_tried_again(logged_in, server):
    server.will("GET", ENDED)

    with pytest.raises(NotKnownError):
        logged_in("a").request("GET", PATH)

    assert shown(server) == ["a"]


def test_of_many_that_are_refused_at_once_one_logs_in():
    runs = []

    def log_in():
        runs.append(1)
        return Credential(token=f"token-{len(runs)}")

    first = Login(Access(server="https://k", ca=""), log_in).now()
    together = Barrier(8)

    def refused(_):
        together.wait(10)
        return first.login.instead_of(first).token

    with ThreadPoolExecutor(8) as threads:
        tokens = list(threads.map(refused, range(8)))

    assert (tokens, len(runs)) == (["token-2"] * 8, 2)


def test_a_watch_logs_in_again_too(logged_in, server):
    server.will("GET", ENDED, Answer(chunks=[b'{"type": "BOOKMARK"}\n']))

    assert list(logged_in("a", "b").watch(PATH, query={}, seconds=1)) == [{"type": "BOOKMARK"}]


def test_many_questions_at_once_log_in_again_too(logged_in, server):
    """The first answer ends the pipeline, the second is to the same question by itself."""
    server.will("POST", ENDED, ENDED, Answer(body={"allowed": True}))

    assert ask_many(logged_in("a", "b"), PATH, [{}]) == [{"allowed": True}]
    assert shown(server) == ["a", "a", "b"]


def test_who_acts_as_somebody_logs_in_again_and_who_bears_a_token_does_not(logged_in, server):
    ours = logged_in("a", "b")
    server.will("GET", ENDED, DONE)
    ours.impersonating("kim@example.org").request("GET", PATH)
    assert shown(server) == ["a", "b"]
    assert [one.headers["Impersonate-User"] for one in server.asked] == ["kim@example.org"] * 2

    server.asked.clear()
    server.will("GET", ENDED)
    with pytest.raises(NotKnownError):
        ours.bearing("a students").request("GET", PATH)
    assert shown(server) == ["a students"]


def test_a_token_in_a_file_is_read_again(kubeconfig, tmp_path, server):
    """As kubelet puts a new one into the pod of a CronJob."""
    file = tmp_path / "token"
    file.write_text("old\n")
    client = Client(load(kubeconfig({"tokenFile": str(file)}), "mine"))
    file.write_text("new\n")
    server.will("GET", ENDED, DONE)

    client.request("GET", PATH)

    assert shown(server) == ["old", "new"]


def pair():
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "me")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(
        issuer_name=name, subject_name=name, public_key=key.public_key(), serial_number=1,
        not_valid_before=now, not_valid_after=now + timedelta(hours=1),
    ).sign(key, hashes.SHA256())  # fmt: skip
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    return (
        made.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(serialization.Encoding.PEM, form, plain),
    )


def test_another_certificate_takes_other_connections(server):
    pairs = [pair(), pair()]
    given = iter(Credential(certificate=certificate, key=key) for certificate, key in pairs)
    client = Client(Login(Access(server=server.url, ca=""), lambda: next(given)).now())
    before = client._session.connections
    server.will("GET", ENDED, DONE)

    client.request("GET", PATH)

    assert client.access.certificate == pairs[1][0]
    assert client._session.connections is not before


# Before the end


class Clock:
    """A login, and a clock that goes when it is told to."""

    def __init__(self, monkeypatch, life, *, fails_at=()):
        self.runs, self.life, self.fails_at = 0, life, fails_at
        self.elapsed, self.start = 0.0, datetime.now(UTC)
        monkeypatch.setattr(login.time, "monotonic", lambda: self.elapsed)
        monkeypatch.setattr(login, "datetime", self)
        self.login = Login(Access(server="https://k", ca=""), self.log_in)

    def now(self, _=UTC):
        return self.start + timedelta(seconds=self.elapsed)

    def log_in(self):
        self.runs += 1
        if self.runs in self.fails_at:
            raise ClusterError("the plugin failed")
        return Credential(token=f"token-{self.runs}", ends=self.now() + timedelta(**self.life))

    def at(self, seconds):
        self.elapsed = seconds
        return self.login.now().token


def test_a_credential_is_fetched_again_before_it_ends(monkeypatch):
    clock = Clock(monkeypatch, {"seconds": 900})

    assert [clock.at(second) for second in (0, 600, 809)] == ["token-1"] * 3
    assert clock.at(900 * SPENT) == "token-2"
    assert clock.at(1600) == "token-2"


def test_what_cannot_be_fetched_yet_is_no_failure_while_the_old_one_serves(monkeypatch):
    clock = Clock(monkeypatch, {"seconds": 100}, fails_at=(2,))

    assert clock.at(95) == "token-1"
    assert (clock.at(96), clock.runs) == ("token-1", 2), "and it is not tried at every request"
    assert clock.at(99.6) == "token-3"


def test_with_a_clock_that_is_ahead_the_server_alone_says_when_it_has_ended(monkeypatch):
    clock = Clock(monkeypatch, {"hours": -1})

    assert [clock.at(second) for second in (0, 10, 10_000)] == ["token-1"] * 3


def test_the_end_is_the_one_that_the_plugin_names(kubeconfig, plugin, tmp_path):
    ends = (datetime.now(UTC) + timedelta(minutes=5)).replace(microsecond=0)
    script = tmp_path / "login"
    status = {"token": "a", "expirationTimestamp": ends.strftime("%Y-%m-%dT%H:%M:%SZ")}
    answer = {"apiVersion": plugin["exec"]["apiVersion"], "kind": "ExecCredential"}
    script.write_text(f"#!/bin/sh\necho '{json.dumps(answer | {'status': status})}'\n")

    given = login.run_plugin(kubeconfig(plugin), "mine")

    assert (given.token, given.ends) == ("a", ends)
    assert repr(given) == f"Credential(ends={given.ends!r})", "and no secret"
