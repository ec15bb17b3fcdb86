"""A cohort for a test: files in a folder of its own, the real command, the real kubectl."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyrage
import yaml

from ..waiting import until

WORK = """
apiVersion: v1
kind: Pod
metadata: {name: bare}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: c, image: example.org/x}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: POD}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: alone}
spec:
  replicas: 1
  selector: {matchLabels: {app: alone}}
  template: {metadata: {labels: {app: alone}}, spec: POD}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  replicas: 1
  serviceName: db
  persistentVolumeClaimRetentionPolicy: {whenScaled: Delete, whenDeleted: Retain}
  selector: {matchLabels: {app: db}}
  template: {metadata: {labels: {app: db}}, spec: POD}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: long}
spec:
  # No node is like this: on a simulated one the job would be done at once.
  template: {spec: {restartPolicy: Never, nodeSelector: {no: such}, REST}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  schedule: "0 3 29 2 *"  # so rarely that no test meets it
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, REST}}}}
""".replace("POD", "{REST}").replace(
    "REST", "terminationGracePeriodSeconds: 0, containers: [{name: c, image: example.org/x}]"
)
"""One of each kind of work that a student can have running: six pods, of which one is bare."""


def keep_pull_secret(course: Any, namespace: str, password: str) -> bytes:
    """Make, or change, a login at a registry in a namespace of its own; returns what is in it."""
    auth = base64.b64encode(f"robot:{password}".encode()).decode()
    login = {"auths": {"registry.example.org": {"auth": auth, "password": password}}}
    content = json.dumps(login)
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "registry", "namespace": namespace},
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": content},
    }
    place = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    made = json.dumps({"apiVersion": "v1", "kind": "List", "items": [place, secret]})
    course.admin("apply", "--server-side", "-f", "-", stdin=made)
    return content.encode()


COMMAND = [sys.executable, "-m", "provisioner"]


@dataclass
class Watched:
    """A `plan --watch` that runs."""

    process: subprocess.Popen[str]
    events: list[dict[str, Any]] = field(default_factory=list)
    rest: str = ""
    said: str = ""

    def until(self, holds: Callable[[set[tuple[str, str]]], bool], event: str) -> None:
        """Read events until what was told of one kind, as (student, what), is as wanted.

        The limit of time is the test's own.
        """
        while not holds(self.told(event)):
            line = self.process.stdout.readline()
            assert line, self.process.stderr.read()
            self.events.append(json.loads(line))

    def told(self, event: str) -> set[tuple[str, str]]:
        return {(e["student"], e["what"]) for e in self.events if e["event"] == event}


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

    fixed: dict[str, Any] = field(default_factory=dict)
    """What the cohort file says beside what a test changes."""

    today: date = field(default_factory=lambda: datetime.now(UTC).date())
    """The day of its first file: its term does not move on when it is midnight."""

    @property
    def folder(self) -> Path:
        return self.stacks / self.name

    def write(self, ids: Iterable[str], **cohort: Any) -> None:
        """Write cohort file and roster."""
        document = {
            "course": "Test course",
            "term": {
                "starts": f"{self.today - timedelta(days=7)}",
                "ends": f"{self.today + timedelta(days=60)}",
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
        done = self.run_any(*arguments)
        assert "Traceback" not in done.stderr, done.stderr
        assert done.returncode == code, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def run_any(self, *arguments: str, timeout: float = 900) -> subprocess.CompletedProcess[str]:
        """Run the real command, however it ends."""
        return subprocess.run(
            self.command(*arguments),
            stdin=subprocess.DEVNULL,  # nobody is there to ask
            capture_output=True,
            text=True,
            check=False,
            env=environment(),
            timeout=timeout,
        )

    def command(self, *arguments: str) -> list[str]:
        return [*COMMAND, "--stacks", str(self.stacks), "--home", str(self.home), *arguments]

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", code=code).stdout)

    def up(self, *arguments: str, code: int = 0) -> Any:
        done = self.json("up", self.name, "--yes", *arguments, code=code)
        if code == 0 and done.get("created") and self.kubectl:  # of kind clusters there is none
            until(self._quotas_count)
        return done

    def down(self, *arguments: str, code: int = 0) -> Any:
        return self.json("down", self.name, "--yes", self.name, *arguments, code=code)

    @contextmanager
    def watching(self) -> Iterator[Watched]:
        """Run `plan --watch` beside the block; it is ended by Ctrl-C."""
        process = subprocess.Popen(
            self.command("plan", self.name, "--watch", "--json"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        watched = Watched(process)
        try:
            yield watched
            process.send_signal(signal.SIGINT)
            watched.rest, watched.said = process.communicate(timeout=120)
        finally:
            process.kill()
            process.communicate()

    def actions(self) -> dict[str, str]:
        """What a plan says of each student."""
        return {s["id"]: s["action"] for s in self.json("plan", self.name)["students"]}

    def changes(self) -> dict[str, list[str]]:
        return {s["id"]: s["changes"] for s in self.json("plan", self.name)["students"]}

    def admin(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl as the administrator of the cluster."""
        return self.kubectl(self.kubeconfig, *arguments, stdin=stdin)

    def await_right(self, user: str, *what: str) -> None:
        """Wait until a role that was just bound counts: an API server hears of it a moment later."""
        until(lambda: self.may(user, *what))

    def _quotas_count(self) -> bool:
        """Whether Kubernetes has taken every quota up; until then it refuses whatever it bounds."""
        mine = ("-A", "-l", f"practicum.dev/cohort={self.name}", "-o", "json")
        quotas = json.loads(self.admin("get", "resourcequotas", *mine))["items"]
        return all(one.get("status", {}).get("hard") for one in quotas)

    def may(self, user: str, *what: str) -> bool:
        """Ask the API server whether somebody may do something, as `kubectl auth can-i` has it."""
        try:
            self.admin("auth", "can-i", *what, "-q", f"--as={user}")
        except AssertionError:
            return False
        return True

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


def as_student(
    kubeconfig: Path, *arguments: str, stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run kubectl with what a student was handed; it may fail."""
    from provisioner import toolchain

    program = toolchain.find(toolchain.KUBECTL)[toolchain.KUBECTL].path
    return subprocess.run(
        [program, "--kubeconfig", kubeconfig, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={"PATH": "", "HOME": str(kubeconfig.parent)},  # what it learned of a server stays there
    )
