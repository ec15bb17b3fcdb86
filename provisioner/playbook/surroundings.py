"""What a run sees of this machine: an environment of its own making, and a folder for it alone."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from .. import private_file
from . import inventory, leftovers
from .play import Play

KEPT = re.compile(
    r"PATH|SSH_AUTH_SOCK|TZ|TMPDIR|USER|LOGNAME|PIP_[A-Z_]+|SSL_CERT_(FILE|DIR)"
    r"|(https?|all|no)_proxy|(HTTPS?|ALL|NO)_PROXY"
)
"""What passes of our environment. All that a run sees it may write down: see ``logins``."""


@contextmanager
def prepared(play: Play) -> Iterator[tuple[dict[str, str], Path]]:
    """Yield the environment and the log of a run, whose folders are gone afterwards."""
    leftovers.end(play, leftovers.sockets_of_killed(play))
    shutil.rmtree(play.private, ignore_errors=True)
    private_file.make_folder(play.private)
    # Names of sockets are short: the home may lie deep.
    sockets = Path(tempfile.mkdtemp(prefix="practicum-"))
    private_file.write(play.private / leftovers.SOCKETS, str(sockets).encode())
    try:
        private_file.write(
            private_file.make_folder(play.private / "inventory") / "hosts.yaml",
            inventory.render(play.hosts),
        )
        yield _environment(play, sockets), _log_of(play)
    finally:
        leftovers.end(play, sockets)
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
        leftovers.MARK: play.mark,
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
