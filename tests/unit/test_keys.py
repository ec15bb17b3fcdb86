"""CRD-07 and CRD-08: what a key is taken for is what a kubeconfig will be sealed to."""

from __future__ import annotations

import os

import pyrage
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from provisioner.cohort import keys
from provisioner.errors import InputError


def public(key):
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def private(key, form=PrivateFormat.OpenSSH):
    return key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()


@pytest.fixture(scope="module")
def ed():
    return ed25519.Ed25519PrivateKey.generate()


@pytest.fixture(scope="module")
def big():
    return rsa.generate_private_key(65537, 2048)


def test_an_age_recipient_can_be_encrypted_to_and_its_owner_reads_it():
    owner = pyrage.x25519.Identity.generate()

    recipient = keys.parse(f"{owner.to_public()}\n")
    sealed = pyrage.encrypt(b"kubeconfig", [pyrage.x25519.Recipient.from_str(recipient.text)])

    assert recipient.kind == "age"
    assert recipient.fingerprint.startswith("SHA256:")
    assert pyrage.decrypt(sealed, [owner]) == b"kubeconfig"


@pytest.mark.parametrize(
    "text",
    [
        "age1pqa5ezukjafrlg2q75fttgje6apgtu0gqzlwp954j3udt292r5tq64ghmf",
        "age1tagqdyvsnmkk45ehnkrzf8w43h3zsq9vdd7c8ndl28ekpw50yeusg8fjek",
    ],
)
def test_a_key_that_begins_like_another_kind_by_chance_is_taken(text):
    """One in a thousand does."""
    assert keys.parse(text).text == text


@pytest.mark.parametrize("kind", ["age1pq1", "age1tag1", "age1tagpq1", "age1yubikey1"])
def test_an_age_recipient_of_another_kind_is_told_as_one(kind):
    text = f"{kind}qdyvsnmkk45ehnkrzf8w43h3zsq9vdd7c8ndl28ekpw50yeusg8fjek"

    with pytest.raises(InputError, match="this kind of age recipient is not taken"):
        keys.parse(text)


@pytest.mark.parametrize("kind", ["ssh-ed25519", "ssh-rsa"])
def test_an_ssh_key_can_be_encrypted_to_and_its_owner_reads_it(kind, ed, big):
    owner = ed if kind == "ssh-ed25519" else big
    pem = private(owner).encode()

    recipient = keys.parse(f"{public(owner)} ada@laptop, my second key\n")
    sealed = pyrage.encrypt(b"kubeconfig", [pyrage.ssh.Recipient.from_str(recipient.text)])

    assert recipient.kind == kind
    assert recipient.text == public(owner)
    assert pyrage.decrypt(sealed, [pyrage.ssh.Identity.from_buffer(pem)]) == b"kubeconfig"


def test_the_fingerprint_is_what_ssh_keygen_shows():
    text = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"

    assert keys.parse(text).fingerprint == "SHA256:ZkAslGjFiUHdGf/WUL8rQvkib4PTvQatUV0OUQSncCA"


@pytest.mark.parametrize("form", ["age", "openssh", "pkcs8", "pkcs1", "in a note"])
def test_a_private_key_is_told_as_one_and_never_repeated(form, ed, big):
    text = {
        "age": str(pyrage.x25519.Identity.generate()) + "\n",
        "openssh": private(ed),
        "pkcs8": private(ed, PrivateFormat.PKCS8),
        "pkcs1": private(big, PrivateFormat.TraditionalOpenSSL),
        "in a note": f"\ufeff{public(ed)}\r\n\r\n  {pyrage.x25519.Identity.generate()}\r\n".lower(),
    }[form]

    with pytest.raises(InputError, match="this is a PRIVATE key: treat it as lost") as caught:
        keys.parse(text)

    longest = max(text.split(), key=len)
    assert longest not in str(caught.value)
    assert "make a new pair" in caught.value.message


@pytest.mark.parametrize("id", ["20260001", "ada", "ada@example.org", "A.b_c-d+e"])
def test_a_key_lies_under_the_id_where_that_is_a_safe_file_name(id, tmp_path):
    (tmp_path / id).touch()

    assert keys.find(tmp_path, id) == tmp_path / id


@pytest.mark.parametrize("id", ["../20260001", "a/b", ".hidden", "-rf", "a b", "김", "", ".."])
def test_a_key_lies_under_the_name_where_the_id_is_no_safe_file_name(id, tmp_path):
    file = keys.file_name(id)

    assert (tmp_path / file).resolve().parent == tmp_path
    assert keys.find(tmp_path, id) is None
    (tmp_path / file).touch()
    assert keys.find(tmp_path, id) == tmp_path / file


def test_a_link_is_not_followed(tmp_path, ed):
    (tmp_path / "elsewhere").write_text(public(ed))
    (tmp_path / "20260001").symlink_to("elsewhere")

    with pytest.raises(InputError, match="no plain file"):
        keys.read(tmp_path / "20260001")


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "20260001")

    with pytest.raises(InputError, match="no plain file"):
        keys.read(tmp_path / "20260001")
