"""Everybody's encrypted kubeconfig in the one file that a learning platform takes back.

A platform finds a student by numbers of its own, which stand in the names of the files
that were handed in and nowhere in a roster. `keys import` remembers how those names
start; who is not known by that goes into the zip under the id alone, and is told.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ... import csv_table, private_file
from ...cohort import Record, Student, keys
from ...settings import Settings
from . import on_disk

if TYPE_CHECKING:
    from .desk import Desk

Kind = Literal["moodle", "canvas", "mail"]
Pairs = Sequence[tuple[Record, Student]]

MOMENT = (1980, 1, 1, 0, 0, 0)
"""The earliest that a zip can say: the same hand-outs are the same bytes."""


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A file that was written for a platform."""

    kind: Kind
    path: Path
    placed: tuple[str, ...]
    """Students whom the platform will find, by id."""

    unplaced: tuple[str, ...]
    """Students whom a person has to place: the platform's number, or an address, is unknown."""


def remember(settings: Settings, cohort: str, kind: str, prefixes: Mapping[str, str]) -> None:
    """Keep how a platform names the files of each student; it holds names, so at mode 0600.

    Raises:
        InputError: If it cannot be written.
    """
    if prefixes:
        known = recall(settings, cohort, kind) | dict(prefixes)
        private_file.make_folder(_memory(settings, cohort, kind).parent)
        content = json.dumps(known, indent=2, ensure_ascii=False, sort_keys=True)
        private_file.write(_memory(settings, cohort, kind), content.encode())


def recall(settings: Settings, cohort: str, kind: str) -> dict[str, str]:
    """Return how a platform names the files of each student; empty when nothing is known."""
    try:
        known = json.loads(_memory(settings, cohort, kind).read_bytes())
    except (OSError, ValueError):
        return {}
    return {str(id): str(prefix) for id, prefix in known.items()} if isinstance(known, dict) else {}


def rename(settings: Settings, cohort: str, old: str, new: str) -> None:
    """Let what is remembered of a student follow an id that was corrected.

    Raises:
        InputError: If it cannot be written.
    """
    for kind in ("moodle", "canvas"):
        known = recall(settings, cohort, kind)
        if old in known and new not in known:
            known[new] = known.pop(old)
            content = json.dumps(known, indent=2, ensure_ascii=False, sort_keys=True)
            private_file.write(_memory(settings, cohort, kind), content.encode())


def write(settings: Settings, desk: Desk, pairs: Pairs, kind: Kind) -> Bundle:
    """Write the bundle of a cohort beside its kubeconfigs.

    Args:
        settings: Folders.
        desk: The cohort.
        pairs: The students whose kubeconfig lies here.
        kind: Which platform.

    Raises:
        InputError: If it cannot be written.
    """
    return write_to(settings, desk.reading.cohort.name, desk.folder, pairs, kind)


def write_to(settings: Settings, cohort: str, folder: Path, pairs: Pairs, kind: Kind) -> Bundle:
    """Write the bundle of a cohort into the folder of its kubeconfigs.

    Raises:
        InputError: If it cannot be written.
    """
    if kind == "mail":
        content, placed = _mail(folder, pairs)
    else:
        content, placed = _zip(folder, pairs, kind, recall(settings, cohort, kind))
    path = folder / f"bundle-{kind}.{'csv' if kind == 'mail' else 'zip'}"
    private_file.write(path, content)
    unplaced = tuple(student.id for _, student in pairs if student.id not in placed)
    return Bundle(kind=kind, path=path, placed=tuple(placed), unplaced=unplaced)


def _mail(folder: Path, pairs: Pairs) -> tuple[bytes, list[str]]:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("id", "email", "file", "command"))
    placed = []
    for record, student in pairs:
        path = on_disk.given(folder, record)
        if student.email:
            opener = on_disk.opener(student.key, path) if student.key else ""
            line = (student.id, student.email, str(path.resolve()), opener)
            writer.writerow([csv_table.cell(text) for text in line])
            placed.append(student.id)
    return out.getvalue().encode(), placed


def _zip(
    folder: Path, pairs: Pairs, kind: Kind, prefixes: Mapping[str, str]
) -> tuple[bytes, list[str]]:
    out = io.BytesIO()
    placed = []
    with zipfile.ZipFile(out, "w") as archive:
        for record, student in pairs:
            path = on_disk.given(folder, record)
            place = f"{keys.file_name(student.id)}/"
            if prefix := prefixes.get(student.id, ""):
                # Moodle takes a folder of that name, Canvas wants all in one folder.
                place = f"{prefix}/" if kind == "moodle" else prefix
                placed.append(student.id)
            entry = zipfile.ZipInfo(place + path.name, MOMENT)
            entry.external_attr = 0o600 << 16
            archive.writestr(entry, path.read_bytes())
    return out.getvalue(), placed


def _memory(settings: Settings, cohort: str, kind: str) -> Path:
    return settings.home / "platform" / f"{cohort}-{kind}.json"
