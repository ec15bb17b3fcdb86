"""Whatever the file: exit 3, the place and the mistake, no traceback, nothing changed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from provisioner.cli import practicum
from provisioner.lifecycle import ahead
from provisioner.settings import Settings

HERE = Path(__file__).parents[1] / "bad_input"
CASES = sorted(
    path for path in HERE.glob("*/*") if path.suffix != ".expect" and not path.name.startswith(".")
)
BAD = [path for path in CASES if Path(f"{path}.expect").exists()]
GOOD = [path for path in CASES if path not in BAD]

COHORT = (HERE / "cohort" / "good.yaml").read_bytes()
ROSTER = (HERE / "roster" / "good.csv").read_bytes()

PLACES = {
    "cohort": "cohort.yaml",
    "roster": "roster.csv",
    "keys": "keys/20260001",
    "records": "students.json",
}
"""Where in the cohort's folder a kind of file lies; others are exports to import."""


def case_id(path):
    return f"{path.parent.name}/{path.name}"


@pytest.fixture
def stacks(tmp_path):
    folder = tmp_path / "stacks" / "course"
    (folder / "keys").mkdir(parents=True)
    (folder / "cohort.yaml").write_bytes(COHORT)
    (folder / "roster.csv").write_bytes(ROSTER)
    return folder.parent


def run(stacks, *arguments):
    home = stacks.parent / "home"
    return CliRunner().invoke(practicum, ["--stacks", str(stacks), "--home", str(home), *arguments])


def try_file(stacks, case):
    """Put a case where its kind belongs; return the file as named, and what came out."""
    kind = case.parent.name
    if kind in PLACES:
        file = stacks / "course" / PLACES[kind]
        file.write_bytes(case.read_bytes())
        return file, lambda: run(stacks, "validate", "course")
    file = stacks.parent / case.name
    file.write_bytes(case.read_bytes())
    command = ["roster", "import", "course", str(file), "--from", kind, "--yes"]
    return file, lambda: run(stacks, *command, "--allow-drop", "2")


def everything(folder):
    """Every file below a folder, with its content and its mode."""
    return {
        path: (path.stat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in folder.rglob("*")
    }


@pytest.mark.parametrize("case", BAD, ids=case_id)
def test_a_bad_file_is_refused_at_its_place_and_changes_nothing(stacks, case):
    file, command = try_file(stacks, case)
    before = everything(stacks.parent)

    result = command()

    assert result.exit_code == 3, result.output
    assert result.stderr.startswith("Error: ")
    assert "Traceback" not in result.output
    assert everything(stacks.parent) == before
    for expected in Path(f"{case}.expect").read_text(encoding="utf-8").splitlines():
        place, text = re.fullmatch(r"(?:(\d+:\d+) )?(.*)", expected).groups()
        found = [line for line in result.stderr.splitlines() if text in line]
        assert found, f"{text!r} is not in:\n{result.stderr}"
        if place:
            assert any(f"{file}:{place}: " in line for line in found), result.stderr


def test_a_bad_cohort_file_stops_no_plan_before_it_is_read(stacks):
    """What is asked of a cluster ahead of the reading leaves it to the reading to tell."""
    settings = Settings(stacks=stacks, home=stacks.parent / "home")
    cases = [case for case in BAD if case.parent.name == "cohort"]
    assert cases
    for case in cases:
        try_file(stacks, case)
        assert ahead.ask(settings, "course") is None, case.name


def test_a_plan_tells_what_is_wrong_with_a_file_as_validate_does(stacks):
    _, validate = try_file(stacks, HERE / "cohort" / "home-of-nobody.yaml")

    result = run(stacks, "plan", "course")

    assert (result.exit_code, result.stderr) == (3, validate().stderr)


@pytest.mark.parametrize("case", GOOD, ids=case_id)
def test_its_good_twin_passes(stacks, case):
    _, command = try_file(stacks, case)

    result = command()

    assert result.exit_code == 0, result.output


def test_there_are_bad_and_good_files_of_every_kind():
    kinds = {path.name for path in HERE.iterdir() if path.is_dir()}

    assert {path.parent.name for path in BAD} == kinds
    assert {path.parent.name for path in GOOD} == kinds


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("labs", "reserved"),
        ("default", "reserved"),
        ("kube-course", "reserved"),
        ("openshift-course", "reserved"),
        ("practicum2", "reserved"),
        ("Course", "a cohort's name is a-z"),
        ("a--b", "a cohort's name is a-z"),
        ("../course", "a cohort's name is a-z"),
        ("course\n", "a cohort's name is a-z"),
        ("", "a cohort's name is a-z"),
        ("c" * 31, "at most 30"),
    ],
)
@pytest.mark.parametrize("command", ["init", "validate"])
def test_a_cohort_cannot_have_every_name(stacks, command, name, reason):
    before = everything(stacks.parent)

    result = run(stacks, command, name)

    assert result.exit_code == 3
    assert reason in result.stderr
    assert everything(stacks.parent) == before


def test_a_cohort_that_is_not_there_names_the_one_that_is_most_like_it(stacks):
    result = run(stacks, "validate", "cuorse")

    assert result.exit_code == 3
    assert "Did you mean course?" in result.stderr


def test_a_missing_roster_says_how_to_import_one(stacks):
    (stacks / "course" / "roster.csv").unlink()

    result = run(stacks, "validate", "course")

    assert result.exit_code == 3
    assert "practicum roster import" in result.stderr


@pytest.mark.parametrize("size", [1 << 20, 17 << 20])
def test_a_huge_file_is_refused_before_it_is_read(stacks, size):
    file = stacks / "course" / ("cohort.yaml" if size < 2 << 20 else "roster.csv")
    with file.open("ab") as handle:
        handle.truncate(size + 1)

    result = run(stacks, "validate", "course")

    assert result.exit_code == 3
    assert "is larger than" in result.stderr


def test_mistakes_of_the_roster_the_keys_and_the_records_are_told_in_one_run(stacks):
    folder = stacks / "course"
    (folder / "roster.csv").write_text("id,name\n20260001,\n20260002,Bo\n")
    (folder / "keys" / "20260002").write_text("no key\n")
    (folder / "students.json").write_text("{")

    result = run(stacks, "validate", "course")

    assert result.exit_code == 3
    assert "the name is empty" in result.stderr
    assert "this is no public key" in result.stderr
    assert "it is not JSON" in result.stderr


def test_a_value_is_never_repeated(stacks):
    """Somebody will paste a password where a quantity goes."""
    text = COHORT.decode() + "environment: {quota: {cpu: hunter2}}\nprotect: hunter2\n"
    (stacks / "course" / "cohort.yaml").write_text(text)

    result = run(stacks, "validate", "course")

    assert result.exit_code == 3
    assert "environment.quota.cpu" in result.stderr
    assert "hunter2" not in result.output
