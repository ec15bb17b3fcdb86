"""Write docs/reference/requirements.md from the catalogue of `verify` and its corpus.

``--check`` writes nothing and exits with 1 where the page is behind.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from provisioner.verify import case
from provisioner.verify.finding import load_catalogue

PAGE = Path(__file__).resolve().parent / "reference" / "requirements.md"

HEAD = """\
# Requirements

What isolation and access must be like, and who shows it. `practicum verify` judges the first
kind on your own cluster, by the attacks that are counted here, by asking for rights, and by
comparing what stands there with what should. The second kind is no property of a running
cluster: tests of the release show it. What neither shows is said to be *unproven*.

This page is generated: `python docs/requirements.py`.
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
    page = "\n".join([HEAD, *_table()]) + "\n"
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(page, encoding="utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == page:
        return 0
    sys.stderr.write(f"{PAGE.name} is behind. Write it with: python docs/requirements.py\n")
    return 1


def _table() -> Iterator[str]:
    cases = Counter(id for one in case.load() for id in one.requirements)
    yield "| id | what | attacks | shown by these tests of the release |"
    yield "| --- | --- | --: | --- |"
    for id, entry in load_catalogue().items():
        said = [f"{word}{entry[key]}" for key, word in WORDS.items() if key in entry]
        what = " ".join([entry["what"], *(f"<br>{one}" for one in said)])
        shown = "<br>".join(_tests(entry))
        yield f"| {id} | {what} | {cases[id] or ''} | {shown} |"


def _tests(entry: Mapping[str, Any]) -> Iterator[str]:
    """Name the tests, with the file that they are in."""
    for one in entry.get("shown_by", ()):
        file, _, name = one.partition("::")
        yield f"`{Path(file).stem}`: {name.removeprefix('test_').replace('_', ' ')}"


if __name__ == "__main__":
    raise SystemExit(main())
