"""A container engine for tests: the one of this machine, or one that the tests bring and end.

Installing one changes the machine, so that is done only where ``PRACTICUM_TEST_INSTALL=1``
says that it may be. Several runs of the tests at once share it; the last one ends it.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

MAY_INSTALL = "PRACTICUM_TEST_INSTALL"
PACKAGES = ("docker.io", "containerd", "runc", "iptables", "debootstrap")
RUN = Path("/run/practicum-test-engine")
RUNTIME = Path(__file__).with_name("runc_without_resource.py")
SUBNET = "172.30.0.1/24"
CAP_SYS_RESOURCE = 1 << 24
WATCHES = Path("/proc/sys/fs/inotify/max_user_instances")
ENOUGH_WATCHES = 1024
"""Each systemd takes a dozen or more of them, of everybody's here, and ends at once without."""


@dataclass(frozen=True)
class Engine:
    """A Docker that answers."""

    address: str | None
    """Where it listens; None is wherever this machine's own one does."""

    def docker(self, *arguments: str, stdin: str | None = None, timeout: float = 300) -> str:
        """Run the docker command; fail with what it said when it fails."""
        where = ["--host", self.address] if self.address else []
        result = subprocess.run(
            ["docker", *where, *arguments],
            input=stdin, capture_output=True, text=True, check=False, timeout=timeout,
        )  # fmt: skip
        assert result.returncode == 0, f"docker {arguments[0]}: {result.stderr.strip()[-2000:]}"
        return result.stdout

    def answers(self) -> bool:
        """Say whether it is there."""
        with suppress(FileNotFoundError, AssertionError, subprocess.TimeoutExpired):
            return bool(self.docker("version", "--format", "{{.Server.Version}}", timeout=20))
        return False


@contextmanager
def running_engine(data: Path) -> Iterator[Engine]:
    """Give an engine; one that was started for it ends with its last user.

    Args:
        data: Where an engine of ours keeps its images.
    """
    own = Engine(None)
    _allow_watches()
    if own.answers():
        yield own
        return
    if os.environ.get(MAY_INSTALL) != "1":
        pytest.skip(f"no container engine answers here, and {MAY_INSTALL}=1 is not set")
    if os.geteuid():
        pytest.skip("no container engine answers here, and only root can start one")
    with _shared(data) as engine:
        yield engine


def _allow_watches() -> None:
    """Let enough systems run at once, where this machine may be changed."""
    may = os.environ.get(MAY_INSTALL) == "1" and os.geteuid() == 0
    if may and WATCHES.exists() and int(WATCHES.read_text()) < ENOUGH_WATCHES:
        with suppress(OSError):
            WATCHES.write_text(str(ENOUGH_WATCHES))


@contextmanager
def _shared(data: Path) -> Iterator[Engine]:
    engine = Engine(f"unix://{RUN}/docker.sock")
    RUN.mkdir(mode=0o700, exist_ok=True)
    with (RUN / "starting").open("a") as starting, (RUN / "users").open("a") as users:
        # One lock for whoever starts or ends it, which is short; one for all who use it.
        fcntl.flock(starting, fcntl.LOCK_EX)
        if not engine.answers():
            _install()
            _start(engine, data)
        fcntl.flock(users, fcntl.LOCK_SH)
        fcntl.flock(starting, fcntl.LOCK_UN)
        try:
            yield engine
        finally:
            fcntl.flock(starting, fcntl.LOCK_EX)
            _end_if_last(users.fileno())


def _install() -> None:
    if all(map(shutil.which, ("dockerd", "containerd", "runc", "debootstrap"))):
        return
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "-y", "--no-install-recommends", *PACKAGES]):
        subprocess.run(
            ["apt-get", "-q", *command], env=env, check=True, capture_output=True, timeout=900
        )


def _start(engine: Engine, data: Path) -> None:
    """Start dockerd, which brings its own containerd; skip all when this machine cannot."""
    log = RUN / "dockerd.log"
    command = [
        "dockerd", "--host", str(engine.address), "--data-root", str(data),
        "--exec-root", str(RUN / "exec"), "--pidfile", str(RUN / "dockerd.pid"),
        "--bip", SUBNET, "--exec-opt", "native.cgroupdriver=cgroupfs", *_runtime(data.parent),
    ]  # fmt: skip
    with log.open("w") as output:
        # In a session of its own, and nobody's child: it may outlive these tests for others.
        subprocess.run(
            ["setsid", "--fork", *command], stdout=output, stderr=output, check=True,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    deadline = time.monotonic() + 180
    while not engine.answers():
        if time.monotonic() > deadline or "failed to start daemon" in log.read_text():
            pytest.skip(f"no container engine can start here: {log.read_text()[-400:].strip()}")
        time.sleep(0.1)


def _runtime(folder: Path) -> list[str]:
    bounding = re.search(r"CapBnd:\s*(\w+)", Path("/proc/self/status").read_text())
    if bounding is None or int(bounding[1], 16) & CAP_SYS_RESOURCE:
        return []
    runtime = _quick(RUNTIME, folder)
    return ["--add-runtime", f"without-resource={runtime}", "--default-runtime", "without-resource"]


def _quick(program: Path, folder: Path) -> Path:
    """Copy a program of Python's own modules into a folder, so that it starts in no time.

    Found by its name, the interpreter may be a script that looks for one; and it would look
    for everything that is installed beside it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / program.stem
    part = copy.with_suffix(".part")
    part.write_text(f"#!{os.path.realpath(sys.executable)} -IS\n{program.read_text()}")
    part.chmod(0o755)
    part.replace(copy)
    return copy


def _end_if_last(users: int) -> None:
    fcntl.flock(users, fcntl.LOCK_UN)
    with suppress(BlockingIOError):
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        pid = int((RUN / "dockerd.pid").read_text())
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 30
        while (RUN / "dockerd.pid").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
