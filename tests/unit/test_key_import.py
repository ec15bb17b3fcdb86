"""Keys as platforms hand them over: whose each is, and what is not taken."""

from __future__ import annotations

import stat
import zipfile
from contextlib import suppress

import pyrage
import pytest

from provisioner.cohort import handed_in, key_import
from provisioner.errors import InputError

COHORT = """\
course: Test course
term: {starts: 2026-09-01, ends: 2026-12-19}
cluster: rehearsal
"""
ROSTER = """\
id,name
20260001,"García López, Inés"
20260002,Bo Lee
20260003,Kim Lee
20260004,Kim Lee
"""


def key():
    return str(pyrage.x25519.Identity.generate().to_public())


@pytest.fixture
def stacks(tmp_path):
    folder = tmp_path / "stacks" / "course"
    folder.mkdir(parents=True)
    (folder / "cohort.yaml").write_text(COHORT)
    (folder / "roster.csv").write_text(ROSTER)
    return folder.parent


@pytest.fixture
def archive(tmp_path):
    """Write a zip as a platform does: names and texts."""

    def write(entries):
        path = tmp_path / "submissions.zip"
        with zipfile.ZipFile(path, "w") as out:
            for name, text in entries.items():
                out.writestr(name, text)
        return path

    return write


def propose(stacks, path, source):
    return key_import.propose(stacks, "course", path, source)


def told(found):
    return {problem.where: problem.what for problem in found.refused}


NAMES = {
    "moodle": [
        "Inés García López_1201_assignsubmission_file_/course.pub",
        "García López Inés_1201_assignsubmission_file_course.pub",
        "Group B-Inés García López_1201_assignsubmission_file_/my_key_1.pub",
    ],
    "canvas": [
        "garcíalópezinés_4711_90210_course.pub",
        "garcialopezines_LATE_4711_90210_id_ed25519.pub",
    ],
}


@pytest.mark.parametrize("source", NAMES)
def test_a_student_is_found_by_the_name_that_the_platform_writes(stacks, archive, source):
    for name in NAMES[source]:
        found = propose(stacks, archive({name: key()}), source)

        assert (list(found.new), found.refused) == (["20260001"], ())
        assert name.startswith(found.prefixes["20260001"])


def test_a_name_that_two_share_is_nobodys(stacks, archive):
    path = archive(
        {"leekim_1_2_a.pub": key(), "leebo_3_4_b.pub": key(), "doejane_5_6_c.pub": key()}
    )

    found = propose(stacks, path, "canvas")

    assert list(found.new) == ["20260002"]
    assert "20260003 and 20260004 have this name" in told(found)["leekim_1_2_a.pub"]
    assert told(found)["doejane_5_6_c.pub"] == "nobody in the roster has this name"


def test_files_in_a_folder_are_called_by_the_id(stacks, tmp_path):
    folder = tmp_path / "handed-in"
    folder.mkdir()
    (folder / "20260001.pub").write_text(f"{key()}\n")
    (folder / "20260002").write_text(f"{key()}\n")
    (folder / "0042.pub").write_text(key())

    found = propose(stacks, folder, "folder")
    found.write()

    assert list(found.new) == ["20260001", "20260002"]
    assert list(told(found).values()) == [
        "nobody in the roster has the id that the file is called by"
    ]
    assert found.missing == ("20260003", "20260004")
    written = stacks / "course" / "keys" / "20260001"
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    again = propose(stacks, folder, "folder")
    assert (dict(again.new), set(again.same)) == ({}, {"20260001", "20260002"})
    assert [one.id for one in key_import.missing(stacks, "course")] == ["20260003", "20260004"]


def test_of_what_github_shows_the_first_usable_key_counts(stacks, tmp_path):
    folder = tmp_path / "github"
    folder.mkdir()
    unusable = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAA="
    good = key()
    (folder / "20260001.keys").write_text(f"{unusable}\n{good}\n{key()}\n")
    (folder / "20260002.keys").write_text(f"{unusable}\n")
    (folder / "20260003.pub").write_text(key())

    found = propose(stacks, folder, "github")

    assert {id: one.text for id, one in found.new.items()} == {"20260001": good}
    assert "an ecdsa key cannot be encrypted to" in told(found)["20260002"]
    assert told(found)[str(folder / "20260003.pub")] == "the file is not called ID.keys"


def test_a_key_that_two_hand_in_is_neithers(stacks, tmp_path):
    folder = tmp_path / "handed-in"
    folder.mkdir()
    shared = key()
    (folder / "20260001").write_text(shared)
    (folder / "20260002").write_text(shared)
    (folder / "20260003").write_text(key())

    found = propose(stacks, folder, "folder")

    assert list(found.new) == ["20260003"]
    assert told(found) == {"20260001 and 20260002": "have the same key"}


def test_a_classmates_key_that_is_on_file_is_not_taken(stacks, tmp_path):
    folder = tmp_path / "handed-in"
    folder.mkdir()
    (folder / "20260001").write_text(shared := key())
    propose(stacks, folder, "folder").write()
    (folder / "20260001").unlink()
    (folder / "20260002").write_text(shared)

    found = propose(stacks, folder, "folder")

    assert dict(found.new) == {}
    assert told(found) == {"20260001 and 20260002": "have the same key"}


def test_a_new_key_for_somebody_who_has_one_is_a_change(stacks, tmp_path):
    folder = tmp_path / "handed-in"
    folder.mkdir()
    (folder / "20260001").write_text(key())
    propose(stacks, folder, "folder").write()
    (folder / "20260001").write_text(second := key())

    found = propose(stacks, folder, "folder")

    assert dict(found.new) == {}
    assert found.changed["20260001"].text == second


def test_two_different_keys_of_one_student_are_told(stacks, archive):
    path = archive({"leebo_1_2_a.pub": key(), "leebo_1_3_b.pub": key()})

    found = propose(stacks, path, "canvas")

    assert dict(found.new) == {}
    assert told(found) == {"20260002": "two different keys were handed in"}


def test_a_private_key_is_told_as_one_and_not_repeated(stacks, archive):
    secret = str(pyrage.x25519.Identity.generate())

    found = propose(stacks, archive({"leebo_1_2_key.txt": secret}), "canvas")

    assert "this is a PRIVATE key" in told(found)["20260002"]
    assert secret[20:40] not in repr(found.refused)


def link(path):
    entry = zipfile.ZipInfo("leebo_1_2_a.pub")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as out:
        out.writestr(entry, "/etc/passwd")


UNSAFE = {
    "../leebo_1_2_a.pub": "leads out of it",
    "/etc/leebo_1_2_a.pub": "leads out of it",
    "a/../../b": "leads out of it",
    "c:/b": "leads out of it",
}


@pytest.mark.parametrize("name", UNSAFE)
def test_a_zip_that_leads_elsewhere_is_refused(stacks, archive, name):
    with pytest.raises(InputError, match=UNSAFE[name]):
        propose(stacks, archive({name: key()}), "canvas")


def test_a_zip_with_a_link_is_refused(stacks, tmp_path):
    link(tmp_path / "a.zip")

    with pytest.raises(InputError, match="holds a link"):
        propose(stacks, tmp_path / "a.zip", "canvas")


def test_what_is_no_zip_or_too_much_of_one_is_refused(stacks, tmp_path, archive, monkeypatch):
    (tmp_path / "no.zip").write_text("no zip")
    with pytest.raises(InputError, match="no zip, or a damaged one"):
        propose(stacks, tmp_path / "no.zip", "moodle")
    with pytest.raises(InputError, match="is no file"):
        propose(stacks, tmp_path / "nowhere.zip", "moodle")
    with pytest.raises(InputError, match="is no folder"):
        propose(stacks, tmp_path / "no.zip", "folder")
    monkeypatch.setattr(handed_in, "MAX_ENTRIES", 1)
    with pytest.raises(InputError, match="more than 1 files"):
        propose(stacks, archive({"a": "", "b": ""}), "moodle")


def test_a_zip_that_is_damaged_at_any_byte_is_taken_or_refused_with_words(stacks, tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr(zipfile.ZipInfo("leebo_1_2_a.pub"), key() * 20, zipfile.ZIP_DEFLATED)
    whole = path.read_bytes()
    taken = 0

    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        with suppress(InputError):
            handed_in.read(path, "canvas", [])
            taken += 1

    assert taken < len(whole) / 2


@pytest.mark.parametrize("name", ["", ".", "./"])
def test_a_zip_with_an_entry_without_a_name_is_no_traceback(stacks, tmp_path, name):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("xx", key())
    path.write_bytes(path.read_bytes().replace(b"xx", name.encode().ljust(2, b"\0")))

    with suppress(InputError):
        assert all(paper.why for paper in handed_in.read(path, "canvas", []))


@pytest.mark.parametrize("how", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_cannot_be_unpacked_little_by_little_is_refused(stacks, tmp_path, how):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", how) as out:
        out.writestr("leebo_1_2_a.pub", b"\0" * 1_000_000)

    with pytest.raises(InputError, match="packed in a way that no platform uses"):
        handed_in.read(path, "canvas", [])


def test_an_entry_is_read_no_further_than_a_key_is_long(stacks, archive):
    """A small zip can unpack to any size."""
    found = propose(stacks, archive({"leebo_1_2_a.pub": "a" * (64 << 20)}), "canvas")

    assert told(found) == {"20260002": "the file is too long for a public key"}


def test_a_link_in_a_folder_is_refused(stacks, tmp_path):
    folder = tmp_path / "handed-in"
    folder.mkdir()
    (folder / "20260001").symlink_to("/etc/passwd")

    with pytest.raises(InputError, match="is no plain file"):
        propose(stacks, folder, "folder")
