"""What is typed wrong about credentials and keys is told before a cluster is asked."""

from __future__ import annotations

import csv
import json
import shutil
import zipfile
from pathlib import Path

import pyrage
import pytest
from click.testing import CliRunner, Result

from provisioner.cli import practicum


def run(folder: Path, *arguments: str) -> Result:
    where = ["--stacks", str(folder / "stacks"), "--home", str(folder / "home")]
    return CliRunner().invoke(practicum, [*where, *arguments])


def key() -> str:
    return str(pyrage.x25519.Identity.generate().to_public())


@pytest.fixture
def course(tmp_path: Path) -> Path:
    assert run(tmp_path, "init", "mls26").exit_code == 0
    return tmp_path


@pytest.mark.parametrize("duration", ["24", "1.5h", "soon", "-1h", "0h", "400d", ""])
def test_a_bad_overlap_is_refused_with_the_good_form_or_the_bound(
    course: Path, duration: str
) -> None:
    result = run(course, "rotate", "mls26", "--overlap", duration)

    assert result.exit_code == 3
    assert "--overlap: " in result.stderr
    assert "24h, 2h30m or 7d" in result.stderr or "366 days" in result.stderr


def test_a_good_overlap_comes_as_far_as_the_cluster(course: Path) -> None:
    result = run(course, "rotate", "mls26", "--overlap", "2h30m")

    assert result.exit_code == 7
    assert "practicum rehearsal up" in result.stderr


CONTRADICTIONS = {
    ("rotate", "mls26", "--now", "--overlap", "1h", "--yes"): "--now means no overlap",
    ("rotate", "mls26", "--sweep", "--now"): "--sweep stands alone",
    ("rotate", "mls26", "20260001", "--sweep"): "--sweep stands alone",
    ("handout", "mls26", "--replace-key"): "for students who are named",
}


@pytest.mark.parametrize("arguments", CONTRADICTIONS)
def test_options_that_contradict_each_other_are_refused(
    course: Path, arguments: tuple[str, ...]
) -> None:
    result = run(course, *arguments)

    assert result.exit_code == 3
    assert CONTRADICTIONS[arguments] in result.stderr


@pytest.mark.parametrize("command", [["revoke"], ["reinstate"], ["rotate", "--now"]])
def test_all_students_at_once_need_a_yes(course: Path, command: list[str]) -> None:
    result = run(course, command[0], "mls26", *command[1:])

    assert result.exit_code == 3
    assert "Say --yes" in result.stderr


def test_keys_are_shown_first_and_written_when_that_is_said(course: Path) -> None:
    folder = course / "handed-in"
    folder.mkdir()
    good = key()
    (folder / "20260001.pub").write_text(f"{good}\n", encoding="utf-8")
    (folder / "20260099.pub").write_text(key(), encoding="utf-8")
    arguments = ("keys", "import", "mls26", str(folder), "--from", "folder")
    place = course / "stacks" / "mls26" / "keys" / "20260001"
    place.unlink(missing_ok=True)

    asked = run(course, *arguments)
    assert asked.exit_code == 3
    assert "+ 20260001  age SHA256:" in asked.stdout
    assert not place.exists()

    dry = json.loads(run(course, *arguments, "--yes", "--dry-run", "--json").stdout)
    assert (dry["new"], dry["written"]) == (["20260001"], False)
    assert not place.exists()

    done = run(course, *arguments, "--yes", "--json")
    assert done.exit_code == 6, "what could not be taken is told by the exit code"
    document = json.loads(done.stdout)
    assert (document["new"], document["written"]) == (["20260001"], True)
    assert place.read_text(encoding="utf-8") == f"{good}\n"
    [refused] = document["refused"]
    assert "nobody in the roster" in refused["why"]
    left = json.loads(run(course, "keys", "missing", "mls26", "--json").stdout)
    assert "20260001" not in left["missing"]


def test_in_a_dry_run_it_is_not_noted_either_how_a_platform_names_its_students(
    course: Path,
) -> None:
    roster = (course / "stacks" / "mls26" / "roster.csv").read_text(encoding="utf-8")
    first = next(csv.DictReader(roster.splitlines()))
    path = course / "submissions.zip"
    with zipfile.ZipFile(path, "w") as out:
        out.writestr(f"{first['name']}_1201_assignsubmission_file_/key.pub", key())
    arguments = ("keys", "import", "mls26", str(path), "--from", "moodle", "--yes")
    noted = course / "home" / "platform"

    for done, there in (((), True), (("--dry-run",), False), ((), True)):
        shutil.rmtree(noted, ignore_errors=True)
        assert run(course, *arguments, *done).exit_code == 0
        assert noted.exists() is there


def test_a_zip_that_leads_elsewhere_changes_nothing(course: Path) -> None:
    path = course / "bad.zip"
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("../../20260001", key())
    before = sorted((course / "stacks").rglob("*"))

    result = run(course, "keys", "import", "mls26", str(path), "--from", "moodle", "--yes")

    assert result.exit_code == 3
    assert "leads out of it" in result.stderr
    assert sorted((course / "stacks").rglob("*")) == before
