"""What version is this binary? Asked once, then remembered as long as the file is the same."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .. import shell
from ..errors import PracticumError
from . import provider
from .versions import find_version

PATIENCE = 30.0
"""Seconds in which a program must answer: a large one on a busy, cold machine needs some."""


def ask(path: Path, arguments: Sequence[str]) -> str | None:
    """Run a binary once and read its version; None when it gives none.

    Args:
        path: The binary.
        arguments: What makes it print its version; none: ask it as a Pulumi provider.
    """
    # A program may leave a child behind that still writes there while we clear the folder.
    with tempfile.TemporaryDirectory(
        prefix="practicum-ask-", ignore_cleanup_errors=True
    ) as scratch:
        env = _environment(Path(scratch))
        try:
            if not arguments:
                return provider.ask(path, env=env, log_file=Path(scratch) / "stderr")
            return find_version(shell.run(path, *arguments, env=env, timeout=PATIENCE))
        except (PracticumError, OSError):  # OSError: not a program for this machine
            return None


def _environment(scratch: Path) -> dict[str, str]:
    """Nothing that lets a program look at a cluster, call home or write to the home folder."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(scratch),
        # No folder can be made here: Go would leave a child behind to write its counters.
        "XDG_CONFIG_HOME": os.devnull,
        "PULUMI_HOME": str(scratch / "pulumi"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "GOTOOLCHAIN": "local",
    }


@dataclass(frozen=True, kw_only=True)
class Memory:
    """The versions of binaries that we did not build, in one small file.

    A script is asked every time: behind it may stand a version manager, whose answer
    changes while the file does not.
    """

    file: Path

    def version(self, path: Path, arguments: Sequence[str]) -> str | None:
        """Say a binary's version, asking it only when it is not known."""
        known = self._load()
        facts = path.stat()
        identity = [facts.st_mtime_ns, facts.st_size, facts.st_ino]
        entry = known.get(str(path))
        if isinstance(entry, list) and entry[:-1] == identity and isinstance(entry[-1], str):
            return entry[-1]
        version = ask(path, arguments)
        if version and not _is_script(path):  # no answer may be for want of time or memory
            self._save(known | {str(path): [*identity, version]})
        return version

    def _load(self) -> dict[str, object]:
        try:
            known = json.loads(self.file.read_bytes())
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}

    def _save(self, known: dict[str, object]) -> None:
        # It only saves time: where it cannot be written, the next call asks again.
        with suppress(OSError):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            fresh = self.file.with_suffix(f".{os.getpid()}")
            fresh.write_text(json.dumps(known))
            fresh.replace(self.file)


def _is_script(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"#!"
