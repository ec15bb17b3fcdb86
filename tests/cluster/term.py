"""What a cohort is to be after any steps of a term, and the steps; for the model-based test."""

from __future__ import annotations

import base64
import http.client
import ssl
import subprocess
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import yaml

from . import runs
from .course import Course

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
            address.hostname, address.port, context=trust, timeout=60
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
    nowhere = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    run = runs.start(course, "up", course.name, "--yes", "--no-archive", *options, **nowhere)
    try:
        run.wait(timeout=after)
    except subprocess.TimeoutExpired:
        runs.kill_all(course, run)
        run.wait()


def await_death(credentials: list[tuple[Credential, str]]) -> None:
    """See that credentials are refused as nobody's, all within the promised time."""
    deadline = time.monotonic() + REVOCATION_SECONDS
    left = list(credentials)
    while left:
        asked = time.monotonic()  # what counts is when it was asked for, not when it answered
        left = [(one, where) for one, where in left if one.answer(where) != 401]
        assert asked < deadline or not left, "a credential that was ended still works"
        time.sleep(0.2 if left else 0)
