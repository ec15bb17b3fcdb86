"""Take in what a playbook brought back from a host: archives of homes, and public keys.

A host is not believed: an archive counts when its hash is the one that was told, and a key
when it is exactly one public key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ... import private_file
from ...cohort import keys
from ...errors import InputError
from .inventory import Folders
from .reading import Labs

AGE = b"age-encryption.org/v1\n"
MOST = 64 * 1024
"""Bytes of a public key; that of GPG has signatures in it."""

MADE = "account-keys"
"""Folder of the cohort for the public halves of keys that were made on hosts."""


@dataclass(frozen=True, kw_only=True)
class Harvest:
    """What was taken in, and what was not."""

    archives: tuple[Mapping[str, Any], ...] = ()
    keys: tuple[str, ...] = ()
    """Ids of students whose key from the host is their key here from now on."""

    problems: tuple[str, ...] = ()


def take_in(labs: Labs, data: Mapping[str, Mapping[str, Any]], folders: Folders) -> Harvest:
    """Check what came back, and put it where it belongs.

    Raises:
        InputError: If a key cannot be written.
    """
    found: list[Mapping[str, Any] | str] = []
    for host, told in data.items():
        archives = told.get("lab_archives", {}).get("archives") or ()
        found += [_archive(folders.archives / host, one) for one in archives if _was_sent(one)]
    new, strange = _keys(labs, folders.keys)
    return Harvest(
        archives=tuple(one for one in found if isinstance(one, Mapping)),
        keys=tuple(new),
        problems=(*(one for one in found if isinstance(one, str)), *strange),
    )


def _was_sent(told: Any) -> bool:  # noqa: ANN401  (a host's word)
    """Say whether there was a home to archive."""
    return not isinstance(told, Mapping) or bool(told.get("sha256"))


def _archive(folder: Path, told: Any) -> Mapping[str, Any] | str:  # noqa: ANN401  (a host's word)
    """Return an archive with its true size and hash, or what is wrong with it."""
    if not isinstance(told, Mapping):
        return f"{folder.name} told of an archive in a way that is not understood"
    path = folder / f"{Path(str(told.get('account'))).name}.{folder.name}.tar.age"
    if path.is_symlink() or not path.is_file():
        return f"{path} was to be brought back, and is not there"
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        head = file.read(len(AGE))
        while block := (head or file.read(1 << 20)):
            digest.update(block)
            size, head = size + len(block), b""
    if digest.hexdigest() != told.get("sha256"):
        return f"{path} is not what {folder.name} sent: its hash is another"
    with path.open("rb") as file:
        if file.read(len(AGE)) != AGE:
            return f"{path} is not encrypted with age"
    path.chmod(0o600)
    return {
        "id": str(told.get("id")),
        "path": str(path),
        "sha256": digest.hexdigest(),
        "bytes": size,
    }


def _keys(labs: Labs, folder: Path) -> tuple[list[str], list[str]]:
    """Keep the public keys of known accounts; an age key is the student's where there is none."""
    new, strange = [], []
    # A host speaks for its own students alone: it may be in somebody else's hands.
    own = {(seat.host, seat.id) for seat in labs.seats.values() if not seat.dropped}
    for path in sorted(folder.glob("*/*")):
        id, kind = _named(path.name)
        if (path.parent.name, id) not in own or not kind:
            continue
        try:
            text = _READERS[kind](path)
        except InputError as error:
            strange.append(f"{id}: {kind} from the host: {error.message}")
            continue
        _write(labs.cohort.folder / MADE / f"{keys.file_name(id)}.{kind}", text)
        if kind == "age.pub" and keys.find(labs.cohort.keys_folder, id) is None:
            _write(labs.cohort.keys_folder / keys.file_name(id), text)
            new.append(id)
    return new, strange


def _named(file: str) -> tuple[str, str]:
    """Return whose key a file is, and of which kind."""
    for kind in _READERS:
        if file.endswith(f".{kind}"):
            return file.removesuffix(f".{kind}"), kind
    return "", ""


def _one_key(path: Path) -> str:
    return keys.read(path).text


def _gpg(path: Path) -> str:
    begin, end = "-----BEGIN PGP PUBLIC KEY BLOCK-----", "-----END PGP PUBLIC KEY BLOCK-----"
    if path.is_symlink() or not path.is_file() or path.stat().st_size > MOST:
        raise InputError("this is no public key")
    text = path.read_text(encoding="ascii", errors="replace").strip()
    if not (text.startswith(begin) and text.endswith(end)) or "PRIVATE" in text:
        raise InputError("this is no public key of GPG")
    return text


_READERS = {"age.pub": _one_key, "ssh.pub": _one_key, "gpg.asc": _gpg}


def _write(path: Path, text: str) -> None:
    """Write a public key, for everybody to read; nothing where it is there as it is."""
    content = f"{text}\n".encode()
    if path.is_file() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    private_file.write(path, content)
    path.chmod(0o644)


def notes(harvest: Harvest) -> Iterator[str]:
    """Yield what a person should know of it."""
    if harvest.keys:
        yield (
            f"{len(harvest.keys)} age key(s) made on hosts are now the students' keys here."
            " Run `hosts up` once more to let them read the class's secret."
        )
    yield from harvest.problems
