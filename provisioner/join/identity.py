"""Open a file that was encrypted with age, with a key that lies in a file.

A passphrase is asked for, and neither it nor the key that it opens is ever written down.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from ..errors import InputError, Problem

Ask = Callable[[str], str]
"""Asks a person for the passphrase of the key that is named; empty: there is nobody to ask."""

AGE = b"age-encryption.org/v1"
ARMOR = b"-----BEGIN AGE ENCRYPTED FILE-----"
PLAIN = b"apiVersion: v1"
MOST = 1 << 20
TRIES = 3
"""How often a passphrase is asked for."""

USUAL = (
    ".ssh/id_ed25519",
    ".ssh/id_rsa",
    ".config/sops/age/keys.txt",
    ".config/age/keys.txt",
    ".passage/identities",
    "AppData/Roaming/sops/age/keys.txt",
    "Library/Application Support/sops/age/keys.txt",
)
"""Where keys lie, from the home directory, when nobody has said where."""

_AGE_KEY = re.compile(r"AGE-SECRET-KEY-1[A-Z0-9]+")
_HINT = "Name the private key whose public half you handed in: --identity FILE"
_NOT_A_FILE = (
    "age decrypts with the private key itself, and ssh-agent, a hardware key or a password"
    " manager never gives that away. Hand in the public half of a key that lies in a file, such"
    " as one that `ssh-keygen -t ed25519` makes, and ask for a new hand-out."
)


class _Wrong(Exception):  # noqa: N818  (it is told to nobody)
    """The passphrase is wrong."""


def find(home: Path) -> tuple[Path, ...]:
    """Return the files of private keys in their usual places."""
    return tuple(path for name in USUAL if (path := home / name).is_file())


def open_file(file: Path, identities: Iterable[Path], ask: Ask) -> tuple[bytes, Path]:
    """Decrypt a file with the first key that opens it.

    Args:
        file: What was handed out.
        identities: Files of private keys; those without a passphrase are tried first.
        ask: Asks for a passphrase.

    Returns:
        What was in it, and the key that opened it; the file itself where it is not
        encrypted, for whoever logs in with the school's account gets it so.

    Raises:
        InputError: If the file is none that age made, or no key opens it.
    """
    sealed = _sealed(file)
    if not sealed.startswith(AGE):
        return sealed, file
    candidates = list(identities)
    if not candidates:
        raise InputError("No private key was found in the usual places.", hint=_HINT)
    problems: list[Problem] = []
    for path, keys in _in_turn(candidates, ask, problems):
        content = _decrypt(sealed, keys)
        if content is not None:
            return content, path
        problems.append(Problem(str(path), "is not the key that it is encrypted to"))
    raise InputError(f"{file} cannot be opened.", problems=problems, hint=_why(sealed, problems))


def _why(sealed: bytes, problems: list[Problem]) -> str:
    kinds = set(re.findall(rb"^-> (\S+)", sealed.partition(b"\n---")[0], re.MULTILINE))
    if all("is not the key" not in problem.what for problem in problems):
        return _HINT
    names = {b"ssh-ed25519": "an SSH key (ed25519)", b"ssh-rsa": "an SSH key (RSA)"}
    said = sorted({names[kind] for kind in kinds if kind in names})
    said += ["an age key"] if b"X25519" in kinds else []
    return f"It is encrypted to {' or '.join(said) or 'another kind of key'}. {_HINT}"


def _sealed(file: Path) -> bytes:
    """Return what was handed out, as the library takes it.

    Raises:
        InputError: If it is no hand-out.
    """
    try:
        with file.open("rb") as opened:
            content = opened.read(MOST + 1)
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}.") from None
    if len(content) > MOST or not content.startswith((AGE, ARMOR, PLAIN)):
        raise InputError(
            f"{file} is no hand-out: it is not encrypted with age.",
            hint="Take the file whose name ends with .kubeconfig.age, as it was sent to you.",
        )
    return _unarmored(content, file) if content.startswith(ARMOR) else content


def _unarmored(content: bytes, file: Path) -> bytes:
    lines = content.decode("ascii", errors="replace").split()
    try:
        start, end = lines.index("FILE-----"), len(lines) - lines[::-1].index("-----END")
        return base64.b64decode("".join(lines[start + 1 : end - 1]), validate=True)
    except ValueError:
        raise InputError(f"{file} is damaged; download it again.") from None


def _in_turn(
    paths: Iterable[Path], ask: Ask, problems: list[Problem]
) -> Iterator[tuple[Path, list[Any]]]:
    """Yield every file's keys; a passphrase is asked for when no other key has opened it."""
    locked: list[tuple[Path, bytes]] = []
    for path in paths:
        try:
            content = _private(path)
        except InputError as error:
            problems.append(Problem(str(path), error.message, error.hint or ""))
            continue
        keys = _age_keys(content) or _ssh_key(content)
        if keys:
            yield path, keys
        elif _is_locked(content):
            locked.append((path, content))
        else:
            problems.append(Problem(str(path), "is no private key that can be used", _NOT_A_FILE))
    for path, content in locked:
        try:
            yield path, _ssh_key(_unlocked(path, content, ask))
        except InputError as error:
            problems.append(Problem(str(path), error.message, error.hint or ""))


def _private(path: Path) -> bytes:
    """Return a private key's file; tell what people name in its place."""
    try:
        content = path.read_bytes()[: MOST + 1]
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}") from None
    first = content.lstrip().split(b" ")[0]
    if first.startswith((b"ssh-", b"ecdsa-", b"age1")):
        raise InputError("is a public key", hint=_private_half(path))
    if first.startswith(b"sk-") or b"AGE-PLUGIN-" in content or _is_hardware(content):
        raise InputError("is a key on a hardware token", hint=_NOT_A_FILE)
    if b"PuTTY-User-Key-File" in content:
        raise InputError(
            "is a key of PuTTY", hint="in PuTTYgen: Conversions, Export OpenSSH key; take that file"
        )
    return content


def _private_half(path: Path) -> str:
    private = path.with_suffix("")
    return f"take {private}" if private != path and private.is_file() else _NOT_A_FILE


def _is_hardware(content: bytes) -> bool:
    body = content.partition(b"-----BEGIN OPENSSH PRIVATE KEY-----")[2].partition(b"-----END")[0]
    try:
        return b"sk-" in base64.b64decode(b"".join(body.split()))[:200]
    except ValueError:
        return False


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


def _is_locked(content: bytes) -> bool:
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


def _unlocked(path: Path, content: bytes, ask: Ask) -> bytes:
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


def _decrypt(sealed: bytes, keys: list[Any]) -> bytes | None:
    import pyrage

    try:
        return bytes(pyrage.decrypt(sealed, keys)) if keys else None
    except pyrage.DecryptError:
        return None
