"""The programs that Practicum drives: found on ``PATH``, else in the cache, else built.

* ``find`` gives them all, building what is missing (once, under a lock).
* ``look`` only says what there is.
* ``find_for_node`` gives what a kind node is made of, and ``kind_source`` kind's own files.

No package index that Python users have carries a Pulumi engine or a Kubernetes server,
so they are built from the Go modules pinned below ``tools/``.
"""

from __future__ import annotations

import os
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..errors import MissingToolError, ToolError
from . import cache as _cache
from . import golang, lock
from .asking import Memory
from .build import Builder
from .cache import Cache
from .node_pins import NODE_PINS
from .pins import PINS, Pin

__all__ = [
    "ALL",
    "CLUSTER",
    "KIND",
    "KUBECTL",
    "PULUMI",
    "Tool",
    "find",
    "find_for_node",
    "kind_source",
    "look",
    "node_digests",
]

CLUSTER = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
PULUMI = ("pulumi", "pulumi-resource-kubernetes")
KUBECTL = "kubectl"
KIND = "kind"
KIND_MODULE = "sigs.k8s.io/kind"
ALL = tuple(name for name in PINS if name != KIND)
"""What every course needs; kind is built when a cluster is first asked for."""

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A program that can be started, and where it comes from."""

    name: str
    version: str
    path: Path
    source: Literal["path", "cache", "built", "package"]


def _quiet(_: str) -> None:
    """For who does not want to hear of progress."""


def look(*names: str, verify: bool = False) -> dict[str, Tool | None]:
    """Say which programs there are, and build nothing.

    Args:
        names: The programs; all of them when there are none.
        verify: Hash what lies in the cache, however unchanged it looks.

    """
    cache = Cache(root=_cache.root(), tools=_tools())
    memory = Memory(file=cache.root / "versions.json")
    return {name: _look(PINS[name], cache, memory, verify=verify) for name in names or ALL}


def find(*names: str, say: Say = _quiet, verify: bool = False) -> dict[str, Tool]:
    """Find programs, and build the missing ones, which may take many minutes.

    Args:
        names: The programs; all of them when there are none.
        say: Is told what is being built, and how far it is.
        verify: Hash what lies in the cache; what is broken is built again.

    Raises:
        MissingToolError: If a program is missing and cannot be built here.
        ToolError: If a build fails, or the cache cannot be written.
    """
    found = look(*names, verify=verify)
    missing = [PINS[name] for name, tool in found.items() if tool is None]
    for pin in missing:
        _refuse_what_is_never_built(pin)
    built = _build(missing, say, verify=verify) if missing else {}
    return {name: tool for name, tool in (found | built).items() if tool is not None}


def node_digests() -> dict[str, str]:
    """Name what each program of a node would be, without building it.

    Raises:
        MissingToolError: If the pins did not come with the package.
    """
    _refuse_without_pins(_tools())
    return {pin.name: _cache.digest(pin, _tools()) for pin in NODE_PINS.values()}


def find_for_node(*, say: Say = _quiet) -> dict[str, Path]:
    """Find the programs that a kind node and its images are made of; build the missing ones.

    Raises:
        MissingToolError: If one is missing and cannot be built here.
        ToolError: If a build fails, or the cache cannot be written.
    """
    cache = Cache(root=_cache.root(), tools=_tools())
    _refuse_without_pins(cache.tools)
    found = {pin.name: cache.find(pin) for pin in NODE_PINS.values()}
    missing = [NODE_PINS[name] for name, path in found.items() if path is None]
    built = _build(missing, say, verify=False) if missing else {}
    paths = {name: path for name, path in found.items() if path}
    return paths | {name: tool.path for name, tool in built.items()}


def kind_source() -> Path:
    """Find the source of the pinned kind, which holds the files of its node images.

    Raises:
        MissingToolError: If there is no Go that is new enough.
        ToolError: If the module cannot be had.
    """
    module = _tools() / PINS[KIND].module
    memory = Memory(file=_cache.root() / "versions.json")
    go = golang.find(golang.wanted(module), lambda go: memory.version(go, ("version",)))
    return golang.module_folder(go, golang.environment(go), KIND_MODULE, module)


def _look(pin: Pin, cache: Cache, memory: Memory, *, verify: bool) -> Tool | None:
    for path in _on_path(pin.name):
        version = memory.version(path, pin.ask)
        if version and pin.accepts.holds(version):
            return Tool(name=pin.name, version=version, path=path, source="path")
    if pin.distribution:
        return _in_package(pin, memory)
    finished = cache.find(pin, verify=verify)
    return _tool(pin, finished, "cache") if finished else None


def _tool(pin: Pin, path: Path, source: Literal["cache", "built"]) -> Tool:
    return Tool(name=pin.name, version=pin.version, path=path, source=source)


def _on_path(name: str) -> list[Path]:
    """All of that name, not the first alone: an old one may stand before the right one."""
    folders = dict.fromkeys(filter(None, os.get_exec_path()))
    paths = (Path(folder).absolute() / name for folder in folders)
    return [path for path in paths if path.is_file() and os.access(path, os.X_OK)]


def _in_package(pin: Pin, memory: Memory) -> Tool | None:
    """The executable that a Python distribution put beside our own interpreter."""
    path = Path(sysconfig.get_path("scripts")) / pin.name
    version = memory.version(path, pin.ask) if path.is_file() else None
    if version is None:
        return None
    # No range here: what the distribution ships is what there is, and newer clients work.
    return Tool(name=pin.name, version=version, path=path, source="package")


def _refuse_what_is_never_built(pin: Pin) -> None:
    if pin.distribution:
        raise MissingToolError(
            f"There is no {pin.name} {pin.accepts} on PATH.",
            hint=f"Get one into this environment with: pip install {pin.distribution}",
        )


def _build(missing: list[Pin], say: Say, *, verify: bool) -> dict[str, Tool]:
    cache = Cache(root=_cache.root(), tools=_tools())
    _refuse_without_pins(cache.tools)
    builder = Builder(cache=cache, memory=Memory(file=cache.root / "versions.json"), say=say)
    try:
        with lock.held(cache.root / "lock", say=say, what="building the toolchain"):
            cache.clean_up()
            return {
                pin.name: _ensure(pin, cache, builder, f"{place} of {len(missing)}", verify=verify)
                for place, pin in enumerate(missing, start=1)
            }
    except OSError as error:
        raise ToolError(
            f"The cache {cache.root} cannot be used: {error.strerror or error}.",
            hint="Point XDG_CACHE_HOME at a folder with 8 GB to spare. ",
        ) from error


def _ensure(pin: Pin, cache: Cache, builder: Builder, place: str, *, verify: bool) -> Tool:
    finished = cache.find(pin, verify=verify)  # somebody may have built it while we waited
    if finished:
        return _tool(pin, finished, "cache")
    return _tool(pin, builder.build(pin, place), "built")


def _tools() -> Path:
    """The folder of pins: of the checkout, else where an installed wheel puts it."""
    checkout = Path(__file__).parents[2] / "tools"
    installed = Path(sysconfig.get_path("data")) / "share" / "practicum" / "tools"
    return installed if _holds_pins(installed) and not _holds_pins(checkout) else checkout


def _holds_pins(folder: Path) -> bool:
    modules = {pin.module for pin in (*PINS.values(), *NODE_PINS.values()) if pin.module}
    return all((folder / module / "go.mod").is_file() for module in modules)


def _refuse_without_pins(tools: Path) -> None:
    if not _holds_pins(tools):
        raise MissingToolError(
            "The pins of the toolchain (the folder tools/) did not come with the package.",
            hint="Clone the repository and run `make install` there, or put the tools on PATH.",
        )
