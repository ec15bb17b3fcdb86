"""The docs name everything there is, and say why a command line in them is not run.

That the others work is shown by ``tests/cluster/test_documented_commands.py``.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from provisioner import errors
from provisioner.cli import COMMANDS
from provisioner.cohort import Assistant, ClusterAccess, Cohort, Groups, Section, Term
from provisioner.cohort.environment import Environment
from provisioner.cohort.hosts import (
    AccountLimits,
    Accounts,
    ClassSecrets,
    Dotfiles,
    Fork,
    Host,
    Ports,
)
from provisioner.cohort.oidc import Oidc

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / ".github" / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
FENCE = re.compile(r"^```(.+)$", re.MULTILINE)
NOT_RUN = re.compile(r"bash not run: \w.{10,}")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")

FOUND_BY_US = {"name", "folder"}
"""Fields of a cohort that are no keys of its file."""


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_a_command_line_that_no_test_runs_says_why(page: Path) -> None:
    kinds = FENCE.findall(page.read_text(encoding="utf-8"))

    odd = [kind for kind in kinds if kind not in ("console", "text", "yaml")]
    assert [kind for kind in odd if not NOT_RUN.fullmatch(kind)] == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_a_link_leads_somewhere(page: Path) -> None:
    targets = LINK.findall(page.read_text(encoding="utf-8"))

    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_readme_is_under_two_screens() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 80


def test_the_index_leads_to_every_page() -> None:
    index = DOCS / "README.md"
    targets = {(DOCS / target).resolve() for target in LINK.findall(index.read_text("utf-8"))}

    assert set(DOCS.rglob("*.md")) - {index} - targets == set()


def test_the_layers_are_explained_as_they_are_held() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    (held,) = [one["layers"] for one in contracts if one["type"] == "layers"]
    page = (DOCS / "explanation.md").read_text(encoding="utf-8")
    (explained,) = re.findall(r"^    cli ─► .*?(?=\n\n)", page, re.MULTILINE | re.DOTALL)

    assert [layer.strip() for layer in explained.split("─►")] == held[1:], "__main__ is the start"


@pytest.mark.parametrize("page", ["commands.py", "requirements.py"])
def test_a_reference_that_is_generated_is_not_behind(page: str) -> None:
    result = subprocess.run(
        [sys.executable, DOCS / page, "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (result.returncode, result.stderr) == (0, "")


def test_every_command_is_in_the_reference() -> None:
    page = (DOCS / "reference" / "commands.md").read_text(encoding="utf-8")

    assert [name for name in COMMANDS if f"## practicum {name}\n" not in page] == []


def test_every_key_of_the_cohort_file_is_in_the_reference() -> None:
    page = (DOCS / "reference" / "cohort-file.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"`([a-z_.]+)`", page))
    documented = {part for name in documented for part in name.split(".")}

    assert set(keys()) - documented == set()


def keys() -> Iterator[str]:
    parts: list[type[BaseModel]] = [Cohort, Term, ClusterAccess, Assistant, Section, Groups]
    parts += [Oidc, Environment, Host, Accounts, AccountLimits, Ports, Dotfiles, Fork, ClassSecrets]
    environment = Environment()
    parts += [type(environment.quota), type(environment.limits), type(environment.limits.max)]
    for part in parts:
        yield from set(part.model_fields) - (FOUND_BY_US if part is Cohort else set())


def test_every_exit_code_is_in_the_reference() -> None:
    page = (DOCS / "reference" / "exit-codes.md").read_text(encoding="utf-8")
    codes = {
        error.exit_code
        for error in vars(errors).values()
        if isinstance(error, type) and hasattr(error, "exit_code")
    }

    assert [code for code in sorted(codes) if not re.search(rf"^\| {code}\b", page, re.M)] == []


def test_hooks_need_no_network() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))

    assert {repo["repo"] for repo in hooks["repos"]} == {"local"}
