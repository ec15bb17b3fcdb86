"""What continuous integration makes of a failed test; a Makefile of the tests' stands for ours."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

LAST_FAILED = ".pytest_cache/v/cache/lastfailed"
MAKEFILE = f"""
test:
\t@echo "ran:$(ARGS)" >> runs
\t@mkdir -p $(dir {LAST_FAILED})
\t@if [ -n "$(ARGS)" ]; then exit $(AGAIN); fi; cp first {LAST_FAILED} 2>/dev/null; exit $(FIRST)
"""


def ci(folder: Path, failed: str, first: int, again: int) -> tuple[int, list[str], str]:
    """Run it with what the first and the second ``make test`` end with."""
    (folder / ".ci").mkdir(exist_ok=True)
    shutil.copy(ROOT / ".ci/run", folder / ".ci/run")
    (folder / "Makefile").write_text(f"FIRST = {first}\nAGAIN = {again}\n{MAKEFILE}")
    if failed:
        (folder / "first").write_text(failed)
    done = subprocess.run(
        ["bash", ".ci/run"], cwd=folder, capture_output=True, text=True, timeout=30, check=False
    )
    return done.returncode, (folder / "runs").read_text().split("\n")[:-1], done.stderr


def names(*tests: str) -> str:
    return "{" + ",\n".join(f'"{test}": true' for test in tests) + "}"


@pytest.mark.parametrize(("again", "code"), [(0, 0), (1, 2)])
def test_the_files_of_a_few_failures_are_run_once_more_and_alone(tmp_path, again, code):
    failed = names("tests/a/test_x.py::test_1[b::c]", "tests/a/test_x.py::test_2", "t/y.py::test")
    ended, runs, said = ci(tmp_path, failed, 2, again)

    assert ended == code
    assert runs == ["ran:", "ran:t/y.py tests/a/test_x.py"]
    assert ("Not steady" in said) == (code == 0)


@pytest.mark.parametrize(
    "failed", ["", names(*(f"tests/test_{n}.py::test" for n in range(4)))], ids=["check", "many"]
)
def test_what_no_test_failed_and_what_failed_widely_is_not_tried_again(tmp_path, failed):
    assert ci(tmp_path, failed, 2, 0)[:2] == (2, ["ran:"])


def test_the_log_says_of_what_and_when_it_is(tmp_path):
    """A log that a run of yesterday left is taken for the last word by whoever finds it."""
    (tmp_path / ".ci" / "logs").mkdir(parents=True)
    log = tmp_path / ".ci" / "logs" / "make-test.log"
    log.write_text("of yesterday\n")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "one"]):
        subprocess.run([*git, *command], cwd=tmp_path, check=True)
    asked = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(asked, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    ci(tmp_path, "", 0, 1)

    first = log.read_text().splitlines()[0]
    assert re.fullmatch(rf"{commit.strip()}(-dirty)?, \d{{4}}-\d\d-\d\dT[\d:]+Z", first)
    assert "of yesterday" not in log.read_text()


def test_what_passed_is_not_run_again(tmp_path):
    assert ci(tmp_path, "", 0, 1)[:2] == (0, ["ran:"])
