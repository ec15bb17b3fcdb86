"""Read one context of a kubeconfig: the server, its CA, and how to log in.

Always the context that the cohort names, never the current one: the current context
is whatever somebody looked at last.

| in the file | what happens |
| --- | --- |
| no such file, not YAML | ClusterError, exit 7 |
| no such context | ClusterError that lists the contexts there are |
| a `current-context` that does not exist | ClusterError, though it is not used |
| certificate or token, in line or as a file | used as it stands; a `tokenFile` is read again |
| `exec` or `auth-provider` | run by the official client library, and again when it has ended |
| `insecure-skip-tls-verify` | refused: anybody on the way could take the credential |
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from ..errors import ClusterError
from .login import Credential, Login, run_plugin

FILES = {"certificate-authority", "client-certificate", "client-key", "tokenFile"}
"""Fields that name a file."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """All that is needed to talk to one API server as one identity."""

    server: str
    """URL, without a trailing slash."""

    ca: str
    """PEM certificates to trust; empty for the system's own."""

    certificate: bytes = b""
    """PEM client certificate."""

    key: bytes = b""
    """PEM private key of the client certificate."""

    token: str = ""
    server_name: str = ""
    """Name to expect in the server's certificate, where it is not the URL's."""

    proxy: str = ""
    """URL of an HTTP proxy on the way to the server."""

    bounded: bool = False
    """Whether its answers may be anything, as those of a cluster whose admin is a student."""

    login: Login | None = field(default=None, compare=False)
    """How to come by another credential when this one has ended."""

    def __repr__(self) -> str:
        return f"Access(server={self.server!r})"  # the rest is secret


def load(path: Path, context: str) -> Access:
    """Read the access that a context gives.

    Args:
        path: A kubeconfig.
        context: The name of a context in it.

    Raises:
        ClusterError: If the file or the context cannot be used.
    """
    config = _read(path)
    _refuse_dangling(config, path)
    access, user = _chosen(config, context, path)
    if "exec" in user or "auth-provider" in user:
        return Login(access, partial(run_plugin, path, context)).now()
    if user.get("tokenFile"):
        return Login(access, partial(_read_again, access, user, path)).now()
    return access


def parse(content: str, whose: str) -> Access:
    """Read the access that a kubeconfig gives which lies in memory alone: its current context.

    It may come from where a student is root, so no file of this machine and no program is
    taken for it, and no proxy; and no more is read of the server than anybody needs.

    Args:
        content: The kubeconfig; it says everything in line.
        whose: What to call it in errors.

    Raises:
        ClusterError: If it cannot be used.
    """
    path = Path(whose)
    config = _decoded(content.encode(), path, aliases=False)
    _refuse_files(config, path)
    access, _ = _chosen(config, str(config.get("current-context")), path)
    return replace(access, proxy="", bounded=True)


def _refuse_files(config: dict[str, Any], path: Path) -> None:
    for section, part in (("clusters", "cluster"), ("users", "user")):
        listed = config.get(section)
        for entry in listed if isinstance(listed, list) else []:
            said = entry.get(part) if isinstance(entry, dict) else None
            if FILES & set(said if isinstance(said, dict) else ()):
                raise ClusterError(f"{path} names files in place of what it should hold.")


def _chosen(config: dict[str, Any], context: str, path: Path) -> tuple[Access, dict[str, Any]]:
    """Return the access that a context gives without a login, and what it says of its user."""
    chosen = _named(config, "contexts", "context", context, path)
    cluster = _named(config, "clusters", "cluster", str(chosen.get("cluster")), path)
    user = _named(config, "users", "user", str(chosen.get("user")), path)
    if cluster.get("insecure-skip-tls-verify"):
        raise ClusterError(
            f"{path}: context {context} turns off the check of the server's certificate.",
            hint="Give the cluster's certificate-authority-data instead.",
        )
    access = Access(
        server=str(cluster.get("server") or "").rstrip("/"),
        ca=_pem(cluster, "certificate-authority", path),
        certificate=_data(user, "client-certificate", path),
        key=_data(user, "client-key", path),
        token=_token(user, path),
        server_name=str(cluster.get("tls-server-name") or ""),
        proxy=str(cluster.get("proxy-url") or ""),
    )
    return access, user


def _refuse_dangling(config: dict[str, Any], path: Path) -> None:
    # We never use it, but Pulumi's provider refuses a file in which it points nowhere.
    if current := config.get("current-context"):
        try:
            _named(config, "contexts", "context", str(current), path)
        except ClusterError as error:
            raise ClusterError(
                f"{path}: its current-context {current!r} does not exist.",
                hint=f"{error.hint} Choose one: kubectl --kubeconfig {path} config use-context …",
            ) from None


def _read(path: Path) -> dict[str, Any]:
    try:
        return _decoded(path.read_bytes(), path)
    except FileNotFoundError:
        raise ClusterError(
            f"There is no kubeconfig at {path}.",
            hint="Check cluster.kubeconfig in cohort.yaml; for a rehearsal: practicum rehearsal up",
        ) from None
    except OSError as error:
        raise ClusterError(f"{path} cannot be read: {error.strerror}.") from None


def _decoded(content: bytes, path: Path, *, aliases: bool = True) -> dict[str, Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # a PyYAML may be without libyaml
    try:
        if not aliases and _has_alias(content, loader):  # a few lines of them hold a terabyte
            raise ClusterError(f"{path} is not a kubeconfig.")
        config = yaml.load(content, Loader=loader)
    except yaml.YAMLError:
        raise ClusterError(f"{path} cannot be read: it is not YAML.") from None
    if not isinstance(config, dict):
        raise ClusterError(f"{path} is not a kubeconfig.")
    return config


def _has_alias(content: bytes, loader: Any) -> bool:  # noqa: ANN401  (one of two)
    events = yaml.parse(content, Loader=loader)
    return any(isinstance(event, yaml.AliasEvent) for event in events)


def _named(
    config: dict[str, Any], section: str, field: str, name: str, path: Path
) -> dict[str, Any]:
    listed = config.get(section)
    entries = [e for e in (listed if isinstance(listed, list) else []) if isinstance(e, dict)]
    for entry in entries:
        if entry.get("name") == name and isinstance(entry.get(field), dict):
            found: dict[str, Any] = entry[field]
            return found
    there = ", ".join(sorted(str(entry.get("name")) for entry in entries)) or "none"
    raise ClusterError(
        f"{path} has no {field} named {name!r}.", hint=f"It has these {section}: {there}."
    )


def _data(entry: dict[str, Any], field: str, path: Path) -> bytes:
    """Return what a ``field`` (a file) or ``field-data`` (base64) holds; may be empty."""
    try:
        if data := entry.get(f"{field}-data"):
            return base64.b64decode(str(data), validate=True)
        if name := entry.get(field):
            return (path.parent / str(name)).read_bytes()
    except (OSError, ValueError):  # also of text that is not ASCII, and of a NUL in a path
        raise ClusterError(f"{path}: {field} cannot be read.") from None
    return b""


def _pem(entry: dict[str, Any], field: str, path: Path) -> str:
    try:
        return _data(entry, field, path).decode()
    except UnicodeDecodeError:
        raise ClusterError(f"{path}: {field} cannot be read.") from None


def _token(user: dict[str, Any], path: Path) -> str:
    try:
        if name := user.get("tokenFile"):
            return (path.parent / str(name)).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise ClusterError(f"{path}: tokenFile cannot be read.") from None
    return str(user.get("token") or "")


def _read_again(access: Access, user: dict[str, Any], path: Path) -> Credential:
    """Return a context's credential with what its token's file says now."""
    token = _token(user, path)
    return Credential(token=token, certificate=access.certificate, key=access.key)
