"""A course on the class cluster: the same files and commands as on a rehearsal."""

from __future__ import annotations

import http.client
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from provisioner import toolchain
from tests.cluster.course import Course, as_student

from .rig import ClassCluster

SMALL = {
    "quota": {"cpu": "2", "memory": "1Gi", "pods": 6, "volumes": 2, "storage": "1Gi"},
    "limits": {"default": {"cpu": "200m", "memory": "64Mi", "ephemeral": "64Mi"}},
    "egress": "none",
}
"""A student's environment of which several fit two small nodes."""

WAIT = "--timeout=240s"
"""As long as a student's command may take at all."""

CLAIM = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: work}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 100Mi}}}
"""
MOUNTED = {
    "main": {"volumeMounts": [{"name": "work", "mountPath": "/data"}]},
    "volumes": [{"name": "work", "persistentVolumeClaim": {"claimName": "work"}}],
}
"""A claim of the default storage class, and what a pod is that mounts it."""


class ClassCourse(Course):
    """A cohort on the class cluster."""

    cluster: ClassCluster

    @classmethod
    def on(cls, cluster: ClassCluster, name: str, folder: Path) -> ClassCourse:
        made = cls(
            name=name,
            stacks=folder / "stacks",
            home=folder / "home",
            kubeconfig=cluster.kubeconfig,
            kubectl=lambda _, *arguments, stdin=None: cluster.kubectl(*arguments, stdin=stdin),
        )
        made.cluster = cluster
        return made

    def write(self, ids: Iterable[str], **cohort: Any) -> None:
        access = {"kubeconfig": str(self.kubeconfig), "context": self.cluster.context}
        settled = {"cluster": access, "tool_image": self.cluster.probe_image, "environment": SMALL}
        super().write(ids, **settled | cohort)

    def begin(self, *ids: str, folder: Path, **cohort: Any) -> list[Student]:
        """Bring a course up and hand it out; return the students with what they were given."""
        self.write(ids, **cohort)
        for id in ids:
            self.give_key(id)
        self.up()
        self.run("handout", self.name)
        image = self.cluster.probe_image
        return [Student(self.open(id, folder), self.namespace(id), image) for id in ids]


class Student:
    """Somebody with the kubeconfig that they were handed, and nothing else."""

    def __init__(self, kubeconfig: Path, namespace: str, image: str) -> None:
        self.kubeconfig, self.namespace, self.image = kubeconfig, namespace, image

    def try_kubectl(
        self, *arguments: str, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        return as_student(self.kubeconfig, *arguments, stdin=stdin)

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        done = self.try_kubectl(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def read(self, *arguments: str) -> bytes:
        """Return what a command writes that is no text."""
        program = toolchain.find(toolchain.KUBECTL)[toolchain.KUBECTL].path
        command = [program, "--kubeconfig", self.kubeconfig, *arguments]
        return subprocess.run(command, capture_output=True, check=True, timeout=300).stdout

    def refused(self, *arguments: str, stdin: str | None = None) -> str:
        done = self.try_kubectl(*arguments, stdin=stdin)
        assert done.returncode, done.stdout
        return done.stderr

    def start(self, name: str, *arguments: str, **changed: Any) -> None:
        """Run a pod, and wait until it is ready."""
        self.kubectl("create", "--filename=-", stdin=pod(name, self.image, arguments, **changed))
        self.await_ready(name)

    def await_ready(self, name: str) -> None:
        self.kubectl("wait", f"pod/{name}", "--for=condition=Ready", WAIT)

    def deploy(self, described: str) -> None:
        """Create the deployment `web`, and wait until all of it runs."""
        self.kubectl("create", "--filename=-", stdin=described.replace("IMAGE", self.image))
        self.kubectl("rollout", "status", "deployment/web", WAIT)

    def field(self, what: str, path: str) -> str:
        return self.kubectl("get", what, f"--output=jsonpath={{{path}}}")

    @contextmanager
    def forwarded(self, what: str, port: int) -> Iterator[Callable[[], str]]:
        """Forward a port of this machine; yield what asks there, and returns the answer."""
        program = toolchain.find(toolchain.KUBECTL)[toolchain.KUBECTL].path
        process = subprocess.Popen(
            [program, "--kubeconfig", self.kubeconfig, "port-forward", what, f":{port}"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        try:
            assert process.stdout
            said = process.stdout.readline()
            local = re.search(r"127\.0\.0\.1:(\d+)", said)
            assert local, said
            yield lambda: _get(int(local[1]))
        finally:
            process.kill()
            process.communicate()


def pod(name: str, image: str, arguments: Iterable[str], **changed: Any) -> str:
    """Describe a pod with one container, in JSON, which kubectl reads too."""
    import json

    container = {"name": "main", "image": image, "args": list(arguments)} | changed.pop("main", {})
    spec = {"terminationGracePeriodSeconds": 0, "containers": [container]} | changed
    metadata = {"name": name, "labels": {"app": name}}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})


def _get(port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", "/hello")
        return connection.getresponse().read().decode().strip()
    finally:
        connection.close()
