"""Write docs/reference/requirements.md from the catalogues of requirements and the corpus.

``--check`` writes nothing and exits with 1 where the page is behind.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from provisioner.verify import case
from provisioner.verify.finding import load_catalogue

HERE = Path(__file__).resolve().parent
PAGE = HERE / "reference" / "requirements.md"
OTHERS = HERE / "requirements.yaml"
"""The requirements that no running cluster shows."""

HEAD = """\
# Requirements

What isolation and access must be like, what a cohort's life and the files that people hand in
must be like, and who shows it. Tests that are marked *soak* run in `make soak` alone. Those that
are marked *by hand* need a program that nothing here installs: no pipeline of ours runs them. What
none of them nor `practicum verify` shows is said to be *unproven*, or *not built*.

This page is generated: `python docs/requirements.py`.
"""

VERIFIED = """
## Isolation and access

`practicum verify` judges the first kind on your own cluster, by the attacks that are counted
here, by asking for rights, and by comparing what stands there with what should. The second kind
is no property of a running cluster: tests of the release show it.
"""

TESTED = """
## The life of a cohort, and input

Tests of the release show these; `verify` judges none of them.
"""

WORDS = {
    "waived": "not judged by verify: ",
    "unproven": "**unproven**: ",
    "live": "**unproven** without pods that look ([live](../how-to/verify.md)): ",
    "left": "not built: ",
    "note": "note: ",
}

LATER = {"pytest.mark.soak": "soak", "pytest.mark.by_hand": "by hand"}
"""Marks of tests that a change does not wait for, and the word for each; the last one counts."""


def main() -> int:
    """Write the page, or check it; returns the exit code."""
    page = "\n".join([HEAD + VERIFIED, *_verified(), TESTED, *_tested()]) + "\n"
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(page, encoding="utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == page:
        return 0
    sys.stderr.write(f"{PAGE.name} is behind. Write it with: python docs/requirements.py\n")
    return 1


def _verified() -> Iterator[str]:
    cases = Counter(id for one in case.load() for id in one.requirements)
    yield "| id | what | attacks | shown by these tests of the release |"
    yield "| --- | --- | --: | --- |"
    for id, entry in load_catalogue().items():
        yield f"| {id} | {_what(entry)} | {cases[id] or ''} | {_shown(entry)} |"


def _tested() -> Iterator[str]:
    yield "| id | what | shown by these tests of the release |"
    yield "| --- | --- | --- |"
    others: dict[str, dict[str, Any]] = yaml.safe_load(OTHERS.read_text(encoding="utf-8"))
    for id, entry in others.items():
        yield f"| {id} | {_what(entry)} | {_shown(entry)} |"


def _what(entry: Mapping[str, Any]) -> str:
    said = [f"{word}{entry[key]}" for key, word in WORDS.items() if key in entry]
    return " ".join([entry["what"], *(f"<br>{one}" for one in said)])


def _shown(entry: Mapping[str, Any]) -> str:
    """Name the tests, with the file that they are in."""
    tests = []
    for one in entry.get("shown_by", ()):
        file, _, name = one.partition("::")
        word = _when(file).get(name)
        when = f" (*{word}*)" if word else ""
        tests.append(f"`{Path(file).stem}`: {name.removeprefix('test_').replace('_', ' ')}{when}")
    return "<br>".join(tests)


@cache
def _when(file: str) -> dict[str, str]:
    """Return the tests of a file that a change does not wait for, each with the word for it."""
    body = ast.parse((HERE.parent / file).read_text(encoding="utf-8")).body
    of_all = [mark for node in body for mark in _marks_of_all(node)]
    found = {}
    for test in (node for node in body if isinstance(node, ast.FunctionDef)):
        marks = {ast.unparse(mark) for mark in [*of_all, *test.decorator_list]}
        words = [word for mark, word in LATER.items() if mark in marks]
        found.update({test.name: words[-1]} if words else {})
    return found


def _marks_of_all(node: ast.stmt) -> list[ast.expr]:
    """Return the marks that a module gives to all its tests, where this statement does so."""
    if not (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark"):
        return []
    return node.value.elts if isinstance(node.value, ast.List) else [node.value]


if __name__ == "__main__":
    raise SystemExit(main())
