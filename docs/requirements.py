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
must be like, and who shows it. Tests that are marked *soak* run in `make soak` alone. What
neither they nor `practicum verify` show is said to be *unproven*, or *not built*.

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
        soak = " (*soak*)" if name in _soaks(file) else ""
        tests.append(f"`{Path(file).stem}`: {name.removeprefix('test_').replace('_', ' ')}{soak}")
    return "<br>".join(tests)


@cache
def _soaks(file: str) -> set[str]:
    """Return the tests of a file that are too long for every change."""
    tree = ast.parse((HERE.parent / file).read_text(encoding="utf-8"))
    found = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    return {
        node.name
        for node in found
        if any(ast.unparse(mark) == "pytest.mark.soak" for mark in node.decorator_list)
    }


if __name__ == "__main__":
    raise SystemExit(main())
