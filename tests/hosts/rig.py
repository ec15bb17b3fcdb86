"""Real lab hosts for tests, as fixtures: a container each, on one engine and one image.

``new_host("lab1")`` starts a host that ends with the tests; the first run of all makes the
image (two minutes), later ones start a host in seconds. Any ``conftest.py`` may import these.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from . import rig_image
from .rig_engine import Engine, running_engine
from .rig_host import LabHost, start_host

__all__ = ["at_once", "engine", "host_image", "new_host", "operator_key"]

NewHost = Callable[[str], LabHost]


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """A container engine; everything that needs one is skipped where none can be had."""
    with running_engine(rig_image.folder() / "engine") as found:
        yield found


@pytest.fixture(scope="session")
def host_image(engine: Engine) -> str:
    """The image of a lab host."""
    return rig_image.ensure_image(engine)


@pytest.fixture(scope="session")
def operator_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The operator's private key, which every host of this run lets in."""
    path = tmp_path_factory.mktemp("operator") / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path


@pytest.fixture(scope="session")
def new_host(engine: Engine, host_image: str, operator_key: Path) -> Iterator[NewHost]:
    """Start a host by its name; it ends with the tests, however they end."""
    started: list[LabHost] = []

    def start(name: str) -> LabHost:
        started.append(start_host(engine, host_image, operator_key, name))
        return started[-1]

    try:
        yield start
    finally:
        if started:
            # All in one go, for each waits for its disk.
            engine.docker("rm", "--force", "--volumes", *(host.container for host in started))


def at_once(new_host: NewHost, *names: str) -> list[LabHost]:
    """Start some hosts together: most of the time each waits for its boot."""
    with ThreadPoolExecutor(len(names)) as pool:
        return list(pool.map(new_host, names))
