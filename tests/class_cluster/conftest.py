"""The class cluster, and courses on it."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from provisioner.kind.docker import Engine
from tests.kind.conftest import engine, node_image

from . import rig

__all__ = ["class_cluster", "engine", "node_image"]


@pytest.fixture(scope="session")
def class_cluster(
    engine: Engine, node_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[rig.ClassCluster]:
    """Three nodes that all tests share; whoever changes it puts it back."""
    folder = tmp_path_factory.mktemp("class-cluster")
    with rig.running(engine, node_image, folder, _say) as made:
        yield made


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
