"""A student's public key: exactly one, of a kind that their kubeconfig can be sealed to.

Parsing is strict because the encryption library is not: of two keys in one text it
takes the first and says nothing, so that somebody else's file opens.

* an age recipient, ``age1…``
* an SSH public key, ``ssh-ed25519 …`` or ``ssh-rsa …`` with at least 2048 bits

A key lies in ``stacks/<cohort>/keys/<id>``, or under the student's name where the id
is no safe name for a file. A student without a key is *unkeyed*, which is no mistake.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from .. import names
from ..errors import InputError

MAX_BYTES = 16_384
MIN_RSA_BITS = 2048
MAX_RSA_BITS = 16_384

_SAFE_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}")
_PRIVATE = re.compile(r"AGE-SECRET-KEY-|AGE-PLUGIN-|PRIVATE KEY|openssh-key-v1", re.IGNORECASE)
_AGE = re.compile(r"age1[a-z0-9]+")
_ED25519_BYTES = 32

_NOT_TAKEN = {
    "ecdsa-": "an ecdsa key cannot be encrypted to",
    "sk-": "a key on a hardware token cannot decrypt a file",
    "ssh-dss": "a DSA key is too weak, and cannot be encrypted to",
    "ssh-rsa-cert": "this is a certificate, not a public key",
    "ssh-ed25519-cert": "this is a certificate, not a public key",
}
_HAND_IN = "hand in an age recipient, or an ssh-ed25519 key"


_TWO_KEYS = re.compile(r"\bage1.*\bage1|\bAAAA[0-9A-Za-z+/]{16}.*\bAAAA[0-9A-Za-z+/]{16}")
_MISTAKES: dict[str, Callable[[str], object]] = {
    "this is a PRIVATE key: treat it as lost, make a new pair and hand in the public half; "
    "delete this file and its history": _PRIVATE.search,
    f"the file is empty; {_HAND_IN}": lambda line: not line.strip("\ufeff \t\r\n"),
    "a byte order mark comes first; save it as UTF-8 without BOM": (
        lambda line: line.startswith("\ufeff")
    ),
    "lines end with CR, as on Windows; save it with plain line ends": lambda line: "\r" in line,
    "there are several lines; keep the one with the key": lambda line: "\n" in line,
    "white space comes before the key; delete it": lambda line: line[0].isspace(),
    "there is a control character in it, or one that cannot be seen": (
        lambda line: not line.isprintable()
    ),
    "there are two keys in one line; keep one": _TWO_KEYS.search,
}
"""What can be wrong with the text around a key; the first that holds is told.

Said in this order, because a private key must be told as one whatever is around it.
"""


@dataclass(frozen=True, kw_only=True)
class Recipient:
    """One public key that a file can be encrypted to."""

    text: str
    """What the encryption takes: without the comment and the line's end."""

    kind: Literal["age", "ssh-ed25519", "ssh-rsa"]

    fingerprint: str
    """``SHA256:…``, which for an SSH key is what ``ssh-keygen -l`` shows."""


def parse(text: str) -> Recipient:
    """Read exactly one public key.

    Raises:
        InputError: If the text is anything else; it says what, and what to do.
    """
    line = _one_line(text)
    if line.lower().startswith("age1"):
        return _age(line)
    kind, _, rest = line.partition(" ")
    for start, reason in _NOT_TAKEN.items():
        if kind.startswith(start):
            raise InputError(f"{reason}; {_HAND_IN}")
    if kind in ("ssh-ed25519", "ssh-rsa"):
        return _ssh(cast('Literal["ssh-ed25519", "ssh-rsa"]', kind), rest.split(" ")[0])
    if re.search(r"(ssh-|ecdsa-|sk-)\S+ AAAA", line):
        raise InputError("options stand before the key; keep what starts with ssh-")
    raise InputError(f"this is no public key; {_HAND_IN}")


def find(folder: Path, id: str) -> Path | None:
    """Return the file that a student's key lies in; None when there is none."""
    path = folder / file_name(id)
    try:
        path.lstat()  # a link that leads nowhere is told as one
    except (FileNotFoundError, NotADirectoryError):
        return None
    return path


def file_name(id: str) -> str:
    """Return the file name under which a student hands in a key.

    >>> file_name("20261234"), file_name("../etc/passwd")
    ('20261234', 'etc-passwd---p7xxr5juia2g')
    """
    return id if _SAFE_FILE.fullmatch(id) else names.student(id)


def read(path: Path) -> Recipient:
    """Read the one public key in a file.

    Raises:
        InputError: If there is anything else in it, or it is no plain file.
    """
    if path.is_symlink() or not path.is_file():
        raise InputError("this is no plain file")
    try:
        data = path.read_bytes()[: MAX_BYTES + 1]
    except OSError as error:
        raise InputError(f"the file cannot be read: {error.strerror}") from None
    if len(data) > MAX_BYTES:
        raise InputError("the file is too long for a public key")
    try:
        return parse(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise InputError("this is not text in UTF-8; save the file as UTF-8") from None


def _one_line(text: str) -> str:
    """Return the only line, after the mistakes that hide in white space."""
    line = text.removesuffix("\n")
    for mistake, is_there in _MISTAKES.items():
        if is_there(line):
            raise InputError(mistake)
    return line


def _age(line: str) -> Recipient:
    if line != line.strip() or " " in line:
        raise InputError("something follows the age recipient; delete it")
    if not _AGE.fullmatch(line):
        raise InputError("an age recipient is lower case letters and digits")
    # Other kinds have a longer name before the last 1, as age1pq1…; Bech32 uses no other 1, so
    # that a plain key may well begin with age1pq.
    if "1" in line.removeprefix("age1"):
        raise InputError(f"this kind of age recipient is not taken; {_HAND_IN}")
    from pyrage import RecipientError, x25519  # on no other path

    try:
        x25519.Recipient.from_str(line)
    except RecipientError:
        raise InputError("this age recipient is damaged; copy it again, whole") from None
    return Recipient(text=line, kind="age", fingerprint=_fingerprint(line.encode()))


def _ssh(kind: Literal["ssh-ed25519", "ssh-rsa"], encoded: str) -> Recipient:
    try:
        blob = base64.b64decode(encoded, validate=True)
        fields = _fields(blob)
    except (binascii.Error, ValueError):
        raise InputError("this SSH key is damaged; copy it again, whole") from None
    if not fields or fields[0] != kind.encode():
        raise InputError("this SSH key is damaged: it says two different kinds")
    if kind == "ssh-rsa":
        _check_rsa(fields)
    elif len(fields) != 2 or len(fields[1]) != _ED25519_BYTES:
        raise InputError("this SSH key is damaged; copy it again, whole")
    return Recipient(text=f"{kind} {encoded}", kind=kind, fingerprint=_fingerprint(blob))


def _check_rsa(fields: list[bytes]) -> None:
    if len(fields) != 3:
        raise InputError("this SSH key is damaged; copy it again, whole")
    bits = int.from_bytes(fields[2]).bit_length()
    if bits < MIN_RSA_BITS:
        raise InputError(f"this RSA key has {bits} bits, fewer than {MIN_RSA_BITS}; {_HAND_IN}")
    if bits > MAX_RSA_BITS:
        raise InputError(f"this RSA key has {bits} bits, more than {MAX_RSA_BITS}; {_HAND_IN}")


def _fields(blob: bytes) -> list[bytes]:
    """Split the length-prefixed fields of an SSH key.

    Raises:
        ValueError: If a length leads past the end.
    """
    fields = []
    while blob:
        length = int.from_bytes(blob[:4])
        field, blob = blob[4 : 4 + length], blob[4 + length :]
        if len(field) < length:
            raise ValueError("a field is cut off")
        fields.append(field)
    return fields


def _fingerprint(data: bytes) -> str:
    digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
    return f"SHA256:{digest.rstrip('=')}"
