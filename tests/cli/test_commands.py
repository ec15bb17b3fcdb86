"""The contract of the command: names, options, exit codes, and what `--help` costs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from provisioner import __version__
from provisioner.cli import COMMANDS, practicum
from provisioner.errors import (
    ClusterError,
    InputError,
    Interrupted,
    LockedError,
    MissingToolError,
    PartialError,
    ProofError,
    ToolError,
)

HEAVY = (
    "ansible_runner", "cryptography", "infra", "kubernetes", "openpyxl", "psutil", "pulumi",
    "pydantic", "pyrage", "rich", "urllib3", "yaml",
)  # fmt: skip

OPTIONS = {
    "": ["--stacks", "--home", "--state", "--version"],
    "init": ["--backend", "--cluster", "--kubeconfig", "--context"],
    "roster import": ["--from", "--yes", "--allow-drop", "--id-digits", "--group-column", "--json"],
    "validate": ["--json"],
    "toolchain": ["--json"],
    "rehearsal up": ["--json"],
    "rehearsal status": ["--json"],
    "rehearsal down": ["--json"],
    "plan": ["--json", "--detailed-exitcode", "--watch", "--for"],
    "capacity": ["--at-once", "--json"],
    "up": ["--yes", "--json", "--allow-drop", "--no-archive", "--force-finalize"],
    "status": ["--json"],
    "handout": ["--json", "--renew", "--replace-key", "--bundle"],
    "rotate": ["--json", "--overlap", "--now", "--sweep"],
    "revoke": ["--json", "--yes"],
    "reinstate": ["--json", "--yes", "--replace-key"],
    "verify": ["--student", "--all", "--live", "--json", "--html"],
    "keys import": ["--from", "--yes", "--dry-run", "--json"],
    "keys missing": ["--json"],
    "keys audit": ["--json"],
    "access grant": ["--for", "--json"],
    "access list": ["--json"],
    "access revoke": ["--json"],
    "archive key": [],
    "archive make": ["--json"],
    "archive open": ["--identity", "--to", "--json"],
    "archive restore": ["--identity", "--yes", "--dry-run", "--of", "--json"],
    "down": ["--yes", "--no-archive", "--json", "--wait", "--force-finalize"],
    "reset": ["--yes", "--dry-run", "--no-archive", "--json"],
    "reap": ["--json", "--yes", "--dry-run", "--after"],
    "report": ["--json", "--csv", "--html", "--prices", "--sample"],
    "render": ["--student"],
    "role": ["--json"],
    "doctor": ["--json"],
}
"""What programs may type: an option that is gone from here breaks somebody's script."""


def commands() -> Iterator[tuple[str, click.Command]]:
    yield "", practicum
    context = click.Context(practicum)
    for name in practicum.list_commands(context):
        command = practicum.get_command(context, name)
        assert command
        yield name, command
        for below, member in getattr(command, "commands", {}).items():
            yield f"{name} {below}", member


EVERY = dict(commands())


def run(folder: Path, *arguments: str) -> Result:
    where = ["--stacks", str(folder / "stacks"), "--home", str(folder / "home")]
    return CliRunner().invoke(practicum, [*where, *arguments])


def document(result: Result) -> dict[str, object]:
    """Standard output, which has to be one JSON document and nothing else."""
    found = json.loads(result.stdout)
    assert isinstance(found, dict)
    return found


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A folder with the cohort that ``init`` writes, on a rehearsal that is not up."""
    assert run(tmp_path, "init", "mls26").exit_code == 0
    return tmp_path


def test_the_commands_are_those_of_the_contract() -> None:
    assert list(COMMANDS) == [name for name in EVERY if name and " " not in name]
    assert set(EVERY) >= set(OPTIONS) | {"roster", "rehearsal", "keys", "access", "archive"}


@pytest.mark.parametrize("name", OPTIONS)
def test_the_options_of_the_contract_are_there(name: str) -> None:
    there = {option for parameter in EVERY[name].params for option in parameter.opts}

    assert set(OPTIONS[name]) - there == set()


@pytest.mark.parametrize("name", EVERY)
def test_help_says_what_it_does_and_shows_an_example(name: str) -> None:
    result = CliRunner().invoke(practicum, [*name.split(), "--help"])

    assert (result.exit_code, result.stderr) == (0, "")
    assert re.search(rf"^ *(Start with: )?practicum (--\S+ \S+ )?{name}", result.stdout, re.M)
    assert r"\b" not in result.stdout


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError, 3), (MissingToolError, 4), (ToolError, 5), (PartialError, 6),
        (ClusterError, 7), (ProofError, 8), (LockedError, 9),
    ],
)  # fmt: skip
def test_exit_codes_are_those_of_the_contract(error: type[InputError], code: int) -> None:
    assert error("told").exit_code == code


@pytest.mark.parametrize(("number", "code"), [(2, 130), (15, 143)])
def test_a_signal_gives_the_exit_code_that_shells_expect(number: int, code: int) -> None:
    assert Interrupted("stopped", signal=number).exit_code == code


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (KeyboardInterrupt, "Stopped before the end. Run the same command again to go on.\n"),
        (click.Abort, "Stopped; nothing was changed.\n"),
    ],
)
def test_what_is_said_of_a_stop_is_true(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: type[BaseException], said: str
) -> None:
    """After a Ctrl-C something may have been done; at a question nothing was."""

    def stopped(*_: object, **__: object) -> None:
        raise end

    monkeypatch.setattr("provisioner.cohort.checking.summary", stopped)

    result = run(tmp_path, "validate", "mls26")

    assert (result.exit_code, result.stderr) == (130, said)


def test_help_imports_nothing_that_it_does_not_need() -> None:
    code = f"""
import sys
from provisioner.cli import practicum
practicum.main(["--help"], prog_name="practicum", standalone_mode=False)
print(sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert "Usage: practicum" in result.stdout
    assert result.stderr == "[]\n"


def test_the_version_is_the_packages() -> None:
    assert CliRunner().invoke(practicum, ["--version"]).stdout == (
        f"practicum, version {__version__}\n"
    )


def test_a_command_that_does_not_exist_is_a_usage_error() -> None:
    result = CliRunner().invoke(practicum, ["destroy"])

    assert result.exit_code == 2
    assert "No such command 'destroy'" in result.stderr


def test_folders_can_be_said_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRACTICUM_STACKS", str(tmp_path / "s"))
    monkeypatch.setenv("PRACTICUM_HOME", str(tmp_path / "h"))

    assert CliRunner().invoke(practicum, ["init", "mls26"]).exit_code == 0
    assert (tmp_path / "s" / "mls26" / "cohort.yaml").exists()
    assert (tmp_path / "h" / "keys" / "mls26.agekey").exists()


def test_validate_prints_one_document(course: Path) -> None:
    result = run(course, "validate", "mls26", "--json")

    assert result.exit_code == 0
    assert document(result)["students"] == 2


def test_an_import_prints_one_document(course: Path) -> None:
    export = course / "export.csv"
    export.write_text("id,name\n20260001,Ada Example\n20260009,Neu Hinzu\n", encoding="utf-8")

    result = run(
        course, "roster", "import", "mls26", str(export), "--from", "csv", "--yes", "--json"
    )

    assert result.exit_code == 0
    assert document(result)["written"] is True


def test_a_rehearsal_that_is_not_there_is_told_as_one_document(tmp_path: Path) -> None:
    result = run(tmp_path, "rehearsal", "status", "--json")

    assert result.exit_code == 0
    assert document(result) | {"running": False, "kubeconfig": None} == document(result)
    assert {"server", "version"} <= document(result).keys()


def test_render_prints_what_kubectl_takes(course: Path) -> None:
    result = run(course, "render", "mls26", "--student", "20260001")

    assert result.exit_code == 0
    assert result.stdout.startswith("apiVersion: v1\nkind: Namespace\n")


@pytest.mark.parametrize(
    "command",
    ["plan", "up", "status", "handout", "rotate", "revoke", "reinstate", "archive", "down"],
)
def test_without_a_cluster_a_command_says_so_and_exits_7(course: Path, command: str) -> None:
    sure = {
        "up": ["--yes"],
        "revoke": ["--yes"],
        "reinstate": ["--yes"],
        "down": ["--yes", "mls26"],
    }.get(command, [])

    result = run(course, command, "mls26", *sure, "--json")

    assert (result.exit_code, result.stdout) == (ClusterError.exit_code, "")
    assert "practicum rehearsal up" in result.stderr


@pytest.mark.parametrize("command", ["validate", "plan", "up", "status", "handout", "render"])
def test_a_cohort_that_does_not_exist_is_an_input_error(tmp_path: Path, command: str) -> None:
    result = run(tmp_path, command, "nobody")

    assert (result.exit_code, result.stdout) == (InputError.exit_code, "")
    assert "nobody" in result.stderr


def test_down_wants_the_name_typed(course: Path) -> None:
    result = run(course, "down", "mls26", "--yes", "mls62")

    assert result.exit_code == InputError.exit_code
    assert "nothing was deleted" in result.stderr


def test_a_course_without_a_key_gets_one_and_keeps_it(course: Path) -> None:
    private = course / "home" / "keys" / "mls26.agekey"
    told = run(course, "archive", "key", "mls26")
    private.unlink()

    first = run(course, "archive", "key", "mls26")
    second = run(course, "archive", "key", "mls26")

    assert "It stands in " in told.stderr
    assert "Write this line into " in first.stderr, "the file has the lost key's other half"
    assert first.stdout == second.stdout != told.stdout
    assert first.stdout.startswith("course_key: age1")
    assert private.stat().st_mode & 0o777 == 0o600


def test_an_archive_that_is_none_is_told_in_one_line(course: Path) -> None:
    file = course / "no.tar.gz.age"
    file.write_text("nothing")
    key = course / "home" / "keys" / "mls26.agekey"

    result = run(course, "archive", "open", str(file), "--identity", str(key))

    assert result.exit_code == InputError.exit_code
    assert "is damaged, cut off, or no archive" in result.stderr


def test_help_is_quick() -> None:
    """Counted in modules, because a loaded machine is no reason to fail."""
    code = "import sys; before = len(sys.modules); import provisioner.cli; "
    code += "print(len([m for m in sys.modules if m.startswith('provisioner')]))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert int(result.stdout) <= 6
