"""Every requirement says who shows it, and what is named is there."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest
import yaml

import provisioner
from provisioner.verify import case, live
from provisioner.verify.finding import load_catalogue

ROOT = Path(provisioner.__file__).parent.parent
CATALOGUE = load_catalogue()
OTHERS = yaml.load(
    (ROOT / "docs" / "requirements.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader
)
ALL = CATALOGUE | OTHERS
KEYS = {"what", "unproven", "live", "waived", "left", "note", "shown_by"}
EXCUSES = ("unproven", "left")
GOLDEN = ROOT / "provisioner" / "verify" / "golden" / "student.yaml"


@cache
def names_in(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    found = (node.name for node in tree.body if isinstance(node, ast.FunctionDef))
    return {name for name in found if name.startswith("test_")}


def test_every_requirement_is_listed_in_order():
    assert list(CATALOGUE) == ids("ISO", 35) + ids("CRD", 22)
    assert list(OTHERS) == ids("REL", 31) + ids("INP", 21) + ids("ISO", 38)[35:]


def ids(kind: str, count: int) -> list[str]:
    return [f"{kind}-{number:02d}" for number in range(1, count + 1)]


@pytest.mark.parametrize("id", ALL)
def test_a_requirement_is_shown_by_a_test_that_exists_or_says_why_by_none(id):
    entry = ALL[id]
    shown = entry.get("shown_by", [])

    assert entry.keys() <= KEYS
    assert entry["what"].endswith(".")
    assert bool(shown) != any(entry.get(key) for key in EXCUSES)
    assert [
        one for one in shown if one.partition("::")[2] not in names_in(one.partition("::")[0])
    ] == []


@pytest.mark.parametrize(
    ("test", "when"),
    [
        ("`test_bucket`: a term with its state in a bucket", "by hand"),  # a mark of the module
        ("`test_restore_elsewhere`: the same objects come back on another cluster", "soak"),
        ("`test_kills`: twenty random cuts over thirty students", "soak"),  # one of the test
    ],
)
def test_the_page_says_of_a_test_that_no_change_waits_for_it(test, when):
    page = (ROOT / "docs" / "reference" / "requirements.md").read_text(encoding="utf-8")

    assert f"{test} (*{when}*)" in page
    assert "`test_kills`: a run cut at a change is finished by the next<br>" in page, "the twin"


@pytest.mark.parametrize("id", [id for id, entry in CATALOGUE.items() if "waived" in entry])
def test_what_is_waived_is_tried_by_no_case(id):
    """Else the cluster could show it, and the excuse would hide that it does not."""
    assert not any(id in one.requirements for one in case.load())


@pytest.mark.parametrize("id", [id for id, entry in CATALOGUE.items() if "live" in entry])
def test_what_takes_pods_has_a_line_that_asks(id):
    assert any(id in line.requirements for line in live.LINES)


def test_every_right_of_a_student_has_its_reason_beside_it():
    lines = GOLDEN.read_text(encoding="utf-8").splitlines()
    rights = [n for n, line in enumerate(lines) if line.startswith("  ") and "[" in line]

    assert len(rights) > 20
    assert [
        lines[n] for n in rights if "  # " not in lines[n] and not lines[n - 1].startswith("  # ")
    ] == []
