"""The image of a kind node: built from package registries alone, saved, and loaded.

It is kept as an archive under the digest of its recipe, which gets its name when it is
whole. One lock a machine: of two who build, one waits and finds it done.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .. import toolchain
from ..errors import InputError, MissingToolError, ToolError
from ..toolchain import cache, lock
from . import recipe
from .docker import Engine
from .root_filesystem import Builder

Say = Callable[[str], None]
UNFINISHED = "unfinished-"
"""How the folder of a running build begins; whatever is left of one is thrown away."""

NEEDED = {"debootstrap": "debootstrap", "unshare": "util-linux", "chroot": "coreutils"}
"""Programs that a build calls, with the packages that carry them."""

SOURCES = (Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list"))


@dataclass(frozen=True, kw_only=True)
class Built:
    """A node image that the engine has."""

    name: str
    seconds: float
    """How long it took; next to nothing when it was there."""


def build(engine: Engine, say: Say, *, mirror: str = "") -> Built:
    """Have the node image in the engine, building what is missing.

    Args:
        engine: Who is to have it.
        say: Is told what is being done, and how far it is.
        mirror: A mirror of Debian; empty: where this machine takes its packages from.

    Raises:
        MissingToolError: If there is no engine, or something to build with is missing.
        ToolError: If a step fails.
    """
    began = time.monotonic()
    engine.require()
    name = recipe.image_name()
    if not engine.has_image(name):
        with lock.held(_folder() / "lock", say=say, what="building the node image"):
            archive = _ensure_archive(say, mirror)
            say("handing it to the container engine")
            engine.run("load", "--input", archive)
    return Built(name=name, seconds=time.monotonic() - began)


def save(engine: Engine, file: Path, name: str, say: Say) -> None:
    """Write an image that the engine has into a file, whole or not at all.

    Raises:
        InputError: If the file cannot be written, or the engine has no such image.
        MissingToolError: If there is no engine.
        ToolError: If the engine fails.
    """
    engine.require()
    if not engine.has_image(name):
        raise InputError(
            f"The container engine has no image {name}.",
            hint="Build it with: practicum kind image build",
        )
    _refuse_without_folder(file)
    say(f"saving {name}")
    part = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        engine.run("save", "--output", part, name)
        _place(part, file)
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error.strerror}.") from None
    finally:
        part.unlink(missing_ok=True)


def load(engine: Engine, file: Path, say: Say) -> str:
    """Give the engine the image that ``save`` wrote; return its name.

    Raises:
        InputError: If the file is missing, or holds no image under a name.
        MissingToolError: If there is no engine.
    """
    if not file.is_file():
        raise InputError(f"{file} is no file.", hint="Write one with: practicum kind image save")
    engine.require()
    say(f"loading {file}")
    try:
        said = engine.run("load", "--input", file)
    except ToolError as error:
        raise InputError(
            f"{file} holds no image that the engine can load.",
            hint="Write it anew with: practicum kind image save",
            details=error.details,
        ) from None
    loaded = re.search(r"^Loaded image: (\S+)$", said, re.MULTILINE)
    if not loaded:
        raise InputError(f"{file} holds an image without a name.")
    return loaded[1]


def _folder() -> Path:
    """The folder of finished images, beside that of the toolchain."""
    return cache.root().with_name("kind-image")


def _ensure_archive(say: Say, mirror: str) -> Path:
    folder = _folder()
    archive = folder / f"{recipe.digest()}.tar"
    for left in folder.glob(f"{UNFINISHED}*"):  # we hold the lock: nobody builds there
        shutil.rmtree(left, ignore_errors=True)
    if not archive.is_file():
        _build(archive, say, mirror or _machines_mirror())
    return archive


def _build(archive: Path, say: Say, mirror: str) -> None:
    _refuse_what_is_missing()
    programs = toolchain.find_for_node(say=say)
    source = toolchain.kind_source()
    with tempfile.TemporaryDirectory(dir=archive.parent, prefix=UNFINISHED) as scratch:
        Path(scratch).chmod(0o755)  # apt's own user reads in it
        builder = Builder(scratch=Path(scratch), say=say)
        builder.build(programs, source, mirror)
        packed = Path(scratch) / "image.tar"
        builder.pack(packed)
        _place(packed, archive)


def _refuse_what_is_missing() -> None:
    missing = [package for name, package in NEEDED.items() if not shutil.which(name)]
    if missing:
        raise MissingToolError(
            f"Building a node image needs {', '.join(missing)}.",
            hint=f"On Debian and Ubuntu: apt install {' '.join(missing)}",
        )
    if os.geteuid():
        raise MissingToolError(
            "Building a node image needs root: it installs Debian packages into a folder.",
            hint="Build it as root, or elsewhere, and bring it with: practicum kind image load",
        )


def _machines_mirror() -> str:
    """Take packages from where this machine does, when it is a Debian."""
    for file in SOURCES:
        text = file.read_text() if file.is_file() else ""
        found = re.search(r"^(?:URIs:|deb)\s+(?:\[.*?\]\s+)?(https?://\S+/debian/?)\s", text, re.M)
        if found:
            return found[1]
    return ""


def _place(part: Path, file: Path) -> None:
    """Give a file its name once it is on the disk."""
    descriptor = os.open(part, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    part.replace(file)


def _refuse_without_folder(file: Path) -> None:
    if not file.absolute().parent.is_dir():
        raise InputError(f"{file.parent} is no folder.", hint="Make it first, with mkdir.")
