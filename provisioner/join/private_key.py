"""A private key that lies in a file: read, recognised, and opened with its passphrase."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import InputError

Ask = Callable[[str], str]
"""Asks a person for the passphrase of the key that is named; empty: there is nobody to ask."""

MOST = 1 << 20
"""Bytes: a file that has more is neither a key nor a hand-out."""

TRIES = 3
"""How often a passphrase is asked for."""

_AGE_KEY = re.compile(r"AGE-SECRET-KEY-1[A-Z0-9]+")

NOT_A_FILE = (
    "age decrypts with the private key itself, and ssh-agent, a hardware key or a password"
    " manager never gives that away. Hand in the public half of a key that lies in a file, such"
    " as one that `ssh-keygen -t ed25519` makes, and ask for a new hand-out."
)


class _Wrong(Exception):  # noqa: N818  (it is told to nobody)
    """The passphrase is wrong."""


def read(path: Path) -> bytes:
    """Return what is in a private key's file; tell what people name in its place.

    Raises:
        InputError: If it cannot be read, or is a public key or one on a token.
    """
    try:
        content = path.read_bytes()[: MOST + 1]
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}") from None
    first = content.lstrip().split(b" ")[0]
    if first.startswith((b"ssh-", b"ecdsa-", b"age1")):
        raise InputError("is a public key", hint=_private_half(path))
    if first.startswith(b"sk-") or b"AGE-PLUGIN-" in content or _is_hardware(content):
        raise InputError("is a key on a hardware token", hint=NOT_A_FILE)
    if b"PuTTY-User-Key-File" in content:
        raise InputError(
            "is a key of PuTTY", hint="in PuTTYgen: Conversions, Export OpenSSH key; take that file"
        )
    return content


def _private_half(path: Path) -> str:
    private = path.with_suffix("")
    return f"take {private}" if private != path and private.is_file() else NOT_A_FILE


def _is_hardware(content: bytes) -> bool:
    body = content.partition(b"-----BEGIN OPENSSH PRIVATE KEY-----")[2].partition(b"-----END")[0]
    try:
        return b"sk-" in base64.b64decode(b"".join(body.split()))[:200]
    except ValueError:
        return False


def parse(content: bytes) -> list[Any]:
    """Return the keys that are in it, for age; none where there is none, or it is locked."""
    return _age_keys(content) or _ssh_key(content)


def _age_keys(content: bytes) -> list[Any]:
    from pyrage import IdentityError, x25519

    keys = []
    for text in _AGE_KEY.findall(content.decode("utf-8", errors="replace").upper()):
        try:
            keys.append(x25519.Identity.from_str(text))
        except IdentityError:
            continue
    return keys


def _ssh_key(content: bytes) -> list[Any]:
    from pyrage import IdentityError, ssh

    try:
        return [ssh.Identity.from_buffer(content.replace(b"\r\n", b"\n"))]
    except IdentityError:
        return []


def is_locked(content: bytes) -> bool:
    """Say whether it is a key that wants a passphrase."""
    if b"ENCRYPTED" in content:
        return True
    if b"-----BEGIN OPENSSH PRIVATE KEY-----" not in content:
        return False
    try:
        _load(content, None)
    except _Wrong:
        return True
    except ValueError:
        return False
    return False


def unlocked(path: Path, content: bytes, ask: Ask) -> bytes:
    """Return a key without its passphrase, in memory alone.

    Raises:
        InputError: If nobody knows the passphrase.
    """
    from cryptography.hazmat.primitives import serialization

    for _ in range(TRIES):
        passphrase = ask(str(path))
        if not passphrase:
            raise InputError("has a passphrase, and there is nobody to ask for it")
        try:
            key = _load(content, passphrase.encode())
        except _Wrong:
            continue
        except ValueError:
            raise InputError("is damaged, or of a kind that cannot be used") from None
        kind = serialization.PrivateFormat.OpenSSH
        none = serialization.NoEncryption()
        return bytes(key.private_bytes(serialization.Encoding.PEM, kind, none))
    raise InputError(f"the passphrase was wrong {TRIES} times")


def _load(content: bytes, passphrase: bytes | None) -> Any:  # noqa: ANN401  (one of two kinds)
    """Read a private key with its passphrase.

    Raises:
        _Wrong: If it is another, or none where there must be one.
        ValueError: If the key is damaged.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    is_openssh = b"OPENSSH PRIVATE KEY" in content
    load = serialization.load_ssh_private_key if is_openssh else serialization.load_pem_private_key
    try:
        return load(content, passphrase)
    except TypeError:
        raise _Wrong from None
    except UnsupportedAlgorithm:
        raise ValueError("of another kind") from None
    except ValueError as error:
        said = str(error).lower()
        if "corrupt data" in said or "password" in said or "decrypt" in said:
            raise _Wrong from None
        raise
