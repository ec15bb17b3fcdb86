"""Makes a node's file system in a folder: Debian's packages, kind's files, our programs.

Everything that mounts something runs in namespaces of its own: whatever becomes of it, no
mount and no process of it is left on this machine.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .. import shell
from ..errors import ToolError
from ..toolchain.pins import KUBERNETES
from . import container_image, recipe
from .container_image import Program

EVERY = 15.0
"""Seconds between two lines that say that a step still runs."""

ALONE = ("unshare", "--mount", "--pid", "--fork", "--kill-child")
IPTABLES = tuple(
    f"{family}tables{what}" for family in ("ip", "ip6") for what in ("", "-save", "-restore")
)
LAST_LINES = 15


@dataclass(frozen=True, kw_only=True)
class Builder:
    """Makes one node's file system."""

    scratch: Path
    """An empty folder of ours; the file system comes to be in ``root`` in it."""

    say: Callable[[str], None]

    @property
    def root(self) -> Path:
        """The root of the node."""
        return self.scratch / "root"

    def build(self, programs: Mapping[str, Path], kind_source: Path, mirror: str) -> None:
        """Install and copy into the folder all that a node has, and set it up.

        Args:
            programs: The static programs, by their names.
            kind_source: The source of kind.
            mirror: A mirror of Debian; empty: debootstrap's own choice.

        Raises:
            ToolError: If a step fails.
            OSError: If the disk is full.
        """
        names = _image_names(programs["kubeadm"])
        self._install_packages(mirror)
        self._copy_kinds_files(kind_source / "images" / "base" / "files")
        self._copy_ours(programs)
        self._run_inside("setting up", recipe.SETUP, {"PAUSE_IMAGE": names["pause"]})
        self._run_inside("looking for what kube-proxy needs", recipe.PROXY_FILES)
        self._write_images(programs, names)
        self._run_inside("loading the images", recipe.PRELOAD)

    def pack(self, archive: Path) -> None:
        """Make a container image of the folder, which goes.

        Raises:
            ToolError: If the disk is full.
            OSError: Likewise.
        """
        layer = self.scratch / "layer.tar"
        what = ("tar", "--create", "--numeric-owner", "--one-file-system")
        self._run("packing", (*what, f"--file={layer}", f"--directory={self.root}", "."))
        shutil.rmtree(self.root)
        container_image.pack(layer, recipe.settings(), recipe.image_name(), archive)

    def _install_packages(self, mirror: str) -> None:
        include = f"--include={','.join(recipe.PACKAGES)}"
        what = ("debootstrap", "--variant=minbase", include, recipe.SUITE, str(self.root))
        self._run("installing Debian packages", (*ALONE, *what, *((mirror,) if mirror else ())))

    def _copy_kinds_files(self, files: Path) -> None:
        for source in sorted(files.rglob("*")):
            target = self.root / source.relative_to(files)
            if source.is_dir():
                target.mkdir(mode=0o755, parents=True, exist_ok=True)
            elif "LICENSES" not in source.parts:
                shutil.copyfile(source, target)  # the module cache is read-only: no modes
                target.chmod(0o755 if target.parent.name == "bin" else 0o644)

    def _copy_ours(self, programs: Mapping[str, Path]) -> None:
        for name in recipe.INTO_USR_BIN:
            shutil.copyfile(programs[name], self.root / "usr" / "bin" / name)
            (self.root / "usr" / "bin" / name).chmod(0o755)
        kind = self.root / "kind"
        (kind / "manifests").mkdir(parents=True, exist_ok=True)
        (kind / "version").write_text(f"v{KUBERNETES}")
        (kind / "network.template").write_text(recipe.NETWORK)
        (kind / "manifests" / "default-cni.yaml").write_text(recipe.NETWORK_OBJECT)

    def _write_images(self, programs: Mapping[str, Path], names: Mapping[str, str]) -> None:
        folder = self.root / "tmp" / "images"
        folder.mkdir()
        for program, name in names.items():
            container_image.write(
                self._program(program, programs[program]), name, folder / f"{program}.tar"
            )

    def _program(self, name: str, file: Path) -> Program:
        if name in ("coredns", "pause"):
            return Program(file=file, inside=f"/{name}")
        inside = f"/usr/local/bin/{name}"
        if name != "kube-proxy":
            return Program(file=file, inside=inside)
        links = tuple((f"usr/sbin/{link}", "xtables-nft-multi") for link in IPTABLES)
        more = self.root / "tmp" / "proxy.tar"
        return Program(file=file, inside=inside, more=more, links=links)

    def _run_inside(self, what: str, script: str, env: Mapping[str, str] | None = None) -> None:
        command = (*ALONE, "chroot", str(self.root), "/bin/bash", "-c", script)
        self._run(what, command, {"PATH": recipe.PATH, "LC_ALL": "C.UTF-8", **(env or {})})

    def _run(
        self, what: str, command: tuple[str, ...], env: Mapping[str, str] | None = None
    ) -> None:
        log = self.scratch / "step.log"
        log.unlink(missing_ok=True)
        began = time.monotonic()
        self.say(what)

        def tick() -> None:
            self.say(f"still {what}: {time.monotonic() - began:.0f} s so far")

        code = shell.follow(shell.start(command, log_file=log, env=env), every=EVERY, tick=tick)
        if code:
            written = log.read_text(errors="replace")
            raise ToolError(
                f"The node image could not be built: {what} failed with {code}.",
                hint="Look at the network and the disk, then run the same command again.",
                details="\n".join(written.strip().splitlines()[-LAST_LINES:]),
            )


def _image_names(kubeadm: Path) -> dict[str, str]:
    """Ask kubeadm which images it will look for: by the name of the program in each."""
    listing = shell.run(
        kubeadm, "config", "images", "list", "--kubernetes-version", f"v{KUBERNETES}"
    )
    return {name.rpartition(":")[0].rpartition("/")[2]: name for name in listing.split()}
