"""What a cohort is to be after any steps of a term, and the steps; for the model-based test."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import yaml

from provisioner.lifecycle.lock import run_name
from provisioner.pulumi_stack import RUN_MARK

from .course import Course, environment

REVOCATION_SECONDS = 15
"""The promise; the server's own memory of a good token is ten seconds."""


@dataclass(frozen=True)
class Credential:
    """What a student was handed, opened in memory."""

    server: str
    authority: str
    token: str

    @classmethod
    def read(cls, text: bytes) -> Credential:
        document = yaml.safe_load(text)
        cluster = document["clusters"][0]["cluster"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        return cls(cluster["server"], authority, document["users"][0]["user"]["token"])

    def answer(self, namespace: str) -> int:
        """Ask for the pods of a namespace; returns the HTTP status."""
        address = urlsplit(self.server)
        trust = ssl.create_default_context(cadata=self.authority)
        connection = http.client.HTTPSConnection(
            address.hostname, address.port, context=trust, timeout=20
        )
        try:
            path = f"/api/v1/namespaces/{namespace}/pods"
            connection.request("GET", path, headers={"Authorization": f"Bearer {self.token}"})
            return connection.getresponse().status
        finally:
            connection.close()


@dataclass
class Member:
    """One student as the model has them."""

    id: str
    namespace: str
    given: Credential | None = None
    revoked: bool = False
    suspended: bool = False
    work: set[str] = field(default_factory=set)
    """ConfigMaps that are theirs, and have to be there for as long as they are."""


def killed(course: Course, after: float, *options: str) -> None:
    """Start an `up`, and kill it with all that it started, some seconds on."""
    run = subprocess.Popen(
        course.command("up", course.name, "--yes", "--no-archive", *options),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(),
        start_new_session=True,
    )
    try:
        run.wait(timeout=after)
    except subprocess.TimeoutExpired:
        for process in (psutil.Process(run.pid), *of_run(course)):
            process.kill()
        run.wait()


def of_run(course: Course) -> list[psutil.Process]:
    """Every process that a run on this cohort started and that still lives."""
    found = []
    for process in psutil.process_iter():
        try:
            marked = process.environ().get(RUN_MARK) == run_name(course.home, course.name)
            if marked and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def await_death(credentials: list[tuple[Credential, str]]) -> None:
    """See that credentials are refused as nobody's, all within the promised time."""
    deadline = time.monotonic() + REVOCATION_SECONDS
    left = list(credentials)
    while left:
        left = [(one, where) for one, where in left if one.answer(where) != 401]
        assert time.monotonic() < deadline or not left, "a credential that was ended still works"
        time.sleep(0.2 if left else 0)


def state_files(home: Path) -> list[Path]:
    return [path for path in (home / "state").rglob("*.json") if path.is_file()]


def loads(paths: list[Path], read: Callable[[str], object] = json.loads) -> None:
    for path in paths:
        read(path.read_text())
