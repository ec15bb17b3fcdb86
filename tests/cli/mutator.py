"""Files that are nearly right: the corpus of ``tests/bad_input``, mutated byte by byte.

``python -m tests.cli.mutator SECONDS SEED`` judges as many as the time allows, and prints
how many were refused, how many were taken, and the most memory that it had (KiB).
"""

from __future__ import annotations

import gc
import io
import json
import random
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from pathlib import Path
from typing import get_args

from provisioner import cohort as cohorts
from provisioner.cohort import Student, groups, handed_in, keys, person, records, roster
from provisioner.cohort.exports import importers
from provisioner.cohort.exports.formats import Source
from provisioner.errors import InputError

HERE = Path(__file__).parents[1] / "bad_input"
LEAST = 60
"""Files that are judged, however slow the machine is."""

KINDS = ("cohort", "roster", "keys", "records", "groups", "zip", *get_args(Source))
SECONDS = 2.0
"""The most processor time that one file may take."""

GROUPS = (
    b'{"version": 1, "groups": {"alpha": {"name": "group--alpha", "namespace": "m--group--alpha",'
    b' "wave": 1, "members": ["1", "2"], "section": "A", "dropped": false}}}\n'
)
STUDENTS = [
    Student(id="2026000" + number, name=name)
    for number, name in (("1", "Lee, Ama"), ("2", "김하늘"), ("3", "Ada Lovelace"))
]
HANDED_IN = (
    ("Lee Ama_1234_assignsubmission_file_/id.pub", 400),
    ("김하늘_77_assignsubmission_file_/key.pub", 0),
    ("adalovelace_LATE_12_345_key.pub", 1200),
)
"""Names, and how many bytes each file has."""

PIECES = [
    b"", b"\0", b"\r", b"\n", b'"', b"'", b",", b";", b"\t", b"=", b"\xff\xfe", b"\xef\xbb\xbf", b"\xff",
    b"\xb0\xa1", b"\x1b[2J", "\u202e".encode(), "\u200b".encode(), "\uff11".encode(), "\u0663".encode(),
    b"2.02601E+09", b"0001", b"-1", b"1e309", b"NaN", b"[" * 3000, b"{" * 3000, b"9" * 400, b"<" * 400,
    b"&a *a !!x ", b"<<: ", b"---\n", b"<table>", b"</table>", b"<tr><td rowspan=50000 colspan=512>",
    b"<!--", b"<![CDATA[", b"&#x110000;", b"../../etc/passwd", b"{{ 1 }}", b"${x}", b"::", b"system:",
    b"A" * 70_000,
]  # fmt: skip
"""What parsers have stumbled over, put where chance wants it."""


def corpus(kind: str) -> list[bytes]:
    """The files of a kind, good and bad."""
    if kind == "groups":
        return [GROUPS]
    if kind == "zip":
        return [submissions(how) for how in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)]
    files = sorted((HERE / kind).glob("*"))
    return [path.read_bytes() for path in files if path.suffix != ".expect"]


def submissions(how: int) -> bytes:
    """A zip as a platform writes it, of what students handed in."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as archive:
        for name, length in HANDED_IN:
            content = random.Random(name).randbytes(length).hex()  # it does not pack to nothing
            archive.writestr(zipfile.ZipInfo(name), content, how)
    return out.getvalue()


CORPUS = {kind: corpus(kind) for kind in KINDS}


def mutated(chance: random.Random, kind: str) -> bytes:
    """A file of a kind, changed in some places; in a workbook, inside its parts."""
    data = chance.choice(CORPUS[kind])
    if data.startswith(b"PK") and kind != "zip" and chance.randrange(4):
        data = _in_a_part(chance, data)
    for _ in range(chance.randrange(4)):
        data = _once(chance, data, chance.choice(CORPUS[kind]))
    return data


def _once(chance: random.Random, data: bytes, other: bytes) -> bytes:
    start = chance.randrange(len(data) + 1)
    end = min(len(data), start + chance.choice((0, 1, 2, 8, 64, 4096)))
    middle = data[start:end]
    how = chance.randrange(6)
    if how == 0:
        middle = bytes(byte ^ (1 << chance.randrange(8)) for byte in middle[:1]) + middle[1:]
    elif how == 1:
        middle = b""
    elif how == 2:
        middle *= chance.choice((2, 3, 200))
    elif how == 3:
        cut = chance.randrange(len(other) + 1)
        middle = other[cut : cut + chance.choice((4, 40, 400))]
    elif how == 4:
        return data[:start]
    else:
        middle = chance.choice(PIECES)
    return data[:start] + middle + data[end:]


def _in_a_part(chance: random.Random, data: bytes) -> bytes:
    """Mutate one part of a workbook, so that not every change is one of the archive."""
    out = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(out, "w") as after:
            chosen = chance.choice(before.namelist())
            for name in before.namelist():
                part = before.read(name)
                after.writestr(name, _once(chance, part, part) if name == chosen else part)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, ValueError, IndexError):
        return data
    return out.getvalue()


def judge(kind: str, data: bytes, folder: Path) -> bool:
    """Read a file as what it claims to be; say whether it was taken.

    Raises:
        AssertionError: If it is neither taken whole nor refused with words.
    """
    path = folder / ("cohort.yaml" if kind == "cohort" else "file")
    path.write_bytes(data)
    began = time.process_time()
    refusal = None
    # Whom a collection would finalize in the midst of too deep a nesting, would complain.
    gc.disable()
    try:
        _read(kind, path)
    except InputError as error:
        refusal = error
    finally:
        gc.enable()
    took = time.process_time() - began
    assert took < SECONDS, f"{took:.1f} s"
    if refusal:
        assert refusal.message
        assert all(problem.where and problem.what for problem in refusal.problems)
    return refusal is None


def _read(kind: str, path: Path) -> None:
    if kind == "cohort":
        cohorts.load(path.parent.parent, path.parent.name)
    elif kind == "keys":
        assert keys.read(path).text
    elif kind == "records":
        assert all(one.id == id for id, one in records.load(path).items())
    elif kind == "groups":
        assert all(one.title == title for title, one in groups.load(path).items())
    elif kind == "zip":
        for source in get_args(handed_in.Source)[:2]:
            _check_papers(handed_in.read(path, source, STUDENTS))
    elif kind == "roster":
        _check(roster.load(path).students)
    else:
        found = importers.read(path, kind)
        assert found.students
        assert found.rows == 1 + len(found.students) + len(found.skipped)
        _check(found.students)


def _check_papers(papers) -> None:
    ids = {student.id for student in STUDENTS}
    for one in papers:
        assert one.where
        assert len(one.data) <= keys.MAX_BYTES + 1
        assert one.id in ids if one.id else one.why


def _check(students) -> None:
    assert len({person.likeness(one.id) for one in students}) == len(students)
    for one in students:
        assert person.id_mistake(one.id) is None
        assert one.name
        assert person.name_mistake(one.name) is None


def peak() -> int:
    """The most memory that this process had, in KiB; what its parent had does not count."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1])


def main(seconds: float, seed: int) -> int:
    """Judge files until the time is over; returns how many were judged wrongly."""
    chance = random.Random(seed)
    seen: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "course"
        folder.mkdir()
        end = time.monotonic() + seconds
        while time.monotonic() < end or sum(seen.values()) < LEAST:
            kind = chance.choice(KINDS)
            data = mutated(chance, kind)
            try:
                seen["taken" if judge(kind, data, folder) else "refused"] += 1
            except Exception:  # noqa: BLE001  (whatever it is, it is what is looked for)
                seen["wrong"] += 1
                kept = Path(tempfile.mkdtemp()) / kind
                kept.write_bytes(data)
                sys.stderr.write(f"{kept}\n{traceback.format_exc()}\n")
    memory = peak()
    sys.stdout.write(json.dumps({**seen, "memory": memory}) + "\n")
    return seen["wrong"]


if __name__ == "__main__":
    sys.exit(bool(main(float(sys.argv[1]), int(sys.argv[2]))))
