"""A container engine with the node image, for the tests of kind.

The engine is that of this machine, or the one that the tests of lab hosts bring, where
``PRACTICUM_TEST_INSTALL=1`` says that they may; without one, all here is skipped.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext

import pytest

from provisioner.errors import MissingToolError
from provisioner.kind import image
from provisioner.kind.docker import Engine


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The engine, which is also that of every docker and kind that a test starts."""
    with _running() as found, pytest.MonkeyPatch.context() as patch:
        if found.address:
            patch.setenv("DOCKER_HOST", found.address)
        yield Engine()


def _running() -> AbstractContextManager[Engine]:
    try:
        Engine().require()
    except MissingToolError:
        why = "no container engine answers here, and there is no rig that could bring one"
        rig = pytest.importorskip("tests.hosts.rig", reason=why)
        return rig.running_engine(rig.rig_image.folder() / "engine")
    return nullcontext(Engine())


@pytest.fixture(scope="session")
def node_image(engine: Engine) -> str:
    """The name of the node image; the first run of all builds it, in ten minutes or so."""
    name = image.recipe.image_name()
    if os.geteuid() and not engine.has_image(name):
        pytest.skip(f"there is no {name}, and only root can build it")
    return image.build(engine, _say).name


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
