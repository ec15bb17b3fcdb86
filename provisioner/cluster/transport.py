"""Connections to one API server: trust, client certificates, proxies, retries."""

from __future__ import annotations

import os
import ssl
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from ..errors import ClusterError
from .kubeconfig import Access
from .plain import Plain

if TYPE_CHECKING:
    import urllib3

WORKERS = 16
"""Requests in flight; beyond 32 the API server only answers later (measured)."""

SECONDS = 30.0
"""A request that takes longer has failed."""

PATIENCE = 20
"""Seconds at most that a server can ask us to wait before the next attempt."""

PASSING = {408, 429, 500, 502, 503, 504}
"""What may be gone the next time; 500 is what a server says while etcd has no leader."""


class Connections:
    """The connections of one identity."""

    def __init__(self, access: Access) -> None:
        """Get ready to open them.

        Raises:
            ClusterError: If its certificates cannot be used.
        """
        self._access = access
        self.plain = Plain(access, _tls(access))

    @cached_property
    def pool(self) -> urllib3.PoolManager:
        """What asks with patience, and says what is wrong."""
        return pool(self._access)


@cache
def patience(*, asks: bool = False) -> urllib3.Retry:
    """Return how often a request is repeated.

    What these methods do twice they do the same; a POST is repeated where it only ``asks``.
    """
    import urllib3

    return urllib3.Retry(
        total=4,
        connect=2,
        read=1,  # who keeps us waiting does so twice, not five times
        other=1,  # a handshake fails for once; a certificate that is refused, is so again
        backoff_factor=0.2,
        backoff_jitter=0.2,
        allowed_methods={"GET", "PUT", "PATCH", "DELETE", *({"POST"} if asks else ())},
        status_forcelist=PASSING,
        respect_retry_after_header=True,
        retry_after_max=PATIENCE,
        raise_on_status=False,
    )


def pool(access: Access) -> urllib3.PoolManager:
    """Return what keeps the connections of one identity open.

    Raises:
        ClusterError: If its certificates cannot be used.
    """
    import urllib3

    options: dict[str, Any] = {
        "maxsize": WORKERS,
        "block": True,
        "retries": patience(),
        "timeout": urllib3.Timeout(connect=10.0, read=SECONDS),
        "ssl_context": _tls(access),
    }
    if access.server_name:
        options["server_hostname"] = access.server_name
    if access.proxy:
        return urllib3.ProxyManager(access.proxy, **options)
    made = urllib3.PoolManager(**options)
    if access.bounded:
        from . import allowance

        allowance.bound(made)
    return made


def _tls(access: Access) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=access.ca or None)
        if access.certificate and access.key:
            _load_pair(context, access.certificate + b"\n" + access.key)
    except (ssl.SSLError, TypeError, ValueError) as error:  # the latter two: what is no PEM at all
        why = getattr(error, "reason", None) or error
        raise ClusterError(f"The certificates for {access.server} cannot be used: {why}.") from None
    return context


def _load_pair(context: ssl.SSLContext, pair: bytes) -> None:
    """Load a client certificate; Python takes it from a file only, so from one in memory."""
    descriptor = os.memfd_create("client-certificate")
    with os.fdopen(descriptor, "wb") as file:
        file.write(pair)
        file.flush()
        # With a password, be it none, nobody is asked for one on the terminal.
        context.load_cert_chain(f"/proc/self/fd/{descriptor}", password="")
