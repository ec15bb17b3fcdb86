"""What a run left on this machine: folders, and ssh and Ansible that go on."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from .play import Play

MARK = "PRACTICUM_PLAYBOOK"
"""In the environment of all that a run starts here."""

SOCKETS = "sockets"
"""File of the private folder that says where ssh keeps its own."""


def sockets_of_killed(play: Play) -> Path | None:
    """Return where the connections of a run lie that was killed with its worker."""
    with suppress(OSError, UnicodeDecodeError):
        return Path((play.private / SOCKETS).read_text(encoding="utf-8"))
    return None


def end(play: Play, sockets: Path | None) -> None:
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
            if stays or ("ansible" in command and process.environ().get(MARK) == play.mark):
                ours.append(process)
    for process in ours:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(ours, timeout=10)
    if sockets:
        shutil.rmtree(sockets, ignore_errors=True)
