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


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make accounts")
def test_the_roles_run_on_this_machine_and_leave_nothing_on_it():
    before = Path("/etc/passwd").read_bytes()
    done = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-euc", IN_A_COPY],
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "PROJECT": str(PROJECT),
             "PYTHON": sys.executable, "LC_ALL": "C.UTF-8"},
        capture_output=True, text=True, check=False, timeout=250, stdin=subprocess.DEVNULL,
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
