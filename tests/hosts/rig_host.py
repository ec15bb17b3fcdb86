"""One lab host for a test: a container that booted systemd and answers SSH on the loopback."""

from __future__ import annotations

import subprocess
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from .rig_engine import Engine

LABEL = "practicum-test-host"


@dataclass(frozen=True)
class LabHost:
    """A host that can be logged in to as root, or as ``ops``, who may use sudo."""

    name: str
    container: str
    port: int
    identity: Path
    """The private key of the operator."""
    host_key: str
    """The public key that the host shows, as ``ssh-ed25519 AAAA…``."""
    engine: Engine
    address: str = "127.0.0.1"

    def known_hosts(self) -> str:
        """Write the line that pins the host key."""
        return f"[{self.address}]:{self.port} {self.host_key}\n"

    def run(self, *command: str, stdin: str | None = None, timeout: float = 120) -> str:
        """Run a command on the host as root, past SSH; fail when it fails."""
        flags = ["--interactive"] if stdin is not None else []
        return self.engine.docker(
            "exec", *flags, self.container, *command, stdin=stdin, timeout=timeout
        )

    def shell(self, script: str, stdin: str | None = None, timeout: float = 120) -> str:
        """Run a shell script on the host as root, past SSH; fail when it fails."""
        return self.run("bash", "-euc", script, stdin=stdin, timeout=timeout)

    def succeeds(self, script: str) -> bool:
        """Say whether a shell script ends with 0 on the host."""
        return "yes" in self.shell(f"({script}) >/dev/null 2>&1 && echo yes || true")

    def write(self, path: str, content: str) -> None:
        """Write a file on the host as root."""
        self.shell(f"cat > {path}", stdin=content)

    def login(
        self, user: str, identity: Path, *command: str, port: int | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Log in by real SSH with one key and nothing else, as a person would."""
        pinned = identity.with_name(f"known_hosts-{self.name}")
        pinned.write_text(self.known_hosts())
        return subprocess.run(
            [
                "ssh", "-F", "none", "-p", str(port or self.port), "-i", str(identity),
                "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o", "BatchMode=yes",
                "-o", "StrictHostKeyChecking=yes", "-o", f"UserKnownHostsFile={pinned}",
                "-o", "ConnectTimeout=30", f"{user}@{self.address}", *command,
            ],
            capture_output=True, text=True, check=False, timeout=240, stdin=subprocess.DEVNULL,
        )  # fmt: skip


def start_host(engine: Engine, image: str, identity: Path, name: str) -> LabHost:
    """Start a host and wait until sshd answers and systemd has booted.

    Args:
        identity: The operator's private key; the public half lies beside it.
        name: What the host calls itself.
    """
    container = f"practicum-{name}-{uuid.uuid4().hex[:8]}"
    engine.docker(
        "run", "--detach", "--stop-signal", "SIGRTMIN+3", "--name", container, "--hostname", name, "--label", LABEL,
        "--privileged", "--cgroupns=private", "--tmpfs", "/run", "--tmpfs", "/run/lock",
        "--tmpfs", "/tmp:exec", "--publish", "127.0.0.1::22", image,
    )  # fmt: skip
    try:
        return _ready(engine, container, identity, name)
    except BaseException:
        engine.docker("rm", "--force", "--volumes", container)
        raise


def _ready(engine: Engine, container: str, identity: Path, name: str) -> LabHost:
    public = identity.with_suffix(".pub").read_text()
    keys = "umask 077; tee /root/.ssh/authorized_keys >/home/ops/.ssh/authorized_keys"
    owned = "chown ops: /home/ops/.ssh/authorized_keys"
    # What is installed here need not outlive a power cut, so dpkg waits for no disk; and the
    # packages that lie here are those of its lists, so no mirror is asked for newer ones.
    quick = (
        "umask 022 && echo force-unsafe-io > /etc/dpkg/dpkg.cfg.d/tests && touch /var/lib/apt/lists"
    )
    script = f"{keys} && {owned} && {quick}"
    engine.docker("exec", "-i", container, "sh", "-c", script, stdin=public)
    # Everybody's on a real machine, where udev says so.
    engine.docker("exec", container, "chmod", "0666", "/dev/net/tun", "/dev/fuse")
    _wait_for_boot(engine, container)
    shown = engine.docker("exec", container, "cat", "/etc/ssh/ssh_host_ed25519_key.pub")
    published = engine.docker("port", container, "22/tcp").split()[0]
    return LabHost(
        name=name, container=container, port=int(published.rpartition(":")[2]),
        identity=identity, host_key=" ".join(shown.split()[:2]), engine=engine,
    )  # fmt: skip


def _wait_for_boot(engine: Engine, container: str) -> None:
    """Wait for a boot without a failed unit, and for sshd."""
    script = "systemctl is-system-running --wait; systemctl is-active ssh"
    deadline = time.monotonic() + 200
    while True:
        said = engine.docker("exec", container, "sh", "-c", f"{script} || true").split()
        if said == ["running", "active"]:
            return
        if time.monotonic() > deadline:
            failed = engine.docker("exec", container, "systemctl", "--failed", "--no-legend")
            raise AssertionError(f"{container} did not boot: {said} {failed}")
        time.sleep(0.2)
