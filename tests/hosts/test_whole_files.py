"""Files that root writes on a host, and what sshd reads of them; no host is needed to see that."""

from __future__ import annotations

import pytest

from .ansible_modules import library, shared

student = shared("lab_student")
sshd = library("lab_sshd")
removals = library("lab_removals")
FOLDER = "/etc/ssh/sshd_config.d"


def test_a_file_that_cannot_take_its_name_leaves_nothing_beside_it(tmp_path):
    (tmp_path / "it" / "is-a-folder").mkdir(parents=True)

    with pytest.raises(OSError, match="directory"):
        student.write_whole(tmp_path / "it", "text", 0o644)

    assert [path.name for path in tmp_path.iterdir()] == ["it"]


def test_a_file_is_what_it_was_until_the_new_one_is_whole(tmp_path, monkeypatch):
    file = tmp_path / "rules"
    file.write_text("before")
    monkeypatch.setattr(type(file), "replace", lambda self, _: pytest.fail(self.read_text()))

    with pytest.raises(pytest.fail.Exception, match=r"^after$"):
        student.write_whole(file, "after", 0o600)

    assert file.read_text() == "before"


@pytest.mark.parametrize(
    ("config", "reads"),
    [
        (f"Include {FOLDER}/*.conf\nUsePAM yes\n", True),
        (f"  include /etc/other {FOLDER}/*.conf\n", True),
        (f"# Include {FOLDER}/*.conf\n", False),
        (f"Include {FOLDER}/\n", False),
        ("", False),
    ],
)
def test_it_is_seen_whether_sshd_reads_the_folder_at_all(config, reads):
    assert sshd.reads_folder(config) == reads


def test_where_sshd_does_not_read_the_folder_that_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(sshd, "MAIN", tmp_path / "sshd_config")
    sshd.MAIN.write_text("UsePAM yes\n")

    with pytest.raises(sshd.RefusedError, match=f"add: Include {FOLDER}"):
        sshd.check("root", "p-course")


def test_an_archive_has_arrived_when_it_was_found_with_its_content():
    looks = [
        {"item": {"id": "1"}, "stat": {"exists": True, "checksum": "ab"}},
        {"item": {"id": "2"}, "stat": {"exists": False}},
        {"item": {"id": "3"}, "skipped": True},
    ]

    assert removals.checksums(looks) == {"1": "ab"}
