"""Each demo is a test of itself: it exits with 1 when anything is other than it says."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioner.kind import image
from provisioner.kind.docker import Engine
from tests.hosts import rig_image
from tests.hosts.rig_engine import running_engine

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1800)]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An engine, which the demo finds as it is; where there can be none, this skips."""
    with running_engine(rig_image.folder() / "engine") as found:
        if found.address:
            monkeypatch.setenv("DOCKER_HOST", found.address)
        yield


@pytest.mark.cluster
def test_the_demo_ends_well() -> None:
    ends_well("demo.py")


@pytest.mark.hosts
def test_the_demo_of_lab_hosts_ends_well(engine: None) -> None:
    ends_well("demo_hosts.py")


@pytest.mark.kind
def test_the_demo_of_kind_clusters_ends_well(engine: None) -> None:
    if os.geteuid() and not Engine().has_image(image.recipe.image_name()):
        pytest.skip("there is no node image, and only root can build it")
    ends_well("demo_kind.py")


def ends_well(name: str) -> None:
    """Play a demo as make does, for nobody to look at."""
    result = subprocess.run(
        [sys.executable, ROOT / "docs" / name],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stdout[-3000:]
    assert "\x1b[" not in result.stdout
