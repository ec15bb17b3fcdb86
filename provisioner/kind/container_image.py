"""Images written as the archives that ``docker save`` writes and ``docker load`` reads.

No engine takes part in it, so that none of the machine's own images is touched.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
"""Python's words for a machine, and those of images."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """What an image holds and starts."""

    file: Path
    inside: str
    """Where it lies in the image: "/usr/local/bin/etcd"."""

    more: Path | None = None
    """An archive with the files that it needs beside it."""

    links: tuple[tuple[str, str], ...] = ()
    """Names for programs among them, each with what it points to."""


def write(program: Program, name: str, archive: Path) -> None:
    """Write an image of one static program, under a name.

    Raises:
        OSError: If the disk is full.
    """
    layer = archive.with_suffix(".layer")
    _write_layer(program, layer)
    path = "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    pack(layer, {"Env": [path], "Entrypoint": [program.inside]}, name, archive)


def pack(layer: Path, settings: Mapping[str, object], name: str, archive: Path) -> None:
    """Make an image of one layer, which is used up.

    Args:
        layer: An archive of the image's files.
        settings: What it starts, and how, in the words of an image's configuration.
        name: With a tag.
        archive: The file to write.

    Raises:
        OSError: If the disk is full.
    """
    with layer.open("rb") as file:
        diff = hashlib.file_digest(file, "sha256").hexdigest()
    config = json.dumps(_config(settings, diff)).encode()
    named = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = [{"Config": named, "RepoTags": [name], "Layers": ["layer.tar"]}]
    with tarfile.open(archive, "w") as packed:
        packed.add(layer, "layer.tar")
        _add(packed, named, config)
        _add(packed, "manifest.json", json.dumps(manifest).encode())
    layer.unlink()


def _config(settings: Mapping[str, object], diff: str) -> dict[str, object]:
    machine = platform.machine()
    return {
        "architecture": ARCHITECTURES.get(machine, machine),
        "os": "linux",
        "config": settings,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{diff}"]},
        "history": [{"created_by": "practicum kind image build"}],
    }


def _write_layer(program: Program, layer: Path) -> None:
    with tarfile.open(layer, "w") as packed:
        _add_folder(packed, "tmp", 0o1777)
        _add_folder(packed, "run", 0o755)
        _add(packed, "etc/passwd", b"root:x:0:0:root:/root:/sbin/nologin\n")
        if program.more:
            _copy(program.more, packed)
        for name, target in program.links:
            link = tarfile.TarInfo(name.lstrip("/"))
            link.type, link.linkname = tarfile.SYMTYPE, target
            packed.addfile(link)
        inside = packed.gettarinfo(program.file, program.inside.lstrip("/"))
        inside.mode, inside.mtime = 0o755, 0
        inside.uid = inside.gid = 0
        with program.file.open("rb") as file:
            packed.addfile(inside, file)


def _copy(archive: Path, into: tarfile.TarFile) -> None:
    with tarfile.open(archive) as source:
        for member in source:
            into.addfile(member, source.extractfile(member))


def _add(packed: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o644
    packed.addfile(entry, io.BytesIO(content))


def _add_folder(packed: tarfile.TarFile, name: str, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, mode
    packed.addfile(entry)
