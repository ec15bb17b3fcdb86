"""The encrypted kubeconfigs on disk, each with a note of whom it was encrypted to.

The note, ``<id>.recipient.json``, holds nothing secret: the fingerprint of the key, the
name of the credential on the cluster, and a hash of the file, so that a file which was
put there by somebody else is noticed.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ... import credential, private_file
from ...cohort import Recipient, Record, keys
from ...credential import Credential
from ...errors import InputError
from ...settings import Settings

SUFFIX = ".kubeconfig.age"
PLAIN = ".kubeconfig"
"""Of a kubeconfig without a secret in it, for who has handed no key in."""

NOTE = ".recipient.json"


@dataclass(frozen=True, kw_only=True)
class Note:
    """What was noted when a file was written."""

    recipient: str
    credential: str
    sha256: str
    expires: str = ""
    """When it ends, where the cluster itself keeps no note of it."""


def folder_of(settings: Settings, cohort: str) -> Path:
    """Return the folder of a cohort's encrypted kubeconfigs."""
    return settings.home / "handout" / cohort


def file_of(folder: Path, record: Record) -> Path:
    """Return where a student's kubeconfig lies."""
    return folder / f"{keys.file_name(record.id)}{SUFFIX}"


def write(folder: Path, record: Record, sealed: bytes, given: Credential) -> Path:
    """Write a kubeconfig and its note; returns where it lies.

    Raises:
        InputError: If it cannot be written; there is no half of it then.
    """
    path = file_of(folder, record)
    private_file.write(path, sealed)
    note = _note(given.recipient, given.id, sealed, given.expires.isoformat())
    try:
        private_file.write(_note_of(path), note)
    except InputError:
        remove(folder, record)  # with the note of an older one, it would pass for that
        raise
    return path


def write_login(folder: Path, record: Record, content: bytes, key: Recipient | None) -> Path:
    """Write a kubeconfig that holds no secret: encrypted where there is a key.

    Raises:
        InputError: If it cannot be written.
    """
    remove(folder, record)
    path = file_of(folder, record) if key else login_of(folder, record)
    data = credential.seal(content, key) if key else content
    private_file.write(path, data)
    recipient = key.fingerprint if key else ""
    private_file.write(_note_of(path), _note(recipient, _name(content), data))
    return path


def holds_login(folder: Path, record: Record, content: bytes, key: Recipient | None) -> bool:
    """Say whether exactly this kubeconfig lies here, for this key."""
    path = file_of(folder, record) if key else login_of(folder, record)
    noted = note(path)
    wanted = (key.fingerprint if key else "", _name(content), hash_of(path))
    return noted is not None and (noted.recipient, noted.credential, noted.sha256) == wanted


def login_of(folder: Path, record: Record) -> Path:
    """Return where the kubeconfig lies of a student who needs no key."""
    return folder / f"{keys.file_name(record.id)}{PLAIN}"


def given(folder: Path, record: Record) -> Path:
    """Return the kubeconfig of a student that lies here, encrypted or not."""
    plain = login_of(folder, record)
    return plain if plain.exists() else file_of(folder, record)


def _name(content: bytes) -> str:
    """Return what stands for a kubeconfig in its note: what is in it, and no credential."""
    return "login-" + hashlib.sha256(content).hexdigest()[:16]


def _note(recipient: str, credential: str, data: bytes, expires: str = "") -> bytes:
    about = {
        "recipient": recipient,
        "credential": credential,
        "sha256": hashlib.sha256(data).hexdigest(),
        **({"expires": expires} if expires else {}),
    }
    return json.dumps(about, indent=2).encode()


def opener(key: Recipient, path: Path) -> str:
    """Return the line with which a student opens a kubeconfig."""
    private = "key.txt" if key.kind == "age" else "~/.ssh/id_" + key.kind[4:]
    return f"age -d -i {private} -o kubeconfig {path.name}"


def remove(folder: Path, record: Record) -> None:
    """Remove a kubeconfig that is dead, and its note."""
    path = file_of(folder, record)
    for one in (path, login_of(folder, record), _note_of(path)):
        with suppress(OSError):
            one.unlink()


def move(folder: Path, before: Record, after: Record) -> None:
    """Let a kubeconfig and its note follow a student whose id was corrected."""
    old, new = file_of(folder, before), file_of(folder, after)
    plain = login_of(folder, before), login_of(folder, after)
    for source, target in ((_note_of(old), _note_of(new)), (old, new), plain):
        with suppress(FileNotFoundError):
            source.replace(target)


def forget(settings: Settings, cohort: str) -> None:
    """Remove what is of no use once a cohort is gone; the audit file stays."""
    for folder in (folder_of(settings, cohort), settings.home / "access" / cohort):
        shutil.rmtree(folder, ignore_errors=True)
    for platform in ("moodle", "canvas"):
        with suppress(OSError):
            (settings.home / "platform" / f"{cohort}-{platform}.json").unlink()


def note(path: Path) -> Note | None:
    """Read what was noted of a kubeconfig; None where nothing was, or it is damaged."""
    try:
        plain = json.loads(_note_of(path).read_bytes())
        return Note(**plain)
    except (OSError, ValueError, TypeError):
        return None


def is_there(folder: Path, record: Record, given: Credential) -> bool:
    """Say whether the file of exactly this credential lies here, for this key, as it was written."""
    path = file_of(folder, record)
    noted = note(path)
    wanted = (given.recipient, given.id, hash_of(path))
    return noted is not None and (noted.recipient, noted.credential, noted.sha256) == wanted


def files(folder: Path) -> Iterator[Path]:
    """Yield all kubeconfigs of a cohort, in order."""
    yield from sorted(folder.glob(f"*{SUFFIX}"))


def hash_of(path: Path) -> str:
    """Return the hash that a note would have; empty where the file cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def _note_of(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(".age").removesuffix(PLAIN) + NOTE)
