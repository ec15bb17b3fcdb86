"""One rehearsal control plane for all cluster tests of a run, and a look into its audit log."""

from __future__ import annotations

import functools
import http.client
import itertools
import json
import os
import shutil
import ssl
import subprocess
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from provisioner import rehearsal, toolchain

from ..waiting import until
from .course import Course
from .faults import Proxy, proxy
from .runs import put_behind

Kubectl = Callable[..., str]


@dataclass(frozen=True)
class ControlPlane:
    """A rehearsal that is up."""

    home: Path
    kubeconfig: Path
    server: str

    @property
    def folder(self) -> Path:
        return self.home / "rehearsal"

    def audit(self) -> list[dict[str, Any]]:
        """Every request since the start: one event each, two for a watch."""
        return self._events(0)

    def mark(self) -> int:
        """Remember this moment: every request until now is in the log before it."""
        return self._fence()

    def since(self, mark: int) -> list[dict[str, Any]]:
        """The events of all requests that ended after a mark."""
        return self._events(mark, self._fence())

    def _events(self, start: int, end: int | None = None) -> list[dict[str, Any]]:
        log = (self.folder / "audit.log").read_bytes()[start:end]
        events = [json.loads(line) for line in log.splitlines()]
        return [event for event in events if "?fence=" not in event["requestURI"]]

    def _fence(self) -> int:
        """Send a request that can be told from all others, and find where it is in the log."""
        fence = f"/readyz?fence={uuid.uuid4()}"
        self._get(fence)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            log = (self.folder / "audit.log").read_bytes()
            position = log.find(fence.encode())
            end = log.find(b"\n", position)
            if position >= 0 and end >= 0:
                return end + 1
            time.sleep(0.01)
        raise AssertionError("the fence is not in the audit log")

    def _get(self, path: str) -> None:
        pki = self.folder / "pki"
        trust = ssl.create_default_context(cafile=pki / "ca.crt")
        trust.load_cert_chain(pki / "admin.crt", pki / "admin.key")
        address = urlsplit(self.server)
        connection = http.client.HTTPSConnection(
            address.hostname, address.port, context=trust, timeout=60
        )
        try:
            connection.request("GET", path)
            assert connection.getresponse().status == http.HTTPStatus.OK
        finally:
            connection.close()


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane that all tests share; whoever changes it uses names of their own."""
    home = tmp_path_factory.mktemp("control-plane")
    try:
        found = rehearsal.up(home)
        yield ControlPlane(home=home, kubeconfig=found.kubeconfig, server=found.server)
    finally:
        rehearsal.down(home)
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def kubectl(tmp_path_factory: pytest.TempPathFactory) -> Kubectl:
    """The real kubectl: ``kubectl(kubeconfig, "get", "nodes")``; fails when it fails."""
    program = toolchain.find(toolchain.KUBECTL)[toolchain.KUBECTL].path
    # It keeps what it learned of a server by its address, which another's may have next.
    home = functools.cache(lambda _folder: tmp_path_factory.mktemp("kubectl"))

    def run(kubeconfig: Path, *arguments: str, stdin: str | None = None) -> str:
        result = subprocess.run(
            [program, "--kubeconfig", kubeconfig, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env={"PATH": os.environ["PATH"], "HOME": str(home(kubeconfig.parent))},
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    return run


@pytest.fixture(scope="session")
def new_course(
    control_plane: ControlPlane, kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Course]:
    """Make a cohort of its own for a test; it goes with the control plane."""
    numbers = itertools.count(1)

    def make(ids: Iterable[str] = (), **cohort: Any) -> Course:
        course = Course(
            name=f"c{next(numbers)}",
            stacks=tmp_path_factory.mktemp("stacks"),
            home=control_plane.home,
            kubeconfig=control_plane.kubeconfig,
            kubectl=kubectl,
        )
        course.write(ids, **cohort)
        return course

    return make


@pytest.fixture(scope="module")
def far(control_plane: ControlPlane) -> Iterator[Proxy]:
    """A proxy before the API server, which does what a test tells it to."""
    with proxy(control_plane.server, control_plane.folder / "pki") as made:
        yield made


@pytest.fixture(scope="module")
def behind(
    new_course: Callable[..., Course], far: Proxy, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Course]:
    """Make a cohort whose every request goes through the proxy."""

    def make(ids: Iterable[str], **cohort: Any) -> Course:
        folder = tmp_path_factory.mktemp("far")
        return put_behind(new_course(), far.port, folder, ids, **cohort)

    return make


@pytest.fixture(scope="session")
def wait_until() -> Callable[..., None]:
    """Wait for what the cluster does in its own time."""
    return until
