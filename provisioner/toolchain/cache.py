"""Where built programs lie: a folder a pin, with the program and a stamp that vouches for it.

A program without a stamp that fits is not there. The stamp is written last, in a folder
that nobody looks into, and the folder gets its name in one step.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .pins import Pin

STAMP = "stamp.json"
UNFINISHED = "unfinished-"
"""How the folder of a running build begins; whatever is left of one is thrown away."""


def root() -> Path:
    """Find the folder of the cache, which need not exist."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The specification says that a relative path is to be ignored.
    parent = Path(base) if base.startswith("/") else Path.home() / ".cache"
    return parent / "practicum" / "toolchain"


def digest(pin: Pin, tools: Path) -> str:
    """Name a pin by everything of ours that decides what its binary is.

    Not by the version of Go: a newer one is no reason to build again.

    Raises:
        OSError: If the pin's module is not there.
    """
    folder = tools / pin.module
    sources = [*sorted(folder.glob("*.go")), folder / "go.mod", folder / "go.sum"]
    content = hashlib.sha256()
    parts = (platform.system(), platform.machine(), pin.version, pin.package, *pin.ldflags)
    for part in (*parts, *(("static",) if pin.static else ())):
        content.update(part.encode() + b"\0")
    for source in sources:
        content.update(source.name.encode() + b"\0")
        content.update(hashlib.sha256(source.read_bytes()).digest())
    return content.hexdigest()[:20]


def sha256(path: Path) -> str:
    """Hash a file of any size."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True, kw_only=True)
class Cache:
    """The programs that were built from one folder of pins."""

    root: Path
    tools: Path

    def find(self, pin: Pin, *, verify: bool = False) -> Path | None:
        """Find a finished program; anything that is not as it was built is none.

        Args:
            pin: The program.
            verify: Hash it, however unchanged it looks.
        """
        try:
            folder = self.root / digest(pin, self.tools)
            stamp = json.loads((folder / STAMP).read_bytes())
            program = folder / pin.name
            facts = program.stat()
            if facts.st_size != stamp["size"]:
                return None
            # A cache that was copied has other times: then the hash decides.
            unsure = verify or facts.st_mtime_ns != stamp["mtime_ns"]
            if unsure and sha256(program) != stamp["sha256"]:
                return None
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return program if os.access(program, os.X_OK) else None

    def clean_up(self) -> None:
        """Throw away what interrupted builds left; only for who holds the lock."""
        for folder in self.root.glob(f"{UNFINISHED}*"):
            shutil.rmtree(folder, ignore_errors=True)

    def make_staging(self, pin: Pin) -> Path:
        """Make a folder for one build.

        Raises:
            OSError: If the cache cannot be written.
        """
        return Path(tempfile.mkdtemp(prefix=f"{UNFINISHED}{pin.name}-", dir=self.root))

    def place(self, pin: Pin, program: Path, staging: Path) -> Path:
        """Vouch for a program that was just built, and put it where it is found.

        Args:
            pin: What was built.
            program: The binary, somewhere in ``staging``.
            staging: The folder of the build, which is used up.

        Raises:
            OSError: If the disk is full, or the cache cannot be written.
        """
        finished = staging / "finished"
        finished.mkdir(mode=0o755)
        program.rename(finished / pin.name)
        _flush(finished / pin.name)
        (finished / STAMP).write_text(json.dumps(_vouch(pin, finished / pin.name), indent=2))
        _flush(finished / STAMP)
        folder = self.root / digest(pin, self.tools)
        if folder.exists():  # something broken, or we would have used it
            folder.rename(staging / "broken")
        finished.rename(folder)
        _flush(self.root)
        return folder / pin.name


def _vouch(pin: Pin, program: Path) -> dict[str, object]:
    facts = program.stat()
    return {
        "name": pin.name,
        "version": pin.version,
        "sha256": sha256(program),
        "size": facts.st_size,
        "mtime_ns": facts.st_mtime_ns,
    }


def _flush(path: Path) -> None:
    """Have it on the disk before the next step says that it is there."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
