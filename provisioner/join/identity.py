"""Open a file that was encrypted with age, with a key that lies in a file.

A passphrase is asked for, and neither it nor the key that it opens is ever written down.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ..errors import InputError, Problem
from . import private_key
from .private_key import MOST, Ask

AGE = b"age-encryption.org/v1"
ARMOR = b"-----BEGIN AGE ENCRYPTED FILE-----"
PLAIN = b"apiVersion: v1"
"""How a kubeconfig begins that was handed out without being encrypted."""

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

_HINT = "Name the private key whose public half you handed in: --identity FILE"


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
            content = private_key.read(path)
        except InputError as error:
            problems.append(Problem(str(path), error.message, error.hint or ""))
            continue
        keys = private_key.parse(content)
        if keys:
            yield path, keys
        elif private_key.is_locked(content):
            locked.append((path, content))
        else:
            problems.append(
                Problem(str(path), "is no private key that can be used", private_key.NOT_A_FILE)
            )
    for path, content in locked:
        try:
            yield path, private_key.parse(private_key.unlocked(path, content, ask))
        except InputError as error:
            problems.append(Problem(str(path), error.message, error.hint or ""))


def _decrypt(sealed: bytes, keys: list[Any]) -> bytes | None:
    import pyrage

    try:
        return bytes(pyrage.decrypt(sealed, keys)) if keys else None
    except pyrage.DecryptError:
        return None
