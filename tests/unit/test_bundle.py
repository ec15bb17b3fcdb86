"""What a learning platform takes back: every student's file, under the name that it knows."""

from __future__ import annotations

import csv
import io
import stat
import zipfile
from dataclasses import replace
from types import SimpleNamespace

import pyrage
import pytest

from provisioner.cohort import Student, keys
from provisioner.lifecycle.access import bundle, on_disk
from provisioner.settings import Settings

from ..sample import NAME, record

KNOWN, UNKNOWN = "20260001", "20260002"
PREFIXES = {"canvas": "leeam_4711_99_", "moodle": "Ama Lee_77_assignsubmission_file_"}


@pytest.fixture
def settings(tmp_path):
    return Settings(stacks=tmp_path / "stacks", home=tmp_path / "home")


@pytest.fixture
def desk(settings):
    folder = on_disk.folder_of(settings, NAME)
    folder.mkdir(parents=True)
    cohort = SimpleNamespace(name=NAME)
    return SimpleNamespace(folder=folder, reading=SimpleNamespace(cohort=cohort))


@pytest.fixture
def pairs(desk):
    """Two students whose kubeconfigs lie there; of the first an address is known."""
    found = []
    for id, email in ((KNOWN, "ama@example.org"), (UNKNOWN, "")):
        key = keys.parse(str(pyrage.x25519.Identity.generate().to_public()))
        student = Student(id=id, name="Ama, Lee", email=email, key=key)
        on_disk.file_of(desk.folder, record(id)).write_bytes(f"sealed for {id}".encode())
        found.append((record(id), student))
    return found


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        ("canvas", f"leeam_4711_99_{KNOWN}.kubeconfig.age"),
        ("moodle", f"Ama Lee_77_assignsubmission_file_/{KNOWN}.kubeconfig.age"),
    ],
)
def test_a_zip_has_each_file_where_the_platform_looks(settings, desk, pairs, kind, place):
    bundle.remember(settings, NAME, kind, {KNOWN: PREFIXES[kind]})

    written = bundle.write(settings, desk, pairs, kind)

    assert (written.placed, written.unplaced) == ((KNOWN,), (UNKNOWN,))
    assert stat.S_IMODE(written.path.stat().st_mode) == 0o600
    with zipfile.ZipFile(written.path) as archive:
        assert archive.namelist() == [place, f"{UNKNOWN}/{UNKNOWN}.kubeconfig.age"]
        assert archive.read(place) == f"sealed for {KNOWN}".encode()


def test_the_same_files_are_the_same_zip_at_any_time(settings, desk, pairs):
    with zipfile.ZipFile(bundle.write(settings, desk, pairs, "canvas").path) as archive:
        about = {(entry.date_time, entry.external_attr >> 16) for entry in archive.infolist()}

    assert about == {(bundle.MOMENT, 0o600)}


def test_a_mail_merge_has_a_line_for_each_who_has_an_address(settings, desk, pairs):
    written = bundle.write(settings, desk, pairs, "mail")

    assert (written.placed, written.unplaced) == ((KNOWN,), (UNKNOWN,))
    assert stat.S_IMODE(written.path.stat().st_mode) == 0o600
    [line] = csv.DictReader(io.StringIO(written.path.read_text()))
    path = on_disk.file_of(desk.folder, record(KNOWN))
    assert (line["id"], line["email"], line["file"]) == (KNOWN, "ama@example.org", str(path))
    assert path.name in line["command"]
    assert "Ama" not in written.path.read_text(), "ids and addresses, no names"


@pytest.mark.parametrize("email", ["=1+1@x.y", "=cmd|x!A1@x.y", "-2+3@x.y", "+1@x.y", "@SUM@x.y"])
def test_an_address_is_run_by_no_spreadsheet(settings, desk, pairs, email):
    who, student = pairs[0]

    written = bundle.write(settings, desk, [(who, replace(student, email=email))], "mail")

    [line] = csv.DictReader(io.StringIO(written.path.read_text()))
    assert line["email"] == f"'{email}"
    assert line["id"] == KNOWN


def test_what_is_known_of_a_student_follows_a_corrected_id(settings):
    bundle.remember(settings, NAME, "canvas", {"2026001": PREFIXES["canvas"]})

    bundle.rename(settings, NAME, "2026001", KNOWN)

    assert bundle.recall(settings, NAME, "canvas") == {KNOWN: PREFIXES["canvas"]}
