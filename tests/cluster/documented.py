"""Command lines out of a page, and a place where they are run as a reader would run them."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ASKED = re.compile(r"(?P<question>.*(?:\[y/N\]|name to delete \S+): )(?P<answer>\S+)")


@dataclass
class Line:
    """One command of a page, with what the page shows of its output."""

    command: str
    shown: list[str] = field(default_factory=list)

    @property
    def answers(self) -> list[str]:
        return [match["answer"] for shown in self.shown if (match := ASKED.fullmatch(shown))]

    @property
    def fails(self) -> bool:
        return any(shown.startswith(("Error", "error")) for shown in self.shown)

    def missing(self, output: str) -> list[str]:
        """What the page shows and the command did not print; … stands for anything."""
        printed = " ".join(output.split())
        parts = (
            ASKED.sub(r"\g<question>", part) for shown in self.shown for part in shown.split("…")
        )
        return [part for part in parts if " ".join(part.split()) not in printed]


def lines(page: Path) -> Iterator[Line]:
    """Read the commands of a page's console blocks; lines after ``> `` belong to the one above."""
    for block in BLOCK.findall(page.read_text(encoding="utf-8")):
        line: Line | None = None
        for text in block.splitlines():
            if text.startswith("$ "):
                if line:
                    yield line
                line = Line(text[2:])
            elif line and text.startswith("> "):
                line.command += "\n" + text[2:]
            elif line:
                line.shown.append(text)
        if line:
            yield line


@dataclass(frozen=True)
class Reader:
    """Somebody who types what a page says, in a folder and a home of their own."""

    folder: Path
    home: Path
    programs: Path

    def follow(self, page: Path, *, only: str = "") -> int:
        """Run a page's commands in order and hold it to what it shows; returns how many."""
        count = 0
        for line in lines(page):
            if only in line.command:
                code, output = self._type(line)
                said = f"{page.name}: $ {line.command}\n{output}"
                assert (code != 0) == line.fails, said
                assert line.missing(output) == [], said
                count += 1
        return count

    def _type(self, line: Line) -> tuple[int, str]:
        ours, theirs = pty.openpty()
        try:
            os.write(ours, "".join(f"{answer}\n" for answer in line.answers).encode())
            result = subprocess.run(
                ["bash", "-c", line.command],
                cwd=self.folder,
                env=self._environment(),
                stdin=theirs if line.answers else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                timeout=240,
            )
        finally:
            os.close(ours)
            os.close(theirs)
        return result.returncode, result.stdout

    def _environment(self) -> dict[str, str]:
        kept = {"PATH", "LANG", "LC_ALL", "XDG_CACHE_HOME", "TMPDIR"}
        inherited = {name: value for name, value in os.environ.items() if name in kept}
        cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        return inherited | {
            "HOME": str(self.home),
            "PATH": f"{self.programs}{os.pathsep}{os.environ['PATH']}",
            "XDG_CACHE_HOME": cache,
        }
