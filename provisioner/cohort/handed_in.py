"""What students hand in on a learning platform: one file each, found in a zip or a folder.

* folder: files called by the id, as ``20260001`` or ``20260001.pub``
* github: ``20260001.keys``, each what ``github.com/<user>.keys`` shows
* moodle: the zip of *Download all submissions*,
  ``Name_1234_assignsubmission_file_/x.pub``, or the same without a folder
* canvas: the zip of *Download submissions*, ``lastfirst_123_456_x.pub``, with
  ``_LATE`` after the name of whoever was late

Moodle and Canvas name a file by the student's name and numbers of their own, so a name
that two students of the roster share is refused. A zip is never unpacked: its entries
are read in memory, up to the size of a key.
"""

from __future__ import annotations

import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from ..errors import InputError
from .keys import MAX_BYTES
from .students import Student

Source = Literal["moodle", "canvas", "folder", "github"]

MAX_ENTRIES = 10_000
MAX_ZIP = 256 << 20
PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""What platforms use; what else there is cannot be unpacked little by little."""

DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    RuntimeError,  # and NotImplementedError
    ValueError,  # and UnicodeDecodeError
    OverflowError,
    IndexError,
)
"""What Python's reader raises where bytes of a zip are not what they should be."""

_MOODLE = re.compile(r"(?P<prefix>(?P<name>[^_/]+)_[0-9]+_assignsubmission_file_).*")
_CANVAS = re.compile(r"(?P<prefix>(?P<name>[^_/]+)_(?:LATE_)?[0-9]+_[0-9]+_)(?P<file>[^/]+)")
_SUFFIXES = (".pub", ".txt", ".key", ".keys", ".age")
_LITTER = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")


@dataclass(frozen=True, kw_only=True)
class Paper:
    """One file that somebody handed in."""

    where: str
    """The file, as a problem shows it. It may hold a name: it belongs in no log."""

    data: bytes
    """At most one byte more than a key may have."""

    id: str = ""
    """Whose it is; empty when that is not known."""

    why: str = ""
    """Why that is not known."""

    prefix: str = ""
    """How the platform starts the names of this student's files."""


def read(path: Path, source: Source, students: Iterable[Student]) -> list[Paper]:
    """Read all that was handed in, each with the student whose it is.

    Raises:
        InputError: If it is no such zip or folder, or is not safe to read.
    """
    people = list(students)
    if source in ("folder", "github"):
        ids = {student.id for student in people}
        return [_by_id(where, data, ids, source) for where, data in _folder(path)]
    names = _Names(people)
    return [_by_name(where, data, names, source) for where, data in _zip(path)]


class _Names:
    """The roster by name, in every order that a platform may write its parts in."""

    def __init__(self, students: Iterable[Student]) -> None:
        self._ids: dict[str, set[str]] = {}
        for student in students:
            words = [_letters(word) for word in re.split(r"[\s,]+", student.name) if word]
            for start in range(len(words)):
                turned = "".join(words[start:] + words[:start])
                self._ids.setdefault(turned, set()).add(student.id)

    def find(self, name: str) -> tuple[str, str]:
        """Return an id, or why there is none."""
        # Before the name Moodle writes the group, where one was chosen, with a dash.
        parts = name.split("-")
        tries = ("-".join(parts[start:]) for start in range(len(parts)))
        for attempt in tries:
            ids = sorted(self._ids.get(_letters(attempt), ()))
            if len(ids) == 1:
                return ids[0], ""
            if ids:
                return "", f"{' and '.join(ids)} have this name; put their keys into place by hand"
        return "", "nobody in the roster has this name"


def _letters(name: str) -> str:
    """Return what is left of a name in the file names of every platform."""
    plain = unicodedata.normalize("NFKD", name)
    return "".join(c for c in plain if c.isalnum()).casefold()


def _by_id(where: str, data: bytes, ids: set[str], source: Source) -> Paper:
    name = PurePosixPath(where).name
    stems = [name, *(name.removesuffix(end) for end in _SUFFIXES if name.endswith(end))]
    if source == "github":
        stems = [name.removesuffix(".keys")] if name.endswith(".keys") else []
        if not stems:
            return Paper(where=where, data=data, why="the file is not called ID.keys")
    found = next((stem for stem in stems if stem in ids), "")
    why = "" if found else "nobody in the roster has the id that the file is called by"
    return Paper(where=where, data=data, id=found, why=why)


def _by_name(where: str, data: bytes, names: _Names, source: Source) -> Paper:
    match = (_MOODLE if source == "moodle" else _CANVAS).fullmatch(where)
    if not match:
        return Paper(where=where, data=data, why=f"{source.title()} does not name a file like this")
    id, why = names.find(match["name"])
    return Paper(where=where, data=data, id=id, why=why, prefix=match["prefix"])


def _folder(path: Path) -> Iterator[tuple[str, bytes]]:
    if path.is_symlink() or not path.is_dir():
        raise InputError(f"{path} is no folder.", hint="Name the folder that the files are in.")
    for file in sorted(path.iterdir()):
        if file.name in _LITTER or file.name.startswith("."):
            continue
        if file.is_symlink() or not file.is_file():
            raise InputError(f"{file} is no plain file; take it away.")
        try:
            with file.open("rb") as opened:
                yield str(file), opened.read(MAX_BYTES + 1)
        except OSError as error:
            raise InputError(f"{file} cannot be read: {error.strerror}.") from None


def _zip(path: Path) -> Iterator[tuple[str, bytes]]:
    if path.is_symlink() or not path.is_file():
        raise InputError(f"{path} is no file.", hint="Name the zip that the platform wrote.")
    if path.stat().st_size > MAX_ZIP:
        raise InputError(f"{path} is larger than {MAX_ZIP >> 20} MiB; these are no keys.")
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.filename.endswith("/")]
            _check(path, entries)
            for entry in entries:
                if PurePosixPath(entry.filename).name in _LITTER or "__MACOSX/" in entry.filename:
                    continue
                with archive.open(entry) as opened:
                    yield entry.filename, opened.read(MAX_BYTES + 1)
    except DAMAGED:
        raise InputError(
            f"{path} is no zip, or a damaged one.", hint="Download it again."
        ) from None


def _check(path: Path, entries: list[zipfile.ZipInfo]) -> None:
    """Refuse what no platform writes.

    Raises:
        InputError: If a name leads elsewhere, or an entry is a link, locked or there twice.
    """
    if len(entries) > MAX_ENTRIES:
        raise InputError(f"{path} holds more than {MAX_ENTRIES} files; these are no keys.")
    seen = set()
    for entry in entries:
        name = entry.filename
        parts = PurePosixPath(name).parts
        if not parts or name.startswith("/") or "\\" in name or ".." in parts or ":" in parts[0]:
            raise InputError(f"{path} holds a name that leads out of it; no platform writes that.")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise InputError(f"{path} holds a link; no platform writes that.")
        if entry.flag_bits & 1:
            raise InputError(f"{path} is locked with a password; unlock it first.")
        if entry.compress_type not in PACKED:
            raise InputError(f"{path} is packed in a way that no platform uses.")
        if name in seen:
            raise InputError(f"{path} holds a name twice; no platform writes that.")
        seen.add(name)
