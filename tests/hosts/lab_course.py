"""A course on lab hosts, for tests that run the command as an instructor would."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from .rig_host import LabHost

NAME = "course"
CANARY = "canary-passphrase-of-the-operator"
ACCOUNTS: dict[str, Any] = {"tools": ["age", "sops", "git_server"]}


@dataclass
class LabCourse:
    """Folders of a cohort, its hosts, and its students' private keys."""

    folder: Path
    hosts: list[LabHost]
    accounts: dict[str, Any] = field(default_factory=lambda: dict(ACCOUNTS))
    ids: list[str] = field(default_factory=list)
    home_name: str = "home"

    @property
    def home(self) -> Path:
        return self.folder / self.home_name

    @property
    def files(self) -> Path:
        return self.folder / "stacks" / NAME

    def make(self, ids: Iterable[str]) -> None:
        """Write the cohort's files, with a real SSH key a student."""
        (self.files / "keys").mkdir(parents=True)
        self.course_key = self.folder / "course.agekey"
        self.write()
        for id in ids:
            self.join(id)
        said = self.run("archive", "key", NAME).stdout.strip()
        self.course_key_line = yaml.safe_load(said)
        self.write()

    def write(self) -> None:
        """Write the cohort file."""
        document = {
            "course": "Machine-learning systems",
            "term": {"starts": "2026-09-01", "ends": "2027-12-19"},
            "cluster": "rehearsal",
            "hosts": [
                {
                    "name": host.name,
                    "address": host.address,
                    "port": host.port,
                    "user": "ops",
                    "identity": str(host.identity),
                }
                for host in self.hosts
            ],
            "accounts": self.accounts,
            **getattr(self, "course_key_line", {}),
        }
        (self.files / "cohort.yaml").write_text(yaml.safe_dump(document, sort_keys=False))

    def join(self, id: str) -> None:
        """Put somebody into the roster, with a key."""
        key = self.key(id)
        if not key.exists():
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", id, "-f", str(key)]
            subprocess.run(command, check=True)
        shutil.copy(key.with_suffix(".pub"), self.files / "keys" / id)
        self.ids.append(id)
        self._write_roster()

    def leave(self, id: str) -> None:
        """Take somebody out of the roster."""
        self.ids.remove(id)
        self._write_roster()

    def _write_roster(self) -> None:
        rows = "".join(f"{id},Person {number}\n" for number, id in enumerate(self.ids))
        (self.files / "roster.csv").write_text(f"id,name\n{rows}")

    def key(self, id: str) -> Path:
        """Return a student's private key."""
        return self.folder / f"key-{id}"

    def command(self, *arguments: str) -> list[str]:
        """Return a command line of practicum for this course."""
        stacks, home = str(self.folder / "stacks"), str(self.home)
        return [sys.executable, "-m", "provisioner", "--stacks", stacks, "--home", home, *arguments]

    def environment(self) -> dict[str, str]:
        """Return the operator's environment, with a secret in it that must go nowhere."""
        return {**os.environ, "PULUMI_CONFIG_PASSPHRASE": CANARY, "COLUMNS": "200"}

    def run(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command of practicum to its end."""
        return subprocess.run(
            self.command(*arguments), env=self.environment(), text=True, check=False,
            capture_output=True, stdin=subprocess.DEVNULL, timeout=240, **options,
        )  # fmt: skip

    def hosts_json(self, verb: str, *arguments: str, code: int = 0) -> dict[str, Any]:
        """Run a command about hosts; return its document, by host."""
        done = self.run("hosts", verb, NAME, *arguments, "--json")
        assert done.returncode == code, f"{done.returncode}: {done.stdout}\n{done.stderr}"
        document = json.loads(done.stdout)
        return document | {"by": {host["name"]: host for host in document["hosts"]}}

    def up(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        """Bring the hosts up; return how each fared, by its name."""
        found: dict[str, Any] = self.hosts_json("up", "--yes", *arguments, code=code)["by"]
        return found

    def host_of(self, id: str) -> LabHost:
        """Return the host that a student is on."""
        return next(host for host in self.hosts if host.name == self.seat(id)["host"])

    def seat(self, id: str) -> dict[str, Any]:
        """Return what was decided for a student."""
        students = json.loads((self.files / "hosts.json").read_text())["students"]
        found: dict[str, Any] = next(one for one in students.values() if one["id"] == id)
        return found

    def login(self, id: str, *command: str, key: str = "") -> subprocess.CompletedProcess[str]:
        """Log a student in over SSH, with the own key unless another is named."""
        return self.host_of(id).login(self.seat(id)["account"], self.key(key or id), *command)


def fingerprint(host: LabHost) -> str:
    """Return what the host's console would show."""
    shown = host.run("ssh-keygen", "-lf", "/etc/ssh/ssh_host_ed25519_key.pub")
    return shown.split()[1]
