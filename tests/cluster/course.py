"""A cohort for a test: files in a folder of its own, the real command, the real kubectl."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyrage
import yaml

COMMAND = [sys.executable, "-m", "provisioner"]


@dataclass
class Course:
    """One cohort on the control plane that all tests share."""

    name: str
    stacks: Path
    home: Path
    kubeconfig: Path
    kubectl: Any
    keys: dict[str, pyrage.x25519.Identity] = field(default_factory=dict)
    course_key: pyrage.x25519.Identity = field(default_factory=pyrage.x25519.Identity.generate)
    """What archives are encrypted to; the test has the private half."""

    @property
    def folder(self) -> Path:
        return self.stacks / self.name

    def write(self, ids: Iterable[str], **cohort: Any) -> None:
        """Write cohort file and roster."""
        today = datetime.now(UTC).date()
        document = {
            "course": "Test course",
            "term": {
                "starts": f"{today - timedelta(days=7)}",
                "ends": f"{today + timedelta(days=60)}",
            },
            "cluster": "rehearsal",
            "course_key": str(self.course_key.to_public()),
            **cohort,
        }
        document = {key: value for key, value in document.items() if value is not None}
        (self.folder / "keys").mkdir(parents=True, exist_ok=True)
        (self.folder / "cohort.yaml").write_text(yaml.safe_dump(document))
        self.roster(ids)

    def roster(self, ids: Iterable[str]) -> None:
        rows = "".join(f"{id},Student {id}\n" for id in ids)
        (self.folder / "roster.csv").write_text("id,name\n" + rows)

    def give_key(self, id: str) -> None:
        """Hand in an age key for a student, and keep the private half for the test."""
        self.keys[id] = pyrage.x25519.Identity.generate()
        (self.folder / "keys" / id).write_text(f"{self.keys[id].to_public()}\n")

    def run(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run the real command and check its exit code."""
        done = subprocess.run(
            self.command(*arguments),
            capture_output=True,
            text=True,
            check=False,
            env=environment(),
            timeout=240,
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert done.returncode == code, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def command(self, *arguments: str) -> list[str]:
        return [*COMMAND, "--stacks", str(self.stacks), "--home", str(self.home), *arguments]

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", code=code).stdout)

    def up(self, *arguments: str, code: int = 0) -> Any:
        return self.json("up", self.name, "--yes", *arguments, code=code)

    def down(self, *arguments: str, code: int = 0) -> Any:
        return self.json("down", self.name, "--yes", self.name, *arguments, code=code)

    def actions(self) -> dict[str, str]:
        """What a plan says of each student."""
        return {s["id"]: s["action"] for s in self.json("plan", self.name)["students"]}

    def changes(self) -> dict[str, list[str]]:
        return {s["id"]: s["changes"] for s in self.json("plan", self.name)["students"]}

    def admin(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl as the administrator of the cluster."""
        return self.kubectl(self.kubeconfig, *arguments, stdin=stdin)

    def namespace(self, id: str) -> str:
        return f"{self.name}--s{id}"

    def open(self, id: str, into: Path) -> Path:
        """Decrypt a student's hand-out, as the student would."""
        sealed = (self.home / "handout" / self.name / f"{id}.kubeconfig.age").read_bytes()
        path = into / f"{id}.kubeconfig"
        path.write_bytes(pyrage.decrypt(sealed, [self.keys[id]]))
        path.chmod(0o600)
        return path


def environment() -> dict[str, str]:
    """Ours, without what would point the command elsewhere."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("PRACTICUM_", "KUBE"))}


def as_student(kubeconfig: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run kubectl with what a student was handed; it may fail."""
    from provisioner import toolchain

    program = toolchain.find(toolchain.KUBECTL)[toolchain.KUBECTL].path
    return subprocess.run(
        [program, "--kubeconfig", kubeconfig, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"PATH": "", "HOME": "/nonexistent"},
    )
