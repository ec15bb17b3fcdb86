"""Put handed-in keys into place: first what would be written, then the writing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .. import private_file
from ..errors import InputError, Problem
from . import handed_in, keys, roster
from .handed_in import Paper, Source
from .keys import Recipient
from .loading import load
from .schema import Cohort
from .students import Student


@dataclass(frozen=True, kw_only=True)
class KeyImport:
    """What was handed in, and what it would change."""

    cohort: str
    folder: Path
    new: Mapping[str, Recipient] = field(repr=False)
    """By id, as are the next two."""

    changed: Mapping[str, Recipient] = field(repr=False)
    same: tuple[str, ...] = ()
    refused: tuple[Problem, ...] = ()
    """What was handed in and is not taken; the others are."""

    missing: tuple[str, ...] = ()
    """Students who have no key even then."""

    prefixes: Mapping[str, str] = field(default_factory=dict, repr=False)
    """How the platform starts the names of a student's files, by id. It holds names."""

    def write(self) -> None:
        """Put the new and the changed keys into the folder.

        Raises:
            InputError: If a file cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        for id, recipient in {**self.new, **self.changed}.items():
            private_file.write(self.folder / keys.file_name(id), f"{recipient.text}\n".encode())


def propose(stacks: Path, name: str, path: Path, source: Source) -> KeyImport:
    """Read what was handed in and compare it with the keys that are there.

    Raises:
        InputError: If the cohort, its roster or what was handed in cannot be read.
    """
    cohort = load(stacks, name)
    students = roster.load(cohort.roster_file).students
    refused: list[Problem] = []
    papers = handed_in.read(path, source, students)
    found = _parsed(papers, source, refused)
    present = {one.id: key for one in students if (key := _present(cohort, one))}
    _refuse_shared(found, present, refused)
    same = [id for id, key in found.items() if id in present and present[id].text == key.text]
    return KeyImport(
        cohort=name,
        folder=cohort.keys_folder,
        new={id: key for id, key in found.items() if id not in present},
        changed={id: key for id, key in found.items() if id in present and id not in same},
        same=tuple(same),
        refused=tuple(refused),
        missing=tuple(one.id for one in students if one.id not in {*present, *found}),
        prefixes=_prefixes(papers),
    )


def missing(stacks: Path, name: str) -> list[Student]:
    """Return the students who have handed in no key.

    Raises:
        InputError: If the cohort or its roster has mistakes.
    """
    cohort = load(stacks, name)
    students = roster.load(cohort.roster_file).students
    return [one for one in students if keys.find(cohort.keys_folder, one.id) is None]


def _parsed(
    papers: Iterable[Paper], source: Source, refused: list[Problem]
) -> dict[str, Recipient]:
    found: dict[str, Recipient] = {}
    twice = set()
    for paper in papers:
        if not paper.id:
            refused.append(Problem(paper.where, paper.why))
            continue
        try:
            key = _one_of_several(paper.data) if source == "github" else _parse(paper.data)
        except InputError as mistake:
            refused.append(Problem(paper.id, str(mistake)))
            continue
        if found.setdefault(paper.id, key).text != key.text:
            twice.add(paper.id)
    for id in sorted(twice):
        del found[id]
        refused.append(Problem(id, "two different keys were handed in", "ask which one counts"))
    return found


def _parse(data: bytes) -> Recipient:
    if len(data) > keys.MAX_BYTES:
        raise InputError("the file is too long for a public key")
    try:
        return keys.parse(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise InputError("this is not text in UTF-8; save the file as UTF-8") from None


def _one_of_several(data: bytes) -> Recipient:
    """Take the first key that can be encrypted to: all in such a file are one person's."""
    usable, mistake = [], InputError("there is no key in it")
    for line in data.splitlines():
        try:
            usable.append(_parse(line))
        except InputError as why:
            mistake = why
    if not usable:
        raise mistake
    return min(usable, key=lambda key: key.kind != "ssh-ed25519")  # min takes the first of equals


def _present(cohort: Cohort, student: Student) -> Recipient | None:
    path = keys.find(cohort.keys_folder, student.id)
    try:
        return keys.read(path) if path else None
    except InputError:
        return None  # `validate` tells; a good one that is handed in now takes its place


def _refuse_shared(
    found: dict[str, Recipient], present: Mapping[str, Recipient], refused: list[Problem]
) -> None:
    """Refuse a key that two students have: each could open what is the other's."""
    owners: dict[str, set[str]] = defaultdict(set)
    for id, key in [*present.items(), *found.items()]:
        owners[key.text].add(id)
    for text, ids in owners.items():
        new = {id for id in ids if id in found and found[id].text == text}
        if len(ids) > 1 and new:
            both = " and ".join(sorted(ids))
            refused.append(Problem(both, "have the same key", "ask each for a key of their own"))
            for id in new:
                del found[id]


def _prefixes(papers: Iterable[Paper]) -> dict[str, str]:
    return {paper.id: paper.prefix for paper in papers if paper.id and paper.prefix}
