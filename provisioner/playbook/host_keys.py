"""The hosts' own keys: which are pinned, and which a machine shows when it is asked.

The file is OpenSSH's ``known_hosts``, one line a key, and nothing else is ever believed:
neither what the operator's own file has, nor what a host shows at the first visit.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .. import shell
from ..errors import InputError, MissingToolError, Problem, ToolError

SSH_PORT = 22
SECONDS = 10
"""How long a host gets to answer."""

KINDS = "ed25519,ecdsa,rsa"


@dataclass(frozen=True, kw_only=True, order=True)
class HostKey:
    """One public key of a host."""

    kind: str
    """As OpenSSH names it: ``ssh-ed25519``."""

    blob: str
    """The key itself, in base64."""

    @property
    def fingerprint(self) -> str:
        """What ``ssh-keygen -l`` shows of the key."""
        digest = hashlib.sha256(base64.b64decode(self.blob)).digest()
        return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


Pinned = Mapping[str, frozenset[HostKey]]
"""The keys of each place: a host with its port, as OpenSSH writes it."""


def place(address: str, port: int) -> str:
    """Return how OpenSSH writes a host and its port.

    >>> place("lab1.example.org", 22), place("127.0.0.1", 2222)
    ('lab1.example.org', '[127.0.0.1]:2222')
    """
    return address if port == SSH_PORT else f"[{address}]:{port}"


def pinned_keys(path: Path) -> dict[str, frozenset[HostKey]]:
    """Read the pinned keys; there are none where there is no file.

    Raises:
        InputError: If the file has a line that is not `place kind key`.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError):
        raise InputError(f"{path} cannot be read.") from None
    found: dict[str, frozenset[HostKey]] = {}
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.startswith("#"):
            where, key = _parsed(line, path, number)
            found[where] = found.get(where, frozenset()) | {key}
    return found


def _parsed(line: str, path: Path, number: int) -> tuple[str, HostKey]:
    at, kind, blob = [*line.split(), "", "", ""][:3]
    if at.startswith(("@", "|")) or "," in at or not kind or _kind_of(blob) != kind:
        problem = Problem(f"{path}:{number}:1", "this is not a host, the kind of a key and the key")
        raise InputError(
            "The pinned keys of the hosts are damaged.",
            problems=[problem],
            hint="Delete the line, and pin the host anew with: practicum hosts scan"
            f" {path.parent.name}",
        )
    return at, HostKey(kind=kind, blob=blob)


def _kind_of(blob: str) -> str:
    """Return the kind that a key says it is; nothing where it is damaged."""
    try:
        raw = base64.b64decode(blob, validate=True)
        return raw[4 : 4 + int.from_bytes(raw[:4])].decode("ascii")
    except (binascii.Error, ValueError):
        return ""


def known_hosts_lines(pinned: Pinned) -> bytes:
    """Return the file of the pinned keys, in an order that stays."""
    lines = [f"{at} {key.kind} {key.blob}\n" for at in sorted(pinned) for key in sorted(pinned[at])]
    return "".join(lines).encode()


def scan(address: str, port: int) -> frozenset[HostKey]:
    """Ask a machine for its keys, which says nothing of who it is.

    Raises:
        MissingToolError: If there is no ssh-keyscan.
        ToolError: If it shows none.
    """
    try:
        text = shell.run(
            "ssh-keyscan", "-T", str(SECONDS), "-t", KINDS, "-p", str(port), "--", address,
            timeout=SECONDS * 4,
        )  # fmt: skip
    except MissingToolError:
        raise MissingToolError(
            "ssh-keyscan cannot be found.", hint="Install the OpenSSH client: openssh-client"
        ) from None
    except ToolError as error:
        raise _silent(address, port) from error
    shown = _shown(line for line in text.splitlines() if line and not line.startswith("#"))
    if not shown:
        raise _silent(address, port)
    return shown


def _shown(lines: Iterable[str]) -> frozenset[HostKey]:
    keys = set()
    for line in lines:
        _, kind, blob = [*line.split(), "", "", ""][:3]
        if kind and _kind_of(blob) == kind:
            keys.add(HostKey(kind=kind, blob=blob))
    return frozenset(keys)


def _silent(address: str, port: int) -> ToolError:
    return ToolError(f"{place(address, port)} shows no SSH host key: nothing answers there.")
