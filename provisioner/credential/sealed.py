"""A kubeconfig, with a token or a login in it, sealed to its owner's key in memory, never on disk in plain."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import yaml

from ..cohort import Oidc, Recipient, Record
from ..errors import ClusterError


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where students reach the API server."""

    server: str
    ca: str


def kubeconfig(cohort: str, record: Record, token: str, address: Address) -> bytes:
    """Return a kubeconfig with one context, the student's namespace, and the CA inside."""
    return _config(cohort, record, {"token": token}, address)


def login_kubeconfig(cohort: str, record: Record, oidc: Oidc, ca: str, address: Address) -> bytes:
    """Return a kubeconfig that logs in at the school, by kubectl's plugin oidc-login.

    Args:
        cohort: The cohort's name.
        record: The student.
        oidc: Where to log in, and as what client.
        ca: The issuer's authority, in PEM; empty where every system knows it.
        address: Where the student reaches the cluster.
    """
    return _config(cohort, record, _login(oidc, ca), address)


def admin_kubeconfig(
    cohort: str, record: Record, pair: tuple[bytes, bytes], address: Address
) -> bytes:
    """Return a kubeconfig of a whole cluster, for its admin.

    Args:
        cohort: The cohort's name.
        record: The student.
        pair: Client certificate and key, in PEM.
        address: Where the student reaches the cluster.
    """
    certificate, key = (base64.b64encode(part).decode() for part in pair)
    user = {"client-certificate-data": certificate, "client-key-data": key}
    return _config(cohort, record, user, address, namespace="default")


def end_of(certificate: bytes) -> datetime:
    """Return when a client certificate ends.

    Raises:
        ClusterError: If it is none.
    """
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(certificate).not_valid_after_utc
    except ValueError:
        raise ClusterError("what the cluster calls a client certificate is none") from None


def _login(oidc: Oidc, ca: str) -> dict[str, Any]:
    flags = {"oidc-issuer-url": [oidc.issuer], "oidc-client-id": [oidc.client_id]}
    flags |= {"oidc-extra-scope": list(oidc.asked_for)}
    flags |= {"certificate-authority-data": [_base64(ca)] if ca else []}
    given = [f"--{flag}={value}" for flag, values in flags.items() for value in values]
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "kubectl",
            "args": ["oidc-login", "get-token", *given],
            "interactiveMode": "IfAvailable",
        }
    }


def _config(
    cohort: str, record: Record, user: dict[str, Any], address: Address, *, namespace: str = ""
) -> bytes:
    name = f"{cohort}-{record.name}"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [
            {"name": name, "cluster": {"server": address.server} | _authority(address.ca)}
        ],
        "users": [{"name": name, "user": user}],
        "contexts": [
            {
                "name": name,
                "context": {
                    "cluster": name,
                    "user": name,
                    "namespace": namespace or record.namespace,
                },
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
    return {"certificate-authority-data": _base64(ca)} if ca else {}


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
