"""Log in as a kubeconfig says, and again when the credential has ended.

A credential of a cloud's plugin lives for a quarter of an hour to an hour, and a long run
for longer. So the plugin is run again shortly before the end that it names, and where the
server takes the credential no more; a token in a file is read again then.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ClusterError

if TYPE_CHECKING:
    from .kubeconfig import Access

SPENT = 0.9
"""Part of its life after which a credential is replaced, while it still serves if that fails."""


@dataclass(frozen=True, kw_only=True)
class Credential:
    """What a login gives."""

    token: str = ""
    certificate: bytes = b""
    key: bytes = b""
    ends: datetime | None = None

    def __repr__(self) -> str:
        return f"Credential(ends={self.ends!r})"  # the rest is secret


class Login:
    """One way to log in, and what it gave last. Threads may share it."""

    def __init__(self, bare: Access, log_in: Callable[[], Credential]) -> None:
        self._bare, self._log_in = bare, log_in
        self._lock = threading.Lock()
        self._access = self._again()

    def now(self) -> Access:
        """Return an access that has not ended, as far as its credential tells."""
        with self._lock:
            if time.monotonic() >= self._due:
                self._try_again()
            return self._access

    def instead_of(self, refused: Access) -> Access:
        """Return what to use in place of an access that the server does not take.

        It is the same where there is nothing else: somebody else may have logged in since.

        Raises:
            ClusterError: If it cannot be logged in.
        """
        with self._lock:
            if self._access == refused:
                self._access = self._again()
            return self._access

    def _again(self) -> Access:
        given = self._log_in()
        self._ends = given.ends
        self._due = _due(given.ends)
        return replace(
            self._bare,
            token=given.token,
            certificate=given.certificate,
            key=given.key,
            login=self,
        )

    def _try_again(self) -> None:
        """Log in before the end; where that fails, what there is still serves for a while."""
        try:
            self._access = self._again()
        except ClusterError:
            self._due = _due(self._ends)


def _due(ends: datetime | None) -> float:
    """Return when to log in again, by our monotonic clock; where it is over, the server says so.

    A plugin may give the same credential until its end: then this comes nearer to it each time.
    """
    left = (ends - datetime.now(UTC)).total_seconds() if ends else 0.0
    return time.monotonic() + SPENT * left if left > 0 else math.inf


def run_plugin(path: Path, context: str) -> Credential:
    """Run the login plugin of a context.

    Raises:
        ClusterError: If it gives no credential.
    """
    # Half a second to import, so only where a plugin has to be run.
    from kubernetes.client import Configuration
    from kubernetes.config import kube_config

    loaded, ends = Configuration(), None
    try:
        merged = kube_config.KubeConfigMerger(str(path))
        loader = kube_config.KubeConfigLoader(
            merged.config, context, config_base_path=None, config_persister=merged.save_changes
        )
        loader.load_and_set(loaded)
        token = loaded.get_api_key_with_prefix("BearerToken")
        ends = getattr(loader, "expiry", None)
    except Exception:  # noqa: BLE001  (a plugin may raise anything)
        token = None
    given = Credential(
        token=(token or "").removeprefix("Bearer ").strip(),
        certificate=_content(loaded.cert_file),
        key=_content(loaded.key_file),
        ends=ends,
    )
    if not given.token and not given.certificate:
        raise ClusterError(
            f"{path}: the login plugin of context {context} failed.",
            hint=f"Try it by hand: kubectl --kubeconfig {path} --context {context} auth whoami",
        )
    return given


def _content(name: str | None) -> bytes:
    return Path(name).read_bytes() if name else b""
