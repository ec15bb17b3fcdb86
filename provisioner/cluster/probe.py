"""Find out how long a token the server would give."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ..errors import ClusterError
from .answers import ApiError
from .client import Client

AUDIENCE = "practicum-probe"
"""No API server accepts a token for this audience: the probe opens nothing."""


def longest_token(client: Client, namespace: str, wanted: timedelta) -> timedelta:
    """Return the life that a token gets when ``wanted`` is asked for.

    Args:
        client: The cluster.
        namespace: Where there is a ServiceAccount named ``default``.
        wanted: The life to ask for.

    Raises:
        ClusterError: If the server mints no token for us.
    """
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/default/token"
    spec = {"audiences": [AUDIENCE], "expirationSeconds": int(wanted.total_seconds())}
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    try:
        answer = client.request("POST", path, body=body)
    except ApiError as error:
        raise ClusterError(f"The cluster mints no token for us: {error.message}") from None
    return datetime.fromisoformat(answer["status"]["expirationTimestamp"]) - datetime.now(UTC)
