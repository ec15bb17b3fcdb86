"""Lock what pyproject.toml asks for: exact versions and hashes, for Python 3.11 and later.

``make lock`` writes the files anew, and keeps each version that still fits;
``make lock UPGRADE=1`` takes the newest. ``--check`` needs no network: it says whether
the files still answer what pyproject.toml asks for.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LOCKS: dict[str, tuple[str, ...]] = {
    "base": (),
    "operator": ("operator",),
    "dev": ("operator", "dev"),
}
"""Each file, and the extras that are in it."""

PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)


def main() -> int:
    """Write the files, or check them; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="Only say whether they are in step.")
    parser.add_argument("--upgrade", action="store_true", help="Take the newest versions.")
    chosen = parser.parse_args()
    if not chosen.check:
        for name, extras in LOCKS.items():
            _write(name, extras, upgrade=chosen.upgrade)
    problems = [problem for name in LOCKS for problem in _problems(name)]
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    if problems:
        sys.stderr.write("Lock anew with: make lock\n")
    return 1 if problems else 0


def _write(name: str, extras: tuple[str, ...], *, upgrade: bool) -> None:
    command = [
        sys.executable, "-m", "uv", "pip", "compile", "--quiet",
        "--universal", "--python-version", "3.11",
        "--generate-hashes", "--no-emit-index-url", "--no-annotate",
        "--custom-compile-command", "make lock",
        *(f"--extra={extra}" for extra in extras),
        *(["--upgrade"] if upgrade else []),
        "--output-file", f"requirements/{name}.txt",
        "pyproject.toml", "-",
    ]  # fmt: skip
    # The build backend too: the project itself is installed without fetching anything.
    backend = "\n".join(_project()["build-system"]["requires"])
    subprocess.run(command, cwd=ROOT, input=backend, text=True, check=True)


def _problems(name: str) -> Iterator[str]:
    """Yield what a file lacks, or holds in a version that is not asked for."""
    path = ROOT / "requirements" / f"{name}.txt"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    if "://" in text:
        yield f"{path.name} names an address; it must be free of index URLs"
    pinned: dict[str, set[str]] = {}
    for package, version in PINNED.findall(text):
        pinned.setdefault(canonicalize_name(package), set()).add(version)
    for wanted in _wanted(LOCKS[name]):
        versions = pinned.get(canonicalize_name(wanted.name), set())
        if not versions:
            yield f"{path.name} lacks {wanted}"
        elif not all(wanted.specifier.contains(version) for version in versions):
            yield f"{path.name} has {wanted.name} {', '.join(versions)}, but {wanted} is asked for"


def _wanted(extras: tuple[str, ...]) -> Iterator[Requirement]:
    project = _project()
    lines = [*project["build-system"]["requires"], *project["project"]["dependencies"]]
    for extra in extras:
        lines += project["project"]["optional-dependencies"][extra]
    return map(Requirement, lines)


def _project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


if __name__ == "__main__":
    sys.exit(main())
