"""Mint a token that is bound to a Secret, and seal it into a kubeconfig."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from .. import cluster, names
from ..cohort import Recipient, Record
from ..errors import ClusterError
from ..manifest import COHORT, GENERATION, STUDENT, Manifest, ObjectKey
from .sealed import Address, kubeconfig, seal
from .standing import EXPIRES, ISSUED, PENDING, RECIPIENT, TYPE, Credential, secrets_path

SHORTEST = 600
"""Seconds: TokenRequest gives no shorter life (its validation)."""

SKEW = 60
"""Seconds that a server's clock may differ from ours before we take note."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a new credential is to be."""

    recipient: Recipient
    """The student's own public key."""

    address: Address
    """Where the student reaches the cluster."""

    expires: datetime
    """When the token is to end, at the latest."""

    notes: Mapping[str, str] = field(default_factory=dict)
    """What it bears beside, of ``replacing``."""

    account: Manifest | None = None
    """The student's ServiceAccount, where it has been read already."""


def issue(
    client: cluster.Client, cohort: str, record: Record, wanted: Wanted
) -> tuple[Credential, bytes]:
    """Mint a token for a student and seal a kubeconfig that holds it.

    It is pending until ``settle`` is called, which is for whoever has it on a disk.

    Args:
        client: The cluster.
        cohort: The cohort's name.
        record: The student.
        wanted: What it is to be.

    Returns:
        What was issued, and the kubeconfig, encrypted.

    Raises:
        ClusterError: If the cluster refuses.
    """
    recipient = wanted.recipient
    try:
        secret = _bound_secret(client, cohort, record, wanted)
        token, until = _mint_or_clear(client, cohort, record, secret, wanted.expires)
    except cluster.ApiError as error:
        raise ClusterError(f"No token for {record.name}: {error.message}") from None
    sealed = seal(kubeconfig(cohort, record, token, wanted.address), recipient)
    issued = datetime.fromisoformat(secret["metadata"]["annotations"][ISSUED])
    credential = Credential(
        student=record.name,
        issued=issued,
        expires=until,
        recipient=recipient.fingerprint,
        secret=secret,
    )
    return credential, sealed


def short_token(client: cluster.Client, cohort: str, account: str) -> str:
    """Mint a token of a student's account for us to use, which ends by itself in ten minutes.

    Raises:
        ClusterError: If the cluster mints none.
    """
    body = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": SHORTEST},
    }
    identity = names.identity_namespace(cohort)
    path = f"/api/v1/namespaces/{identity}/serviceaccounts/{account}/token"
    try:
        return str(client.request("POST", path, body=body)["status"]["token"])
    except cluster.ApiError as error:
        raise ClusterError(f"No token for {account}: {error.message}") from None


def _account(client: cluster.Client, cohort: str, record: Record) -> Manifest:
    key = ObjectKey("ServiceAccount", names.identity_namespace(cohort), record.name)
    account = cluster.read(client, key)
    if account is None:
        raise ClusterError(
            f"{record.name} has no environment yet.", hint=f"Run: practicum up {cohort}"
        )
    return account


def _bound_secret(client: cluster.Client, cohort: str, record: Record, wanted: Wanted) -> Manifest:
    """Make the Secret that a token will be bound to; it holds no data."""
    account = wanted.account or _account(client, cohort, record)
    owner = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "name": record.name,
        "uid": account["metadata"]["uid"],
    }
    now = datetime.now(UTC)  # to the microsecond: two in one second have an order
    metadata = {
        "name": f"{record.name}.{secrets.token_hex(4)}",
        "labels": {COHORT: cohort, STUDENT: record.name, GENERATION: str(record.generation)},
        "annotations": {
            ISSUED: now.isoformat(),
            EXPIRES: wanted.expires.isoformat(),
            RECIPIENT: wanted.recipient.fingerprint,
            PENDING: "true",
            **wanted.notes,
        },
        "ownerReferences": [owner],
    }
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": TYPE}
    return client.request("POST", secrets_path(cohort), body=body)


def _mint_or_clear(
    client: cluster.Client, cohort: str, record: Record, secret: Manifest, expires: datetime
) -> tuple[str, datetime]:
    """Mint; a Secret without a token would look like access that was handed out."""
    try:
        return _mint(client, cohort, record, secret, expires)
    except (ClusterError, cluster.ApiError):
        with suppress(ClusterError, cluster.ApiError):
            body = {"preconditions": {"uid": secret["metadata"]["uid"]}}
            path = f"{secrets_path(cohort)}/{secret['metadata']['name']}"
            client.request("DELETE", path, body=body)
        raise


def _mint(
    client: cluster.Client, cohort: str, record: Record, secret: Manifest, expires: datetime
) -> tuple[str, datetime]:
    # By the cluster's clock, which dates the token: ours may be hours off.
    made = secret["metadata"].get("creationTimestamp")
    now = datetime.fromisoformat(made) if made else datetime.now(UTC)
    seconds = int((expires - now).total_seconds())
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
