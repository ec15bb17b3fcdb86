"""CRD-05 to CRD-07: what a student is handed, and who can open it."""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime, timedelta

import pyrage
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from provisioner import credential
from provisioner.cohort import keys
from provisioner.credential import Address, Credential, Wanted, minting
from provisioner.errors import ClusterError, InputError
from provisioner.join.merge import put
from provisioner.lifecycle.access import terms

from ..sample import cohort, record
from .conftest import Answer

PEM = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"
ADDRESS = Address(server="https://k8s.example.org:6443", ca=PEM)
TOKEN = "canary.token"


def public(key):
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def identity(key):
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    return pyrage.ssh.Identity.from_buffer(pem)


@pytest.fixture(scope="module")
def pairs():
    """Two pairs of each kind of key, made on the spot: what is handed in, what opens it."""
    age = [pyrage.x25519.Identity.generate() for _ in range(2)]
    ed = [ed25519.Ed25519PrivateKey.generate() for _ in range(2)]
    big = [rsa.generate_private_key(65537, 2048) for _ in range(2)]
    return {
        "age": [(str(one.to_public()), one) for one in age],
        "ssh-ed25519": [(public(one), identity(one)) for one in ed],
        "ssh-rsa": [(public(one), identity(one)) for one in big],
    }


# CRD-06


def test_a_kubeconfig_has_one_context_the_own_namespace_and_the_authority():
    config = yaml.safe_load(credential.kubeconfig("mls26", record(), TOKEN, ADDRESS))

    name = "mls26-s20260001"
    assert config == {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [
            {
                "name": name,
                "cluster": {
                    "server": ADDRESS.server,
                    "certificate-authority-data": base64.b64encode(PEM.encode()).decode(),
                },
            }
        ],
        "users": [{"name": name, "user": {"token": TOKEN}}],
        "contexts": [
            {
                "name": name,
                "context": {"cluster": name, "user": name, "namespace": "mls26--s20260001"},
            }
        ],
        "preferences": {},
    }


def test_a_kubeconfig_without_an_authority_trusts_the_systems_and_checks_all_the_same():
    address = Address(server=ADDRESS.server, ca="")

    [entry] = yaml.safe_load(credential.kubeconfig("mls26", record(), TOKEN, address))["clusters"]

    assert entry["cluster"] == {"server": ADDRESS.server}


# CRD-07


@pytest.mark.parametrize("kind", ["age", "ssh-ed25519", "ssh-rsa"])
def test_what_is_sealed_opens_with_the_own_key_and_with_no_other(pairs, kind):
    content = credential.kubeconfig("mls26", record(), TOKEN, ADDRESS)
    (handed_in, opener), (_, other) = pairs[kind]

    sealed = credential.seal(content, keys.parse(handed_in))

    assert TOKEN.encode() not in sealed
    assert pyrage.decrypt(sealed, [opener]) == content
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(sealed, [other])


def test_two_students_never_get_the_same_bytes(pairs):
    recipient = keys.parse(pairs["age"][0][0])

    assert credential.seal(b"x", recipient) != credential.seal(b"x", recipient)


# Minting, with a server that does what a healthy one does not

ACCOUNT = Answer(body={"kind": "ServiceAccount", "metadata": {"name": "s20260001", "uid": "u1"}})
EXPIRES = datetime(2027, 1, 2, 23, 59, 59, tzinfo=UTC)


def bound(until=EXPIRES, **metadata):
    """What the server says to the Secret, then to the TokenRequest."""
    secret = {
        "metadata": {
            "name": "s20260001.ab", "namespace": "practicum-mls26", "uid": "u2",
            "annotations": {credential.ISSUED: "2026-09-01T08:00:00+00:00"}, **metadata,
        }
    }  # fmt: skip
    status = {"token": TOKEN, "expirationTimestamp": until.isoformat()}
    return [Answer(status=201, body=secret), Answer(status=201, body={"status": status})]


def issue(client, pairs, kind="age"):
    recipient = keys.parse(pairs[kind][0][0])
    wanted = Wanted(recipient=recipient, address=ADDRESS, expires=EXPIRES)
    return credential.issue(client, "mls26", record(), wanted)


def test_a_token_is_bound_to_a_secret_that_belongs_to_the_account(server, client, pairs):
    server.will("GET", ACCOUNT)
    server.will("POST", *bound())

    given, sealed = issue(client, pairs)

    secret, token = [asked.body for asked in server.asked if asked.method == "POST"]
    assert secret["metadata"]["ownerReferences"][0] | {"uid": "u1"} == {
        "apiVersion": "v1", "kind": "ServiceAccount", "name": "s20260001", "uid": "u1",
    }  # fmt: skip
    assert "data" not in secret and "stringData" not in secret  # noqa: PT018
    assert secret["type"] == "practicum.dev/credential"
    assert token["spec"]["boundObjectRef"] == {
        "apiVersion": "v1", "kind": "Secret", "name": "s20260001.ab", "uid": "u2",
    }  # fmt: skip
    assert given.expires == EXPIRES
    assert TOKEN in pyrage.decrypt(sealed, [pairs["age"][0][1]]).decode()
    assert TOKEN not in repr(given)


@pytest.mark.parametrize("off", [-1, 1])
def test_a_clock_that_is_off_changes_no_tokens_end(server, client, pairs, monkeypatch, off):
    """REL-24: the cluster dates the token, so its clock says how many seconds are left."""

    class Off(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(hours=off)

    monkeypatch.setattr(minting, "datetime", Off)
    made = datetime(2026, 12, 1, 8, 0, 0, tzinfo=UTC)
    server.will("GET", ACCOUNT)
    server.will("POST", *bound(creationTimestamp="2026-12-01T08:00:00Z"))

    issue(client, pairs)

    token = [asked.body for asked in server.asked if asked.method == "POST"][-1]
    assert made + timedelta(seconds=token["spec"]["expirationSeconds"]) == EXPIRES


def test_which_credential_is_the_newest_is_for_the_clusters_clock_to_say(server, client):
    """Two operators, and the first one's clock is an hour ahead."""
    found = [
        {
            "metadata": {
                "name": f"s20260001.{name}", "uid": name, "creationTimestamp": made,
                "labels": {"practicum.dev/student": "s20260001"},
                "annotations": {
                    credential.ISSUED: issued, credential.EXPIRES: EXPIRES.isoformat(),
                    credential.RECIPIENT: name,
                },
            }
        }
        for name, made, issued in [
            ("ahead", "2026-12-01T08:00:00Z", "2026-12-01T09:00:00+00:00"),
            ("later", "2026-12-01T08:10:00Z", "2026-12-01T08:10:00+00:00"),
        ]
    ]  # fmt: skip
    server.will("GET", Answer(body={"metadata": {}, "items": found}))

    standing = credential.standings(client, "mls26")["s20260001"]

    assert [one.recipient for one in standing.credentials] == ["ahead", "later"]


def test_a_longer_life_is_not_handed_out(server, client, pairs):
    server.will("GET", ACCOUNT)
    server.will("POST", *bound(EXPIRES + timedelta(days=1)))

    with pytest.raises(ClusterError, match="a longer life than asked") as caught:
        issue(client, pairs)

    assert TOKEN not in caught.value.message


def test_who_has_no_environment_gets_none(server, client, pairs):
    server.will("GET", Answer(status=404, body={"message": "not found"}))

    with pytest.raises(ClusterError, match="has no environment yet") as caught:
        issue(client, pairs)

    assert "practicum up mls26" in caught.value.hint


def test_a_refusal_is_told_by_name(server, client, pairs):
    server.will("GET", ACCOUNT)
    server.will("POST", Answer(status=403, body={"message": "no rights", "reason": "Forbidden"}))

    with pytest.raises(ClusterError, match="No token for s20260001: no rights"):
        issue(client, pairs)


def given(**notes):
    metadata = {
        "name": "s.ab", "namespace": "practicum-mls26", "uid": "u2",
        "labels": {"practicum.dev/student": "s20260001"},
        "annotations": {
            credential.ISSUED: "2026-09-01T08:00:00+00:00",
            credential.EXPIRES: EXPIRES.isoformat(),
            **notes,
        },
    }  # fmt: skip
    return {"metadata": metadata}


def test_what_was_handed_out_is_read_newest_last(server, client):
    older = given(**{credential.ISSUED: "2026-08-01T08:00:00+00:00"})
    damaged = given(**{credential.EXPIRES: "soon"})
    foreign = {"metadata": {"name": "x", "labels": {}}}
    page = {"metadata": {}, "items": [given(), older, damaged, foreign]}
    server.will("GET", Answer(body=page))

    found = credential.standings(client, "mls26")

    assert [one.issued.month for one in found["s20260001"].credentials] == [8, 9]
    assert found.keys() == {"s20260001"}
    assert server.asked[0].headers["Accept"].startswith("application/json;as=PartialObjectMeta")


def test_a_credential_is_withdrawn_by_its_uid_and_may_be_gone(server, client):
    server.will("GET", Answer(body={"metadata": {}, "items": [given()]}))
    found = credential.standings(client, "mls26")["s20260001"].credentials
    server.will("DELETE", Answer(status=404, body={"message": "gone"}))

    credential.withdraw(client, found)

    assert server.asked[-1].body == {"preconditions": {"uid": "u2"}}
    assert server.asked[-1].path == "/api/v1/namespaces/practicum-mls26/secrets/s.ab"
    server.will("DELETE", Answer(status=409, body={"message": "another uid"}))
    with pytest.raises(ClusterError, match="The credential of s20260001 stays: another uid"):
        credential.withdraw(client, found)


@pytest.mark.parametrize(("later", "state"), [(-1, "issued"), (0, "expired"), (1, "expired")])
def test_a_credential_is_issued_until_it_ends(later, state):
    one = Credential(student="s1", issued=EXPIRES, expires=EXPIRES, recipient="SHA256:x", secret={})

    assert one.state(EXPIRES + timedelta(seconds=later)) == state


# How long


def ending(ends, grace):
    term = {"starts": date(2020, 1, 1), "ends": ends, "grace_days": grace}
    return cohort(term=term)


def test_a_credential_ends_with_the_last_day_of_grace():
    today = datetime.now(UTC).date()

    ends = terms.expiry(ending(today + timedelta(days=10), 14))

    last = today + timedelta(days=24)
    assert ends == datetime(last.year, last.month, last.day, 23, 59, 59, tzinfo=UTC)


def test_in_the_grace_there_is_still_one_and_after_it_none():
    today = datetime.now(UTC).date()

    assert terms.expiry(ending(today - timedelta(days=13), 14))
    with pytest.raises(InputError, match="its grace ended on"):
        terms.expiry(ending(today - timedelta(days=15), 14))


def test_an_admins_kubeconfig_is_one_that_join_takes(tmp_path):
    address = Address(server="https://192.0.2.1:6443", ca=PEM)
    content = credential.admin_kubeconfig("ops26", record(), (b"certificate", b"key"), address)

    merged = put(content, tmp_path / "config")

    [user] = yaml.safe_load(merged.path.read_text())["users"]
    assert base64.b64decode(user["user"]["client-key-data"]) == b"key"
    [context] = yaml.safe_load(merged.path.read_text())["contexts"]
    assert context["context"]["namespace"] == "default"
