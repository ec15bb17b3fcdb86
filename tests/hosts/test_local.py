"""Where no container engine can start, the roles run on this machine, in a copy of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .local_run import IN_A_COPY

pytestmark = pytest.mark.hosts

PROJECT = Path(__file__).parents[2]
ALWAYS = "PRACTICUM_TEST_LOCAL"


@pytest.fixture(scope="module")
def no_engine(request: pytest.FixtureRequest) -> None:
    """Leave this to where it is needed: an engine shows more, in less time."""
    if os.geteuid():
        pytest.skip("only root can make accounts")
    if os.environ.get(ALWAYS) == "1":
        return
    try:
        request.getfixturevalue("engine")
    except pytest.skip.Exception:
        return
    pytest.skip(f"a container engine runs here; {ALWAYS}=1 makes the run on this machine, too")


@pytest.mark.timeout(600)
def test_the_roles_run_on_this_machine_and_leave_nothing_on_it(no_engine):
    before = Path("/etc/passwd").read_bytes()
    done = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-euc", IN_A_COPY],
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "PROJECT": str(PROJECT),
             "PYTHON": sys.executable, "LC_ALL": "C.UTF-8"},
        capture_output=True, text=True, check=False, timeout=550, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if "Operation not permitted" in done.stderr:
        pytest.skip(f"this machine lets nobody mount: {done.stderr.strip()[-200:]}")
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout.splitlines()[-1])

    assert said["failed"] == [], said
    assert said["changed"][0] > 5
    assert said["again"] == []
    assert said["accounts"] == 2
    assert Path("/etc/passwd").read_bytes() == before
