"""The demo is a test of itself: it exits with 1 when anything is other than it says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.soak
@pytest.mark.cluster
@pytest.mark.timeout(600)
def test_the_demo_ends_well() -> None:
    result = subprocess.run(
        [sys.executable, ROOT / "docs" / "demo.py"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stdout[-3000:]
    assert "\x1b[" not in result.stdout
