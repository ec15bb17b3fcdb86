"""Who can open what lies on disk, compared with the roster's keys and with the cluster."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...cohort import Record, Student
from ...settings import Settings
from . import desk, on_disk
from .desk import Desk

HEADER_BYTES = 64 << 10
_STANZA = re.compile(rb"^-> (\S+)(?: (\S+))?", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """One encrypted kubeconfig, and whose key opens it as far as that can be seen."""

    id: str
    """Of the student whose it is by its name; the file's name when that is nobody."""

    file: Path
    written_to: str
    """Fingerprint that was noted when it was written; empty when nothing was."""

    on_file: str
    """Fingerprint of the key that the student has handed in."""

    on_cluster: str
    """Fingerprint that stands at the credential on the cluster."""

    differences: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RecipientAudit:
    """All encrypted kubeconfigs of a cohort."""

    cohort: str
    files: tuple[Sealed, ...]

    @property
    def differs(self) -> bool:
        """Whether anything is not as it should be."""
        return any(one.differences for one in self.files)


def audit(settings: Settings, name: str) -> RecipientAudit:
    """Look at every encrypted kubeconfig on disk; opens none of them.

    An age file tells how many keys open it, and of an SSH key 32 bits of its fingerprint;
    of an age key it tells nothing, so there the note counts that was made when the file
    was written, and that the file has not changed since.

    Raises:
        InputError: If the cohort's files are wrong.
        ClusterError: If the cluster cannot be read.
    """
    with desk.opened(settings, name) as found:
        known = {
            on_disk.file_of(found.folder, record): record
            for record in found.reading.records.values()
        }
        files = [_look(found, file, known.get(file)) for file in on_disk.files(found.folder)]
    return RecipientAudit(cohort=name, files=tuple(files))


def _look(found: Desk, file: Path, record: Record | None) -> Sealed:
    student = found.reading.students.get(record.id) if record else None
    noted = on_disk.note(file)
    return Sealed(
        id=record.id if record else file.name.removesuffix(on_disk.SUFFIX),
        file=file,
        written_to=noted.recipient if noted else "",
        on_file=student.key.fingerprint if student and student.key else "",
        on_cluster=found.standing(record).recipient if record else "",
        differences=tuple(_differences(found, file, record, student)),
    )


def _differences(
    found: Desk, file: Path, record: Record | None, student: Student | None
) -> Iterator[str]:
    if record is None or student is None:
        yield "is of nobody who is in the roster"
        return
    noted = on_disk.note(file)
    if noted is None:
        yield "nothing was noted when it was written, so nobody knows who can open it"
        return
    standing = found.standing(record)
    if noted.sha256 != on_disk.hash_of(file):
        yield "was changed after it was written"
    if not _opens_for(file, noted.recipient):
        yield "does not open with the one key that was noted"
    if not student.key or student.key.fingerprint != noted.recipient:
        yield "was written to another key than the one on file"
    if standing.recipient and standing.recipient != noted.recipient:
        yield "was written to another key than the cluster has noted"
    minted = found.reading.cohort.oidc is None
    if minted and (not standing.current or standing.current.id != noted.credential):
        yield "holds a credential that is no longer the present one"


def _opens_for(file: Path, fingerprint: str) -> bool:
    """Say whether the file is for exactly one key, which can be the one noted."""
    with file.open("rb") as opened:
        header = opened.read(HEADER_BYTES).partition(b"\n---")[0]
    stanzas = _STANZA.findall(header)
    # age adds a stanza of no meaning to some files, which ends with -grease.
    real = [(kind, first) for kind, first in stanzas if not kind.endswith(b"-grease")]
    if len(real) != 1:
        return False
    [(kind, first)] = real
    if not kind.startswith(b"ssh-"):
        return bool(kind == b"X25519")
    digest = base64.b64decode(fingerprint.removeprefix("SHA256:") + "=")
    return base64.b64decode(first + b"==") == digest[:4]
