"""A kubeconfig with a token in it, sealed to its owner's key in memory, never on disk in plain."""

from __future__ import annotations

from dataclasses import dataclass

import yaml

from ..cohort import Recipient, Record


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where students reach the API server."""

    server: str
    ca: str


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
