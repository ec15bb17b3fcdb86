"""What a student's cluster may answer: it is theirs, so it may be anything, and stops no other's."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from provisioner import cluster
from provisioner.cluster import Access, ApiError, contents
from provisioner.cluster.served_types import Type
from provisioner.cluster.transport import pool
from provisioner.credential import Standing
from provisioner.errors import ClusterError
from provisioner.lifecycle.access import desk
from provisioner.lifecycle.archives.kept import Archive
from provisioner.lifecycle.own_clusters import OwnClusters, access, handing_out, keeping, scoped
from provisioner.lifecycle.progress import Silent
from provisioner.settings import Settings

from .conftest import Answer


@pytest.mark.parametrize(
    "wrong", [KeyError("metadata"), TypeError(), AttributeError(), ValueError(), RecursionError(),
              IndexError(), ApiError(500, "InternalError", "no")],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_an_answer_that_is_none_fails_its_own_student_alone(monkeypatch, tmp_path, wrong):
    def keep_one(_reading, name, _work):
        if name == "s1":
            raise wrong
        return Archive(id="2", path=tmp_path, sha256="", size=1, objects=1)

    reading = SimpleNamespace(cohort=SimpleNamespace(name="mls26"), id_of=lambda name: name[1:])
    monkeypatch.setattr(keeping, "_not_on_file", lambda *_: "")
    monkeypatch.setattr(keeping, "_has_work", lambda *_: True)
    monkeypatch.setattr(keeping, "Work", lambda *_: None)
    monkeypatch.setattr(keeping, "folder_of", lambda *_: tmp_path)
    monkeypatch.setattr(keeping.access, "standings", lambda *_: {})
    monkeypatch.setattr(keeping, "_keep_one", keep_one)

    done = keeping.keep(None, reading, ["s1", "s2"], Silent())

    assert [*done.failed] == ["s1"]
    assert "its cluster" in done.failed["s1"]


def test_what_can_be_explained_stays_what_it_is():
    def fail():
        with access.answers():
            raise ClusterError("is suspended")

    with pytest.raises(ClusterError, match=r"^is suspended$"):
        fail()


HERE = "https://127.0.0.1:1"
KEY = ec.generate_private_key(ec.SECP256R1())


def encrypted():
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    return KEY.private_bytes(*form, serialization.BestAvailableEncryption(b"secret"))


def certificate():
    name, now = x509.Name([]), datetime.now(UTC)
    built = x509.CertificateBuilder(name, name, KEY.public_key(), 1, now, now + timedelta(days=1))
    return built.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize(
    "given",
    [{"ca": "é"}, {"certificate": b"-", "key": b"-"}, {"ca": "-----BEGIN CERTIFICATE-----\n"}],
)
def test_certificates_that_are_none_are_refused_in_one_line(given):
    with pytest.raises(ClusterError, match="cannot be used"):
        pool(Access(**{"server": HERE, "ca": "", "token": "", **given}))


def test_a_key_with_a_passphrase_asks_nobody(monkeypatch):
    asked = []
    real = ssl.SSLContext.load_cert_chain

    def load(self, path, keyfile=None, password=None):
        asked.append(password)
        return real(self, path, keyfile, password)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", load)
    with pytest.raises(ClusterError, match="cannot be used"):
        pool(Access(server=HERE, ca="", token="", certificate=certificate(), key=encrypted()))
    assert asked == [""]


@pytest.mark.parametrize(
    "answer", [Answer(status=403, body={}), Answer(body={}), Answer(body={"metadata": None})]
)
def test_a_cluster_that_does_not_say_what_it_is_is_told(server, client, answer):
    server.will("GET", answer)

    for ask in (cluster.version, cluster.uid_of):
        with pytest.raises(ClusterError):
            ask(client)


def test_a_list_that_goes_on_for_ever_is_left(server, client):
    again = Answer(body={"metadata": {"continue": "t"}, "items": []})
    server.will("GET", again, again, Answer(body={"metadata": {}, "items": []}))
    pods = Type(group="", version="v1", plural="pods", kind="Pod", namespaced=True, verbs=("list",))

    with pytest.raises(ClusterError, match="does not end"):
        list(contents.list_type(client, pods, "a")[1])


def test_of_scoped_access_each_cluster_that_runs_is_asked_and_one_that_answers_nothing_is_left_out(
    monkeypatch, tmp_path
):
    given = Standing(revoked=datetime(2026, 11, 1, tzinfo=UTC))

    def standings(client, _cohort):
        if client == "s1":
            raise TypeError
        return {client: given}

    monkeypatch.setattr(access, "client_of", lambda _, name: name)
    monkeypatch.setattr(access.credential, "standings", standings)
    running = SimpleNamespace(running=True)
    reading = SimpleNamespace(
        cohort=SimpleNamespace(name="mls26", kind=SimpleNamespace(access="namespace")),
        records={}, berths={"s1": None, "s2": None}, cluster=lambda _: running,
    )  # fmt: skip

    settings = Settings(stacks=tmp_path, home=tmp_path)
    assert access.standings(settings, reading) == {"s2": given}


def test_to_revoke_everybodys_access_is_not_done_where_a_cluster_does_not_run(monkeypatch):
    pairs = [(SimpleNamespace(name=f"s{id}"), SimpleNamespace(id=id)) for id in "12"]
    kind = SimpleNamespace(access="namespace")
    reading = SimpleNamespace(cohort=SimpleNamespace(name="mls26", kind=kind))
    monkeypatch.setattr("provisioner.lifecycle.own_clusters.at_the_desk._read", lambda *_: reading)
    monkeypatch.setattr(desk, "chosen", lambda *_: pairs)

    def no_desk(_settings, _reading, record, _student):
        raise ClusterError("is suspended") if record.name == "s1" else KeyError("metadata")

    monkeypatch.setattr(scoped, "_desk", no_desk)

    done = OwnClusters().revoke(None, "mls26", (), progress=Silent())

    assert done.failed == {
        "1": "is suspended",
        "2": "its cluster gave an answer that is none (KeyError)",
    }


def test_a_hand_out_of_a_cluster_that_answers_nothing_sensible_fails_alone(monkeypatch):
    def one(*_):
        raise TypeError

    monkeypatch.setattr(handing_out._Counter, "_one", one)
    counter = object.__new__(handing_out._Counter)

    given = counter._guarded((None, None), None)

    assert (given.heading, given.why) == (
        "failed", "its cluster gave an answer that is none (TypeError)")  # fmt: skip


def test_of_an_engine_that_is_silent_it_is_not_said_that_there_is_no_cluster():
    reading = SimpleNamespace(
        cluster=lambda _: None,
        site=lambda _: SimpleNamespace(name="lab2"),
        sight=SimpleNamespace(silent={"lab2": "the engine lab2 does not answer"}),
    )

    with pytest.raises(ClusterError, match="lab2 does not answer"):
        access.of(reading, "s1")
