"""The image of a lab host for tests: Debian with systemd and sshd, from its packages alone.

It is made once and kept under a digest of its recipe, as a file that any engine can import.
The packages that the roles install are in it as downloads, not as installed: every host
runs the real ``apt`` and ``dpkg``, but a test waits for no mirror.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from .rig_engine import Engine

SUITE = "bookworm"
INSTALLED = (
    "systemd", "systemd-sysv", "dbus", "libpam-systemd", "openssh-server", "python3", "python3-apt", "sudo",
    "ca-certificates", "iproute2", "procps", "kmod",
)  # fmt: skip
DOWNLOADED = (
    "age", "gnupg", "pass", "git", "dotdrop", "file", "python3-yaml", "containerd", "runc", "docker.io",
    "docker-cli", "uidmap", "slirp4netns", "fuse-overlayfs", "rootlesskit", "dbus-user-session",
    "iptables", "gitolite3", "quota", "quotatool", "busybox-static",
)  # fmt: skip
SETUP = r"""
set -eu
export DEBIAN_FRONTEND=noninteractive
rm -f /etc/ssh/ssh_host_*
: >/etc/machine-id
mkdir -p /etc/systemd/system/ssh.service.d
cat >/etc/systemd/system/ssh.service.d/host-key.conf <<'UNIT'
[Service]
ExecStartPre=
ExecStartPre=-/usr/bin/ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
ExecStartPre=/usr/sbin/sshd -t
UNIT
ln -sf /dev/null /etc/systemd/system/console-getty.service
ln -sf /dev/null /etc/systemd/system/getty@tty1.service
useradd --create-home --shell /bin/bash --password '*' ops
echo 'ops ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/ops
install -d -m 0700 /root/.ssh
install -d -m 0700 -o ops -g ops /home/ops/.ssh
apt-get update -q
for package in $DOWNLOADED; do
  apt-get install -q -y --no-install-recommends --download-only "$package" || echo "not here: $package"
done
"""
BOOT = ("ENV container=docker", 'CMD ["/lib/systemd/systemd"]')
VOLUMES = ("/var/lib/containerd", "/var/lib/docker")
"""Folders on the disk below: an overlay can have no other one on top."""


def ensure_image(engine: Engine, suite: str = SUITE) -> str:
    """Make the image where the engine lacks it, and return its name.

    Args:
        engine: The engine that is to have it.
        suite: The release of Debian that is in it.
    """
    name = f"practicum-test-host:{digest(suite)}"
    # Whoever comes second finds what the first one made.
    with (folder() / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not engine.docker("images", "--quiet", name).strip():
            archive = folder() / f"{digest(suite)}.tar"
            if not archive.exists():
                _build(archive, suite)
            changes = [part for line in (*BOOT, *_volumes()) for part in ("--change", line)]
            engine.docker("import", *changes, str(archive), name)
    return name


def folder() -> Path:
    """Find the folder where images are kept, and make it."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    parent = Path(base) if base.startswith("/") else Path.home() / ".cache"
    found = parent / "practicum" / "test-images"
    found.mkdir(mode=0o700, parents=True, exist_ok=True)
    return found


def digest(suite: str) -> str:
    """Name everything that decides what is in the image."""
    recipe = (suite, *INSTALLED, "", *DOWNLOADED, SETUP, *BOOT, *VOLUMES)
    return hashlib.sha256("\0".join(recipe).encode()).hexdigest()[:20]


def _volumes() -> list[str]:
    return [f"VOLUME {path}" for path in VOLUMES]


def _build(archive: Path, suite: str) -> None:
    # Under a name that nobody looks for until it is whole.
    with tempfile.TemporaryDirectory(dir=archive.parent, prefix="unfinished-") as scratch:
        root = Path(scratch) / "root"
        include = f"--include={','.join(INSTALLED)}"
        _run("debootstrap", "--variant=minbase", include, suite, str(root), *_mirror())
        _run(
            "chroot", str(root), "/bin/sh", "-c", SETUP,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DOWNLOADED": " ".join(DOWNLOADED)},
        )  # fmt: skip
        packed = Path(scratch) / "image.tar"
        _run("tar", "--create", "--numeric-owner", f"--directory={root}", f"--file={packed}", ".")
        packed.replace(archive)
        shutil.rmtree(root)


def _mirror() -> list[str]:
    """Take packages from where this machine does, when it is a Debian; else the usual place."""
    sources = Path("/etc/apt/sources.list.d/debian.sources")
    if not sources.exists():
        return []
    return re.findall(r"^URIs:\s*(\S+)", sources.read_text(), re.MULTILINE)[:1]


def _run(*command: str, env: dict[str, str] | None = None) -> None:
    result = subprocess.run(
        command, env=env, capture_output=True, text=True, check=False, timeout=900
    )
    assert result.returncode == 0, f"{command[0]}: {(result.stdout + result.stderr)[-2000:]}"
