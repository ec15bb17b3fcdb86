"""INP-21: whatever the bytes, a file is taken whole or refused with words.

No other error, no file written anywhere else, no two seconds of processor time, and no 300
MiB of memory. Files that were once judged wrongly are kept in ``tests/bad_input``.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provisioner.cli import practicum

from . import mutator

ROOT = Path(__file__).parents[2]
LIMIT = 300 << 10
"""Memory in KiB."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz") / "course"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("kind", mutator.KINDS)
def test_a_mutated_file_is_taken_or_refused(folder, kind):
    slow = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]

    @settings(deadline=None, max_examples=30, suppress_health_check=slow)
    @given(st.randoms(use_true_random=False))
    def holds(chance):
        mutator.judge(kind, mutator.mutated(chance, kind), folder)

    holds()


opened: list[str] = []
watching = False


def _note(event, arguments):
    """An audit hook sees every file that is opened, whoever opens it; it cannot be taken off."""
    if watching and event == "open":
        path, mode, flags = arguments
        if isinstance(path, str) and (set(mode or "") & set("wax+") or (flags or 0) & 3):
            opened.append(path)


@settings(deadline=None, max_examples=15, suppress_health_check=list(HealthCheck))
@given(chance=st.randoms(use_true_random=False), source=st.sampled_from(["csv", "korean", "xlsx"]))
def test_an_import_writes_the_roster_and_nothing_else(folder, chance, source):
    """With ids and names that are as hostile as chance makes them."""
    global watching
    if not getattr(sys, "practicum_note", False):
        sys.addaudithook(_note)
        sys.practicum_note = True
    (folder / "cohort.yaml").write_bytes((mutator.HERE / "cohort" / "good.yaml").read_bytes())
    export = folder.parent / "export"
    export.write_bytes(mutator.mutated(chance, source))
    (folder / "roster.csv").unlink(missing_ok=True)
    command = ["--stacks", str(folder.parent), "roster", "import", "course", str(export)]
    opened.clear()
    watching = True
    try:
        result = CliRunner().invoke(practicum, [*command, "--from", source, "--yes"])
    finally:
        watching = False

    assert result.exit_code in (0, 3), result.output
    assert "\x1b" not in result.output
    elsewhere = [path for path in map(Path, opened) if path.resolve().parent != folder.resolve()]
    # What is imported for the first time is compiled, and that is kept.
    assert [path for path in elsewhere if ".pyc" not in path.name] == []


@pytest.mark.parametrize(
    ("seconds", "seed"),
    [
        pytest.param(1, 20260901, id="short"),
        pytest.param(60, random.randrange(10**6), id="long", marks=pytest.mark.soak),
    ],
)
def test_a_run_of_its_own_stays_small(seconds, seed):
    """In a process that does nothing else, so that its memory is the readers'."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.cli.mutator", str(seconds), str(seed)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, f"the seed is {seed}\n{done.stderr}"
    found = json.loads(done.stdout)
    assert found["refused"] > found["taken"] > 0
    assert found["memory"] < LIMIT
