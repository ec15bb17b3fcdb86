"""What a command must not pay for: counted by modules and objects, for time tells little."""

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pyrage
import pytest
from pydantic import BaseModel

READS = [
    "provisioner.cli.plan",
    "provisioner.cluster.observe",
    "provisioner.cohort.loading",
    "provisioner.lifecycle.reading",
    "provisioner.report.documents",
]
"""What `plan --json` imports."""

OF_OTHERS = {
    "concurrent.futures",
    "importlib.metadata",
    "kubernetes",
    "logging",
    "openpyxl",
    "provisioner.archive",
    "provisioner.credential",
    "provisioner.lifecycle.adopt",
    "provisioner.lifecycle.stacks.engine",
    "provisioner.lifecycle.journal",
    "provisioner.pulumi_stack",
    "provisioner.report.text",
    "provisioner.toolchain",
    "provisioner.usage",
    "provisioner.verify",
    "psutil",
    "pulumi",
    "pyrage",
    "rich",
    "sqlite3",
    "subprocess",
    "urllib3",
}
"""What other commands need, or a server that does not answer as it should."""

ENDS = [
    "provisioner.cli.up",
    "provisioner.lifecycle.holding",
    "provisioner.lifecycle.access.sweeping",
    "provisioner.lifecycle.up",
    "provisioner.lifecycle.waves",
    "provisioner.report.live",
]
"""What an `up` imports beside, if only to find that there is nothing to do."""

TO_DO = {
    "provisioner.archive",
    "provisioner.credential.minting",
    "provisioner.lifecycle.archives.archiving",
    "provisioner.lifecycle.access.desk",
    "provisioner.lifecycle.stacks.engine",
    "provisioner.pulumi_stack",
    "provisioner.shell",
    "provisioner.toolchain",
    "provisioner.usage.accounting",
}
"""What it needs where there is."""


def python(code: str) -> list[str]:
    """Run code in a Python of its own; returns the words it prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_an_up_imports_no_engine_before_it_has_something_to_do():
    loaded = python(f"import sys, {', '.join(ENDS)}; print(*sys.modules)")
    assert {*ENDS} <= {*loaded}
    shared = {"provisioner.credential", "provisioner.lifecycle.journal", "provisioner.usage"}
    assert not (OF_OTHERS - shared | TO_DO).intersection(loaded)


def test_a_plan_imports_nothing_of_other_commands():
    loaded = python(f"import sys, {', '.join(READS)}; print(*sys.modules)")
    assert {*READS} <= {*loaded}
    assert not OF_OTHERS.intersection(loaded)


@pytest.mark.parametrize("module", ["ahead", "holding"])
def test_the_cluster_is_asked_before_the_schema_is_imported(module):
    loaded = python(f"import sys, provisioner.lifecycle.{module}; print(*sys.modules)")
    assert f"provisioner.lifecycle.{module}" in loaded
    assert not {"pydantic", "provisioner.cohort.schema"} & {*loaded}


SCHEMA = [
    *("access", "environment", "given", "hosts", "kind", "limits", "oidc", "quota", "schema"),
    *("staff", "term"),
]


@pytest.mark.parametrize("module", SCHEMA)
def test_the_schema_has_types_and_no_texts_that_pydantic_would_compile_one_by_one(module):
    """As `from __future__ import annotations` makes of each: a thirtieth of a `plan`."""
    parts = vars(importlib.import_module(f"provisioner.cohort.{module}")).values()
    models = [part for part in parts if isinstance(part, type) and issubclass(part, BaseModel)]

    said = [text for model in models for text in model.__annotations__.values()]
    assert said
    assert not any(isinstance(text, str) for text in said)


@pytest.mark.parametrize("package", ["cluster", "cohort", "credential", "usage"])
def test_a_door_opens_on_all_that_it_names_also_when_every_module_is_loaded(package):
    """An import puts a module into its package, where it would hide a function of its name."""
    door = importlib.import_module(f"provisioner.{package}")
    modules = {one.name for one in pkgutil.iter_modules(door.__path__)}

    assert modules & set(door.__all__) == set()
    for name in door.__all__:
        assert getattr(door, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        door.nothing  # noqa: B018


def test_nothing_is_searched_for_garbage_at_the_end(tmp_path):
    code = (
        "import atexit, gc; atexit.register(lambda: print(gc.get_freeze_count()));"
        "from provisioner.cli import practicum;"
        f"practicum(['--stacks', {str(tmp_path)!r}, 'init', 'demo', '--cluster', 'rehearsal'])"
    )
    assert int(python(code)[-1]) > 0


@pytest.mark.parametrize(("words", "code"), [(["--help"], 0), (["no-such"], 2), (["plan", "x"], 3)])
def test_the_process_ends_with_the_commands_exit_code_and_all_of_its_output(words, code, tmp_path):
    command = [sys.executable, "-m", "provisioner", *words]

    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)

    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert len(done.stdout + done.stderr) > 40


def closed_shell(words, closed, folder):
    """Run a command from a shell that has closed some of its streams."""
    return subprocess.run(
        ["sh", "-c", f'"$0" -m provisioner {words} {closed}', sys.executable],
        capture_output=True, text=True, check=False, cwd=folder,
    )  # fmt: skip


CLOSED = [">&-", "<&- >&- 2>&-"]
ENDINGS = {
    "--version": 0,
    "no-such": 2,
    "plan x": 3,
    "revoke demo": 3,
    "down demo": 3,
    "join hand-out.age --identity key": 3,
}
"""Commands, with what each ends with: two ask, and one wants the passphrase of a key."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a cohort, and a hand-out for a key with a passphrase."""
    folder = tmp_path_factory.mktemp("closed")
    made = closed_shell("init demo --cluster rehearsal", "<&- >&- 2>&-", folder)
    assert made.returncode == 0, made.stderr
    key = folder / "key"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "canary-passphrase", "-f", key]
    subprocess.run(command, check=True)
    reader = pyrage.ssh.Recipient.from_str(key.with_suffix(".pub").read_text())
    (folder / "hand-out.age").write_bytes(pyrage.encrypt(b"apiVersion: v1", [reader]))
    return folder


@pytest.mark.parametrize("closed", CLOSED)
@pytest.mark.parametrize("words", ENDINGS)
def test_a_stream_that_the_shell_has_closed_changes_no_exit_code(words, closed, folder):
    done = closed_shell(words, closed, folder)

    assert done.returncode == ENDINGS[words], done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("closed", CLOSED)
def test_a_table_and_progress_go_nowhere_where_there_is_nothing_to_show_them_on(closed):
    code = (
        "from provisioner.cli import options, streams; streams.ensure();"
        "options.show_table(('id',), [('1',)])\n"
        "from provisioner.report import live\n"
        "with live.progress(options.say) as progress: progress.step('Looking')"
    )
    done = subprocess.run(
        ["sh", "-c", f'"$0" -c "$1" {closed}', sys.executable, code],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (done.returncode, "Traceback" in done.stderr) == (0, False)


def test_no_file_takes_the_place_of_a_closed_stream():
    """Whatever a program prints that is started next would be written into it."""
    code = (
        "import os, subprocess, sys; from provisioner.cli import streams; streams.ensure();"
        "file = os.open('/', os.O_RDONLY); subprocess.run(['sh', '-c', 'echo hello; echo you >&2']);"
        "os._exit(0 if file > 2 and not sys.stdin.isatty() and sys.stdin.read() == '' else 1)"
    )
    command = ["sh", "-c", '"$0" -c "$1" <&- >&- 2>&-', sys.executable, code]

    assert subprocess.run(command, check=False).returncode == 0


def test_output_that_was_never_there_is_let_go_of_in_silence():
    python("import sys; sys.stdout = None; from provisioner import cli; cli._let_go_of_output()")


def test_output_that_cannot_be_written_is_no_success(tmp_path):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "provisioner", "--help"],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False, cwd=tmp_path,
        )  # fmt: skip

    assert done.returncode != 0


def test_a_file_that_the_system_refuses_may_be_told_in_the_middle_of_a_run(tmp_path):
    """Exit code 3 promises elsewhere that nothing was changed: not here."""
    command = [sys.executable, "-m", "provisioner", "init", "demo", "--cluster", "rehearsal"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, cwd=tmp_path
        )

    assert done.returncode == 3
    assert (tmp_path / "stacks" / "demo" / "cohort.yaml").exists()
    assert done.stderr.splitlines() == [
        "Error: No space left on device.",
        "Hint: This may have stopped in the middle. Mend it, and run the same command again.",
    ]
