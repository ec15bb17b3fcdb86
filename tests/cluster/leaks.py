"""Known secrets, and everywhere to look for them: files, output, and processes as they run."""

from __future__ import annotations

import base64
import gzip
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from provisioner.pulumi_stack import RUN_MARK


@dataclass
class Canaries:
    """Secrets by name, in each form in which they could turn up."""

    forms: dict[str, set[bytes]] = field(default_factory=dict)

    def add(self, name: str, secret: str) -> None:
        """Know a secret: as it is, in base64, its signature, the lines of its key."""
        plain = secret.strip()
        parts = {plain, plain.rpartition(".")[2]}
        if "PRIVATE KEY" in plain:
            parts |= {line for line in plain.splitlines() if len(line) >= 40 and "-" not in line}
        # In base64 a byte more or less in front shifts everything.
        shifted = {base64.b64encode(b" " * n + plain.encode())[4:-4].decode() for n in range(3)}
        found = {part.encode() for part in parts | shifted if len(part) >= 16}
        assert found, f"{name} is too short to be told from chance"
        self.forms[name] = found

    def in_bytes(self, content: bytes) -> set[str]:
        """Name the secrets that are in some content."""
        if content.startswith(b"\x1f\x8b"):
            with suppress(OSError, EOFError):
                content = gzip.decompress(content)
        return {n for n, forms in self.forms.items() if any(form in content for form in forms)}

    def in_files(self, folders: Iterable[Path], *, allowed: Iterable[Path] = ()) -> set[str]:
        """Name every file that holds a secret, and which."""
        places = set(allowed)
        return {
            f"{path}: {name}"
            for path in files(folders)
            if path not in places
            for name in self.in_bytes(path.read_bytes())
        }


def files(folders: Iterable[Path]) -> Iterator[Path]:
    """Every plain file below some folders."""
    for folder in folders:
        yield from (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


@dataclass
class Watch:
    """Looks at all processes, and into the folder for temporary files, over and over."""

    temporary: Path
    commands: set[bytes] = field(default_factory=set)
    """Command lines of every process of the machine."""

    environments: set[bytes] = field(default_factory=set)
    """Environments of the processes that our runs started."""

    contents: set[bytes] = field(default_factory=set)
    """What temporary files held."""

    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Watch:
        self._thread = threading.Thread(target=self._look_on, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        assert self._thread
        self._thread.join()

    def _look_on(self) -> None:
        while not self._over.wait(0.05):
            self.look()

    def look(self) -> None:
        """Look once."""
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it ended, or is somebody else's
                self.commands.add((process / "cmdline").read_bytes())
                environment = (process / "environ").read_bytes()
                if f"\0{RUN_MARK}=".encode() in b"\0" + environment:
                    self.environments.add(environment)
        for path in files([self.temporary]):
            with suppress(OSError):
                self.contents.add(path.read_bytes()[:1_000_000])


def private(path: Path, content: str) -> Path:
    """Write a file that only we may read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
    return path
