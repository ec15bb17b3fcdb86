"""What a fresh clone relies on: locked requirements, the targets of the Makefile, the hooks."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ..conftest import LONG

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PIN = re.compile(r"^([a-z0-9-]+)==([^ ]+)", re.MULTILINE)


def pins(name: str) -> dict[str, str]:
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    return dict(PIN.findall(text))


def test_the_lock_files_answer_what_the_project_asks_for() -> None:
    result = subprocess.run(
        [sys.executable, ROOT / "requirements" / "lock.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_requirement_has_its_hashes_and_names_no_host(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    entries = [entry for entry in re.split(r"^(?=\S)", text, flags=re.MULTILINE) if "==" in entry]

    assert entries
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
    assert "://" not in text
    assert "--index" not in text


def test_the_engine_is_locked_at_the_version_that_is_built() -> None:
    operator = pins("operator")

    assert (operator["pulumi"], operator["pulumi-kubernetes"]) == ("3.250.0", "4.25.0")


def test_the_base_install_is_light() -> None:
    heavy = {"ansible-core", "ansible-runner", "kubernetes", "openpyxl", "pulumi", "rich"}

    assert heavy & set(pins("base")) == set()
    assert heavy <= set(pins("operator"))


def test_the_same_version_is_locked_everywhere() -> None:
    operator = pins("operator")

    assert {name: operator[name] for name in pins("base")} == pins("base")
    assert {name: pins("dev")[name] for name in operator} == operator


def test_make_says_what_it_can_do() -> None:
    result = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True
    )

    targets = set(re.findall(r"^  make ([a-z]+) ", result.stdout, re.MULTILINE))
    assert {"install", "demo", "test", "check", "unit", "bench", "soak", "lock"} <= targets


def test_what_is_to_begin_first_is_there() -> None:
    assert [start for start in LONG if not (ROOT / start).exists()] == []
