"""A course on the class cluster: the same files and commands as on a rehearsal."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.cluster.course import Course, as_student

from .rig import ClassCluster

SMALL = {
    "quota": {"cpu": "2", "memory": "1Gi", "pods": 6, "volumes": 2, "storage": "1Gi"},
    "limits": {"default": {"cpu": "200m", "memory": "64Mi", "ephemeral": "64Mi"}},
    "egress": "none",
}
"""A student's environment of which several fit two small nodes."""


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
            kubectl=lambda kubeconfig, *arguments, stdin=None: cluster.kubectl(
                *arguments, stdin=stdin
            ),
        )
        made.cluster = cluster
        return made

    def write(self, ids: Iterable[str], **cohort: Any) -> None:
        access = {"kubeconfig": str(self.kubeconfig), "context": self.cluster.context}
        settled = {"cluster": access, "tool_image": self.cluster.probe_image, "environment": SMALL}
        super().write(ids, **settled | cohort)

    def in_pod(self, kubeconfig: Path, *arguments: str) -> str:
        """Run kubectl as a student until it works: pods take their time."""
        deadline = time.monotonic() + 60
        while True:
            done = as_student(kubeconfig, *arguments)
            if done.returncode == 0:
                return done.stdout
            assert time.monotonic() < deadline, done.stderr
            time.sleep(0.3)


__all__ = ["ClassCourse", "as_student", "subprocess"]
