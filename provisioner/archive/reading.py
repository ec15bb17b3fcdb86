"""Open an archive and check all of it: each member against the manifest, and the counts.

``age`` tells when a single bit was changed, but anybody who knows the course's public key
can make a file for it. So a file that opens is not yet a true one, nothing in it is taken
at its word, and an unpacked member never leaves its folder.
"""

from __future__ import annotations

import hashlib
import re
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from .. import private_file
from ..errors import InputError
from .contents import OURS, OWN, VOLUMES, Contents, Volume, parse
from .decrypting import damaged, decrypted
from .packing import FILE

LARGEST = 64 << 20
"""Bytes of one member: many times what a cluster stores of one object."""

_NAMED = r"[a-z0-9-]+(?:\.[a-z0-9-]+)*"
_PATH = re.compile(
    rf"(?:{OWN}|{OURS})/[a-z0-9-]+/{_NAMED}/[^/\0]+\.yaml"
    rf"|{VOLUMES}/[a-z0-9-]+/{_NAMED}/content\.tar\.[0-9]{{6}}"
)


def identity(path: Path) -> Any:  # noqa: ANN401  (pyrage's identities have no common type)
    """Read a private key: an age identity file, or an SSH key without a passphrase.

    Raises:
        InputError: If there is no such file, others may read it, or it holds no such key.
    """
    import pyrage

    try:
        private_file.require_private(path)
        content = path.read_bytes()
        lines = [line.strip() for line in content.decode().splitlines()]
    except (OSError, UnicodeDecodeError):
        raise InputError(f"{path} cannot be read as a private key.") from None
    ages = [line for line in lines if line.upper().startswith("AGE-SECRET-KEY-")]
    try:
        if ages:
            return pyrage.x25519.Identity.from_str(ages[0])
        return pyrage.ssh.Identity.from_buffer(content)
    except pyrage.IdentityError:
        raise InputError(
            f"{path} holds no private key that opens archives.",
            hint="Take the course's age key, or an SSH key without a passphrase.",
        ) from None


def opened(path: Path, key: Any) -> Iterator[tuple[str, bytes]]:  # noqa: ANN401
    """Yield path and content of every member, the manifest last, and check all on the way.

    What is yielded is known to be true only once the iteration has ended.

    Raises:
        InputError: If the file cannot be opened with this key, is damaged or cut off, or is
            not what its manifest says.
    """
    found: dict[str, str] = {}
    contents: Contents | None = None
    with decrypted(path, key) as plain:
        for name, content in _members(path, plain):
            if contents:
                raise _wrong(path, f"{name} follows the manifest")
            if name == FILE:
                contents = _parsed(path, content)
            elif name in found:
                raise _wrong(path, f"{name} is there twice")
            else:
                found[name] = hashlib.sha256(content).hexdigest()
            yield name, content
    if contents is None:
        raise _wrong(path, f"{FILE} is missing")
    wrong = list(contents.disagreements(found))
    if wrong:
        raise _wrong(path, "; ".join(wrong[:3]) + (" …" if len(wrong) > 3 else ""))


def checked(path: Path, key: Any) -> Contents:  # noqa: ANN401
    """Go through a whole archive and return what it says of itself.

    Raises:
        InputError: As ``opened`` does.
    """
    last = b""
    for _, content in opened(path, key):
        last = content
    return parse(last)


def content_of(path: Path, key: Any, volume: Volume) -> Iterator[bytes]:  # noqa: ANN401
    """Yield what a volume held, a tar file in pieces; the whole archive is checked on the way.

    Raises:
        InputError: As ``opened`` does, or if the pieces are not what the manifest says.
    """
    whole = hashlib.sha256()
    wanted = {volume.path(number) for number in range(volume.parts)}
    for name, content in opened(path, key):
        if name in wanted:
            whole.update(content)
            yield content
    if whole.hexdigest() != volume.sha256:
        raise _wrong(path, f"the volume of {volume.namespace}/{volume.claim} was changed")


def unpack(path: Path, key: Any, folder: Path) -> Contents:  # noqa: ANN401
    """Write an archive out in plain, into a folder that only its owner may enter.

    All of it is checked before the first file is written.

    Raises:
        InputError: As ``opened`` does, or if the folder is not empty or cannot be written.
    """
    contents = checked(path, key)
    private_file.make_folder(folder)
    if any(folder.iterdir()):
        raise InputError(f"{folder} is not empty; nothing was unpacked.")
    folder.chmod(0o700)
    try:
        with decrypted(path, key) as plain, tarfile.open(fileobj=plain, mode="r|gz") as tar:
            for member in tar:
                if member.name == FILE or member.name in contents.files:
                    tar.extract(member, folder, filter="data")
    except (OSError, tarfile.TarError, zlib.error) as error:
        raise InputError(f"{folder} cannot be written: {error}.") from None
    return contents


def _members(path: Path, plain: BinaryIO) -> Iterator[tuple[str, bytes]]:
    try:
        with tarfile.open(fileobj=plain, mode="r|gz") as tar:
            for member in tar:
                _refuse_odd(path, member)
                file = tar.extractfile(member)
                yield member.name, file.read() if file else b""
            while plain.read(1 << 16):  # the end of the file too is checked by its cipher
                pass
    except (tarfile.TarError, zlib.error, EOFError, UnicodeError):
        raise damaged(path) from None


def _refuse_odd(path: Path, member: tarfile.TarInfo) -> None:
    if not member.isreg() or not (member.name == FILE or _PATH.fullmatch(member.name)):
        raise _wrong(path, "it holds something else than objects")
    if member.size > LARGEST:
        raise _wrong(path, f"{member.name} is larger than any object")


def _parsed(path: Path, content: bytes) -> Contents:
    try:
        return parse(content)
    except ValueError as error:
        raise _wrong(path, str(error)) from None


def _wrong(path: Path, what: str) -> InputError:
    return InputError(
        f"{path} is not what Practicum wrote: {what}.",
        hint="Somebody changed it, who knows the course's public key: do not use it.",
    )
