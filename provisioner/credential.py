"""A student's kubeconfig: minted, sealed to their own key, and never written in plain.

The token comes from TokenRequest and is bound to a Secret: deleting that Secret kills
the token. The Secret belongs to the student's ServiceAccount, so it goes with the
account, and its annotations tell every operator what was handed out and until when.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import yaml

from . import cluster, names
from .cohort import Recipient, Record
from .errors import ClusterError
from .manifest import COHORT, GENERATION, PREFIX, STUDENT, Manifest, ObjectKey, selector

ISSUED = PREFIX + "issued"
EXPIRES = PREFIX + "expires"
RECIPIENT = PREFIX + "recipient"
TYPE = "practicum.dev/credential"

SHORTEST = 600
"""Seconds: TokenRequest gives no shorter life (its validation)."""

SKEW = 60
"""Seconds that a server's clock may differ from ours before we take note."""


@dataclass(frozen=True, kw_only=True)
class Credential:
    """What is known of a credential that was handed out; nothing of it is secret."""

    student: str
    """The student's name."""

    issued: datetime
    expires: datetime
    recipient: str
    """Fingerprint of the key that it was sealed to."""

    secret: Manifest
    """The bound Secret's metadata."""

    def state(self, now: datetime) -> str:
        """Return ``issued`` or ``expired``."""
        return "issued" if now < self.expires else "expired"


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where students reach the API server."""

    server: str
    ca: str


def list_credentials(client: cluster.Client, cohort: str) -> dict[str, list[Credential]]:
    """Read what was handed out, by student, the newest last. Reads no token.

    Raises:
        ClusterError: If the cluster refuses to list the Secrets' metadata.
    """
    try:
        items = list(client.pages(_secrets(cohort), selector=selector(cohort), metadata_only=True))
    except cluster.ApiError as error:
        raise ClusterError(f"What was handed out cannot be listed: {error.message}") from None
    found: dict[str, list[Credential]] = {}
    for item in items:
        if credential := _credential(item):
            found.setdefault(credential.student, []).append(credential)
    for credentials in found.values():
        credentials.sort(key=lambda credential: credential.issued)
    return found


def issue(
    client: cluster.Client,
    cohort: str,
    record: Record,
    recipient: Recipient,
    *,
    address: Address,
    expires: datetime,
) -> tuple[Credential, bytes]:
    """Mint a token for a student and seal a kubeconfig that holds it.

    Args:
        client: The cluster.
        cohort: The cohort's name.
        record: The student.
        recipient: The student's own public key.
        address: Where the student reaches the cluster.
        expires: When the token is to end, at the latest.

    Returns:
        What was issued, and the kubeconfig, encrypted.

    Raises:
        ClusterError: If the cluster refuses.
    """
    try:
        secret = _bound_secret(client, cohort, record, recipient, expires)
        token, until = _mint(client, cohort, record, secret, expires)
        if until < expires:
            _note_shorter(client, secret, until)
    except cluster.ApiError as error:
        raise ClusterError(f"No token for {record.name}: {error.message}") from None
    sealed = seal(kubeconfig(cohort, record, token, address), recipient)
    issued = datetime.fromisoformat(secret["metadata"]["annotations"][ISSUED])
    credential = Credential(
        student=record.name,
        issued=issued,
        expires=until,
        recipient=recipient.fingerprint,
        secret=secret,
    )
    return credential, sealed


def withdraw(client: cluster.Client, credentials: Iterable[Credential]) -> None:
    """Delete the bound Secrets of some credentials: their tokens are dead within seconds.

    Raises:
        ClusterError: If the cluster refuses.
    """
    for credential in credentials:
        metadata = credential.secret["metadata"]
        body = {"preconditions": {"uid": metadata["uid"]}}
        path = f"/api/v1/namespaces/{metadata['namespace']}/secrets/{metadata['name']}"
        try:
            client.request("DELETE", path, body=body)
        except cluster.ApiError as error:
            if error.status != 404:
                raise ClusterError(
                    f"The credential of {credential.student} stays: {error.message}"
                ) from None


def kubeconfig(cohort: str, record: Record, token: str, address: Address) -> bytes:
    """Return a kubeconfig with one context, the student's namespace, and the CA inside."""
    name = f"{cohort}-{record.name}"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [
            {"name": name, "cluster": {"server": address.server} | _authority(address.ca)}
        ],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [
            {
                "name": name,
                "context": {"cluster": name, "user": name, "namespace": record.namespace},
            }
        ],
        "preferences": {},
    }
    return yaml.safe_dump(config, sort_keys=False).encode()


def seal(content: bytes, recipient: Recipient) -> bytes:
    """Encrypt to one public key with age; only its owner can read the result."""
    import pyrage

    family = pyrage.x25519 if recipient.kind == "age" else pyrage.ssh
    return bytes(pyrage.encrypt(content, [family.Recipient.from_str(recipient.text)]))


def _authority(ca: str) -> dict[str, str]:
    import base64

    return {"certificate-authority-data": base64.b64encode(ca.encode()).decode()} if ca else {}


def _secrets(cohort: str) -> str:
    return f"/api/v1/namespaces/{names.identity_namespace(cohort)}/secrets"


def _bound_secret(
    client: cluster.Client,
    cohort: str,
    record: Record,
    recipient: Recipient,
    expires: datetime,
) -> Manifest:
    """Make the Secret that a token will be bound to; it holds no data."""
    key = ObjectKey("ServiceAccount", names.identity_namespace(cohort), record.name)
    account = cluster.read(client, key)
    if account is None:
        raise ClusterError(
            f"{record.name} has no environment yet.", hint=f"Run: practicum up {cohort}"
        )
    owner = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "name": record.name,
        "uid": account["metadata"]["uid"],
    }
    now = datetime.now(UTC).replace(microsecond=0)
    metadata = {
        "name": f"{record.name}.{secrets.token_hex(4)}",
        "labels": {COHORT: cohort, STUDENT: record.name, GENERATION: str(record.generation)},
        "annotations": {
            ISSUED: now.isoformat(),
            EXPIRES: expires.isoformat(),
            RECIPIENT: recipient.fingerprint,
        },
        "ownerReferences": [owner],
    }
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": TYPE}
    return client.request("POST", _secrets(cohort), body=body)


def _mint(
    client: cluster.Client, cohort: str, record: Record, secret: Manifest, expires: datetime
) -> tuple[str, datetime]:
    seconds = int((expires - datetime.now(UTC)).total_seconds())
    bound = {
        "apiVersion": "v1",
        "kind": "Secret",
        "name": secret["metadata"]["name"],
        "uid": secret["metadata"]["uid"],
    }
    body = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": seconds, "boundObjectRef": bound},
    }
    path = (
        f"/api/v1/namespaces/{names.identity_namespace(cohort)}/serviceaccounts/{record.name}/token"
    )
    status: dict[str, Any] = client.request("POST", path, body=body)["status"]
    until = datetime.fromisoformat(status["expirationTimestamp"])
    if (until - expires).total_seconds() > SKEW:
        raise ClusterError(
            f"The cluster gave {record.name} a longer life than asked; it was not handed out."
        )
    return status["token"], until


def _note_shorter(client: cluster.Client, secret: Manifest, until: datetime) -> None:
    metadata = secret["metadata"]
    client.request(
        "PATCH",
        f"/api/v1/namespaces/{metadata['namespace']}/secrets/{metadata['name']}",
        body={"metadata": {"annotations": {EXPIRES: until.isoformat()}}},
        content="application/merge-patch+json",
    )


def _credential(item: Manifest) -> Credential | None:
    metadata = item["metadata"]
    notes = metadata.get("annotations") or {}
    try:
        return Credential(
            student=metadata["labels"][STUDENT],
            issued=datetime.fromisoformat(notes[ISSUED]),
            expires=datetime.fromisoformat(notes[EXPIRES]),
            recipient=notes.get(RECIPIENT, ""),
            secret=item,
        )
    except (KeyError, ValueError):
        return None
