"""What a test does to a course beside our own commands, on either backend."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from provisioner.kind.docker import Engine
from provisioner.kind.found import COHORT, Found
from provisioner.kind.looking import look, look_at_all
from provisioner.rehearsal.record import PORT_RANGE

from ..cluster.course import Course

FIRST_PORT, WORKERS, A_COURSE = 12_000, 8, 50
"""Of the host: the first one, for how many workers of pytest they are, and how many a course has."""


class Life(Protocol):
    """A course of some students."""

    course: Course
    settings: dict[str, Any]
    """What the cohort file says of the backend."""

    searched: set[str]
    """What a teardown must have looked through, whatever there is of it."""

    def identity(self, id: str) -> str:
        """Return what tells a student's environment from one made anew; empty without one."""

    def destroy(self, id: str) -> None:
        """Delete an environment behind our back."""

    def is_running(self, id: str) -> bool:
        """Say whether a student could work in it."""

    def left(self) -> list[str]:
        """Return every environment of the course that there is."""

    def end(self) -> None:
        """Leave nothing, whatever became of the test."""


@dataclass
class OnNamespaces:
    """A course on the rehearsal."""

    course: Course
    settings: ClassVar[dict[str, Any]] = {}
    searched: ClassVar[set[str]] = {
        "namespaces",
        "secrets",
        "serviceaccounts",
        "clusterroles.rbac.authorization.k8s.io",
    }

    @classmethod
    def make(cls, name: str, folder: Path, control_plane: Any, kubectl: Any) -> OnNamespaces:
        course = Course(
            name=name,
            stacks=folder,
            home=control_plane.home,
            kubeconfig=control_plane.kubeconfig,
            kubectl=kubectl,
        )
        return cls(course)

    def identity(self, id: str) -> str:
        found = self._namespaces(f"practicum.dev/student=s{id}", "{.items[*].metadata.uid}")
        return found.strip()

    def destroy(self, id: str) -> None:
        self.course.admin("delete", "namespace", self.course.namespace(id), "--wait=true")

    def is_running(self, id: str) -> bool:
        binding = ("rolebindings", "-n", self.course.namespace(id), "-o", "name")
        return "student" in self.course.admin("get", *binding)

    def left(self) -> list[str]:
        found = self._namespaces("practicum.dev/student", "{.items[*].metadata.name}")
        return sorted(found.split())

    def end(self) -> None:
        mine = f"practicum.dev/cohort={self.course.name}"
        if self.course.admin("get", "namespaces", "-l", mine, "-o", "name"):
            self.course.run_any("down", self.course.name, "--yes", self.course.name, "--no-archive")

    def _namespaces(self, selector: str, path: str) -> str:
        label = f"practicum.dev/cohort={self.course.name},{selector}"
        return str(self.course.admin("get", "namespaces", "-l", label, "-o", f"jsonpath={path}"))


@dataclass
class OnKind:
    """A course on the local engine."""

    course: Course
    engine: Engine
    settings: dict[str, Any]
    searched: ClassVar[set[str]] = {
        f"{what} on local" for what in ("containers", "networks", "volumes")
    }

    @classmethod
    def make(cls, name: str, folder: Path, engine: Engine, image: str) -> OnKind:
        course = Course(
            name=name,
            stacks=folder / "stacks",
            home=folder / "home",
            kubeconfig=Path("/nonexistent"),
            kubectl=None,
        )
        # What a cluster really takes is asked where it is what a test is about: others test on the
        # same machine at the same time, and this one has memory or not.
        kind = {"image": image, "ports": [30080], "port_range": _ports(), "memory": "64Mi"}
        settings = {"cluster": None, "backend": "kind", "kind": kind}
        return cls(course, engine, settings)

    def found(self, id: str) -> Found:
        return look(self.engine, self.course.namespace(id))

    def identity(self, id: str) -> str:
        nodes = [node.name for node in self.found(id).nodes]
        return self.engine.run("inspect", "--format", "{{.Id}}", *nodes).strip() if nodes else ""

    def destroy(self, id: str) -> None:
        nodes = [node.name for node in self.found(id).nodes]
        self.engine.run("rm", "--force", "--volumes", *nodes)

    def is_running(self, id: str) -> bool:
        return self.found(id).running

    def left(self) -> list[str]:
        all_ = look_at_all(self.engine).values()
        return sorted(one.name for one in all_ if self.course.name in _cohort(one))

    def end(self) -> None:
        if self.left():
            self.course.run_any("down", self.course.name, "--yes", self.course.name, "--no-archive")
        for name in self.left():
            nodes = [node.name for node in look(self.engine, name).nodes]
            if nodes:
                self.engine.run("rm", "--force", "--volumes", *nodes)
            self.engine.run("network", "rm", f"kind-{name}")


def _ports() -> dict[str, int]:
    """Give a course ports of its own: rehearsals have those above, and others test here as well.

    Of two that look for free ones at the same moment, both would find the same.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    width = (PORT_RANGE.start - FIRST_PORT) // WORKERS
    lowest = FIRST_PORT + worker % WORKERS * width
    first = random.randrange(lowest, lowest + width - A_COURSE, A_COURSE)
    return {"first": first, "last": first + A_COURSE - 1}


def _cohort(found: Found) -> tuple[str, ...]:
    return ((found.labels or {}).get(COHORT, ""),)
