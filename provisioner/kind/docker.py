"""The container engine, by its command ``docker``; nothing else of ours talks to one."""

from __future__ import annotations

import functools
import json
import os
import re
import time
from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .. import shell
from ..errors import MissingToolError, ToolError
from ..redaction import redact

MEMORY = "/proc/meminfo"
_AVAILABLE = re.compile(r"^MemAvailable:\s+(\d+) kB$", re.MULTILINE)

MOST = 1 << 20
"""Bytes that are read of what a command in a node says."""

TAIL = 4_000
"""Characters that are kept of what docker says in place of what was asked."""

PATIENCE = 30.0
"""Seconds in which an engine must say that it is there."""


@dataclass(frozen=True)
class Engine:
    """One container engine, which need not answer."""

    address: str = ""
    """As in ``DOCKER_HOST``; empty: the one that docker's own settings name."""

    @property
    def is_remote(self) -> bool:
        """Whether it is that of another machine, which others may use."""
        return urlsplit(self._endpoint).scheme not in ("", "unix")

    @property
    def _endpoint(self) -> str:
        return self.address or os.environ.get("DOCKER_HOST", "") or _of_context()

    def environment(self) -> dict[str, str]:
        """Return our environment, with this engine as the one that is meant."""
        return {**os.environ, **({"DOCKER_HOST": self.address} if self.address else {})}

    def run(self, *arguments: str | Path, timeout: float | None = None) -> str:
        """Run one command of docker.

        Raises:
            MissingToolError: If there is no docker.
            ToolError: If it fails; ``details`` has what it said.
        """
        try:
            return shell.run("docker", *arguments, env=self.environment(), timeout=timeout)
        except MissingToolError:
            raise _no_docker() from None

    def told(self, *arguments: str, timeout: float | None = None) -> Any:  # noqa: ANN401  (JSON)
        """Run one command of docker that answers in JSON, and return what it says.

        Raises:
            MissingToolError: If there is no docker.
            ToolError: If it fails, or answers in something else.
        """
        return parsed(self.run(*arguments, timeout=timeout))

    def pour(self, *arguments: str, timeout: float | None = None) -> Generator[bytes, None, None]:
        """Run one command of docker, and yield what it writes, as it comes.

        Raises:
            MissingToolError: If there is no docker.
            ToolError: If it fails: what was yielded before is not whole then.
        """
        try:
            yield from shell.pour("docker", *arguments, env=self.environment(), timeout=timeout)
        except MissingToolError:
            raise _no_docker() from None

    def inside(self, node: str, *command: str, timeout: float) -> str:
        """Run a command in a node, and return what it writes: whatever its student wants.

        Raises:
            ToolError: If it fails, takes too long, or writes more than anybody reads.
        """
        said, until = bytearray(), time.monotonic() + timeout
        with closing(self.pour("exec", node, *command, timeout=timeout)) as pieces:
            for piece in pieces:
                said += piece
                if len(said) > MOST:
                    raise ToolError(f"The node {node} says more than anybody reads.")
                if time.monotonic() > until:
                    raise ToolError(f"The node {node} took longer than {timeout:g} s.")
        return said.decode(errors="replace")

    def feed(self, *arguments: str, pieces: Iterable[bytes]) -> None:
        """Run one command of docker that reads some pieces.

        Raises:
            MissingToolError: If there is no docker.
            ToolError: If it fails.
        """
        try:
            shell.feed("docker", *arguments, pieces=pieces, env=self.environment())
        except MissingToolError:
            raise _no_docker() from None

    def require(self) -> str:
        """Return the engine's version.

        Raises:
            MissingToolError: If no engine answers, or it is no Docker.
        """
        try:
            about = self.told("version", "--format", "{{json .}}", timeout=PATIENCE)
        except ToolError as error:
            raise MissingToolError(
                "No container engine answers.",
                hint="Start Docker, or name another one's address in DOCKER_HOST.",
                details=error.details,
            ) from None
        if not _is_docker(about):
            raise MissingToolError(
                "The container engine is no Docker, but Podman or another that takes its place.",
                hint="Start Docker, and name its address in DOCKER_HOST where it is not the usual.",
            )
        return str(about["Server"]["Version"])

    def now(self) -> datetime:
        """Return what time it is to the engine's machine.

        Raises:
            ToolError: If it cannot be asked, or does not say.
        """
        said = self.run("info", "--format", "{{.SystemTime}}", timeout=PATIENCE).strip()
        try:
            return datetime.fromisoformat(said)
        except ValueError:
            raise ToolError("The engine does not say what time it is.", details=said) from None

    def free_memory(self) -> int:
        """Return the bytes of memory that programs on the engine's host could still get.

        Raises:
            ToolError: If the host cannot be asked, or does not say.
        """
        where = urlsplit(self._endpoint)
        if where.scheme == "ssh":
            login = f"{where.username}@{where.hostname}" if where.username else where.hostname
            port = ("-p", str(where.port)) if where.port else ()
            command = (*port, "-o", "BatchMode=yes", "--", login or "", "cat", MEMORY)
            return _available(shell.run("ssh", *command, timeout=PATIENCE))
        if where.scheme in ("", "unix") and Path(MEMORY).exists():
            return _available(Path(MEMORY).read_text(encoding="utf-8"))
        return _bytes(self.run("info", "--format", "{{.MemTotal}}", timeout=PATIENCE))

    def has_image(self, name: str) -> bool:
        """Say whether it has an image of that name.

        Raises:
            ToolError: If it cannot be asked.
        """
        return bool(self.run("images", "--quiet", name, timeout=PATIENCE).strip())


def parsed(said: str) -> Any:  # noqa: ANN401  (JSON)
    """Read what docker says as JSON.

    Raises:
        ToolError: If it is none.
    """
    try:
        return json.loads(said)
    except (ValueError, RecursionError):
        raise ToolError("docker does not answer in JSON.", details=redact(said)[-TAIL:]) from None


def _is_docker(about: Any) -> bool:  # noqa: ANN401  (JSON)
    """Say whether it is Docker that tells its version: others tell another document."""
    try:
        parts = {one["Name"] for one in about["Server"].get("Components") or ()}
        said = about["Server"]["Version"]
    except (AttributeError, KeyError, TypeError):
        return False
    return bool(said) and (not parts or ("Engine" in parts and "Podman Engine" not in parts))


def _available(meminfo: str) -> int:
    """Read how much memory could be had, in bytes.

    >>> _available("MemTotal: 9 kB\\nMemAvailable: 2 kB\\n")
    2048
    """
    found = _AVAILABLE.search(meminfo)
    return _bytes(found[1] if found else "") * 1024


def _bytes(said: str) -> int:
    try:
        return int(said)
    except ValueError:
        why = "The engine's host does not say how much memory it has."
        raise ToolError(why, details=said) from None


@functools.cache
def _of_context() -> str:
    """Return the engine that docker's settings name; nothing where docker cannot say."""
    try:
        asked = ("context", "inspect", "--format", "{{.Endpoints.docker.Host}}")
        return shell.run("docker", *asked, timeout=PATIENCE).strip()
    except (MissingToolError, ToolError):
        return ""


def _no_docker() -> MissingToolError:
    return MissingToolError(
        "There is no docker command.",
        hint="Install Docker, or Debian's package docker.io.",
    )
