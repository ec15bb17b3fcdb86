"""Run one playbook in a worker process, and follow it."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from .. import private_file, shell
from ..errors import ToolError
from ..redaction import redact
from . import inventory
from .results import STOPPED, HostResult, Tally

LONGEST = 2 * 3600
"""Seconds that a run may take."""

IDLE = 20 * 60
"""Seconds in which Ansible may tell nothing: one task, such as a download, can take long."""

FORKS = 20
"""Hosts at once; each costs a process here."""

MARK = "PRACTICUM_PLAYBOOK"
"""In the environment of all that a run starts here, so that it can be told by it."""

SOCKETS = "sockets"
"""File of the private folder that says where ssh keeps its own."""

KEPT = re.compile(
    r"PATH|SSH_AUTH_SOCK|TZ|TMPDIR|USER|LOGNAME|PIP_[A-Z_]+|SSL_CERT_(FILE|DIR)"
    r"|(https?|all|no)_proxy|(HTTPS?|ALL|NO)_PROXY"
)
"""What passes of our environment. All that a run sees it may write down."""

ENDINGS = {
    "canceled": "it was stopped",
    "timeout": "it told nothing for too long, or took too long, and was stopped",
}

Tell = Callable[[HostResult], None]


@dataclass(frozen=True, kw_only=True)
class Play:
    """One run of one playbook."""

    playbook: Path
    hosts: Mapping[str, Mapping[str, Any]]
    """The inventory: every host's variables, by its name. Secrets never stand here."""

    home: Path
    """Practicum's home: the private folder is made below it."""

    cohort: str
    check: bool = False
    """Whether it is only asked what would change."""

    longest: float = LONGEST
    idle: float = IDLE
    keep_open: tuple[int, ...] = ()
    """File descriptors that the worker holds too: the cohort's lock lives while it does."""

    @property
    def private(self) -> Path:
        """The folder of the run, which is gone at its end."""
        return self.home / "playbook" / self.cohort


class Run:
    """A run that can be stopped from a signal handler."""

    def __init__(self, play: Play) -> None:
        self._play = play
        self._worker: shell.Process[str] | None = None
        self._stopped = threading.Event()
        self._tally = Tally(play.hosts)

    @property
    def so_far(self) -> dict[str, HostResult]:
        """How each host has fared by now, also where the run was broken off."""
        return self._tally.hosts

    def stop(self) -> None:
        """End the run: at once, since a task of Ansible's cannot be asked to end in order."""
        self._stopped.set()
        if self._worker and self._worker.stdin:
            with suppress(OSError, ValueError):
                self._worker.stdin.close()

    def follow(self, tell: Tell = lambda _: None) -> dict[str, HostResult]:
        """Run the playbook to its end.

        Args:
            tell: Told of a host whenever something happened there.

        Returns:
            How each host fared, by name.

        Raises:
            InputError: If the private folder or the log cannot be written.
            ToolError: If Ansible came to no host at all.
        """
        tally = self._tally
        with _prepared(self._play) as (environment, log):
            if self._stopped.is_set():
                return tally.hosts
            self._worker = _start(self._play, environment, log)
            try:
                status = _listen(self._worker, self._play, tally, tell, log)
            finally:
                _reap(self._worker)
        if not self._stopped.is_set() and not any(one.started for one in tally.hosts.values()):
            raise ToolError(
                f"Ansible did not begin with {self._play.playbook.name}.",
                details=redact(log.read_text(encoding="utf-8", errors="replace"))[-shell.TAIL :],
            )
        tally.stop(ENDINGS.get(status, STOPPED))
        return tally.hosts


@contextmanager
def _prepared(play: Play) -> Iterator[tuple[dict[str, str], Path]]:
    """Yield the environment and the log of a run, whose folders are gone afterwards."""
    _end_leftovers(play, _sockets_of_killed(play))
    shutil.rmtree(play.private, ignore_errors=True)
    private_file.make_folder(play.private)
    # Names of sockets are short: the home may lie deep.
    sockets = Path(tempfile.mkdtemp(prefix="practicum-"))
    private_file.write(play.private / SOCKETS, str(sockets).encode())
    try:
        private_file.write(
            private_file.make_folder(play.private / "inventory") / "hosts.yaml",
            inventory.render(play.hosts),
        )
        yield _environment(play, sockets), _log_of(play)
    finally:
        _end_leftovers(play, sockets)
        shutil.rmtree(play.private, ignore_errors=True)


def _log_of(play: Play) -> Path:
    folder = private_file.make_folder(play.home / "logs" / "hosts")
    path = folder / f"{play.cohort}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{play.playbook.stem}.log"
    os.close(private_file.open_to_append(path))
    return path


def _environment(play: Play, sockets: Path) -> dict[str, str]:
    """Return the whole environment of the worker, and so of Ansible and ssh."""
    own = Path(sys.executable).parent  # ansible-playbook lies beside our Python
    private = play.private.resolve()
    for name in ("home", "tmp"):
        private_file.make_folder(private / name)
    kept = {name: value for name, value in os.environ.items() if KEPT.fullmatch(name)}
    return kept | {
        "PATH": os.pathsep.join([str(own), os.environ.get("PATH", os.defpath)]),
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "LC_ALL": "C.UTF-8",
        MARK: _mark(play),
        "HOME": str(private / "home"),
        # Programs that are fetched once, by their hash, and taken to hosts.
        "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache"),
        "ANSIBLE_HOME": str(private / "home"),
        "ANSIBLE_LOCAL_TEMP": str(private / "tmp"),
        "ANSIBLE_CONFIG": str(_nothing_said(private)),
        "ANSIBLE_HOST_KEY_CHECKING": "true",
        "ANSIBLE_INVENTORY_ENABLED": "yaml",
        "ANSIBLE_INVENTORY_UNPARSED_FAILED": "true",
        "ANSIBLE_RETRY_FILES_ENABLED": "false",
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(sockets),
        "ANSIBLE_PIPELINING": "true",
        "ANSIBLE_TIMEOUT": "15",
        "ANSIBLE_NOCOLOR": "true",
    }


def _nothing_said(private: Path) -> Path:
    """Return an empty configuration: neither the operator's nor that of a folder counts."""
    path = private / "ansible.cfg"
    private_file.write(path, b"")
    return path


def _mark(play: Play) -> str:
    return f"{play.home.resolve()}:{play.cohort}"


def _start(play: Play, environment: Mapping[str, str], log: Path) -> shell.Process[str]:
    worker = shell.start_worker(
        [sys.executable, "-P", "-m", "provisioner.playbook.worker"],
        env=environment,
        log_file=log,
        keep_open=play.keep_open,
    )
    job = {
        "private": str(play.private.resolve()),
        "playbook": str(play.playbook),
        "check": play.check,
        "forks": max(1, min(FORKS, len(play.hosts))),
        "job_timeout": play.longest,
        "idle_timeout": play.idle,
    }
    assert worker.stdin is not None
    with suppress(BrokenPipeError):
        worker.stdin.write(json.dumps(job) + "\n")
        worker.stdin.flush()
    return worker


def _listen(worker: shell.Process[str], play: Play, tally: Tally, tell: Tell, log: Path) -> str:
    """Take every event as it comes; returns how the run ended."""
    assert worker.stdout is not None
    with log.open("ab") as file:
        for line in worker.stdout:
            event = json.loads(line)
            if event["event"] == "end":
                return str(event["status"])
            if event["event"] == "text":
                _write(file, event["text"])
            elif host := tally.add(event):
                tell(host)
    return "its worker process died"


def _write(file: BinaryIO, text: str) -> None:
    """Add to the log; a disk that is full now stops no run."""
    with suppress(OSError):
        file.write(f"{redact(text)}\n".encode())
        file.flush()


def _reap(worker: shell.Process[str]) -> None:
    """Let the worker go: it ends when its standard input does."""
    for pipe in (worker.stdin, worker.stdout):
        if pipe:
            with suppress(OSError, ValueError):
                pipe.close()
    worker.wait()


def _sockets_of_killed(play: Play) -> Path | None:
    """Return where the connections of a run lie that was killed with its worker."""
    with suppress(OSError, UnicodeDecodeError):
        return Path((play.private / SOCKETS).read_text(encoding="utf-8"))
    return None


def _end_leftovers(play: Play, sockets: Path | None) -> None:
    """End what a run left here: ssh stays to be used again, and a killed run ends nothing.

    Only Ansible's and ssh's processes: what a playbook starts on this very machine is to stay.
    """
    import psutil

    ours: list[Any] = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            command = " ".join(process.cmdline()[:3])
            # An ssh that stays writes its name over its environment, where the mark was.
            stays = sockets and command.startswith(f"ssh: {sockets}/")
            if stays or ("ansible" in command and process.environ().get(MARK) == _mark(play)):
                ours.append(process)
    for process in ours:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(ours, timeout=10)
    if sockets:
        shutil.rmtree(sockets, ignore_errors=True)
