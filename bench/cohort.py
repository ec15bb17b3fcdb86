"""A cohort made for one round: its files, and what it renders for the yardsticks."""

from __future__ import annotations

import json
import sys
import sysconfig
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyrage
import yaml

from provisioner.cluster.resources import RESOURCES, path_of
from provisioner.manifest import STUDENT, key_of

from .stage import Network, Stage

COHORT = """\
course: Benchmark of {students} students
term: {{starts: 2026-09-01, ends: 2026-12-19}}
cluster: {{kubeconfig: {kubeconfig}, context: {context}}}
"""

SYSTEM_NAMESPACES = 4
"""Those that every cluster has; a plan looks at them too."""

FIRST = 1001
"""The id of the first student."""


@dataclass(frozen=True)
class Cohort:
    """The files of a cohort, and the command line that goes with it."""

    name: str
    students: int
    network: Network
    stage: Stage

    @property
    def folder(self) -> Path:
        """Where its cohort.yaml lies."""
        return self.stage.folder / "stacks" / self.name

    def practicum(self, *arguments: str) -> list[str | Path]:
        """Return a command line of Practicum."""
        home, stacks = self.stage.control_plane.home, self.stage.folder / "stacks"
        return [program(), "--home", home, "--stacks", stacks, *arguments]

    def write(self) -> None:
        """Write its files, with an invented roster."""
        self.folder.mkdir(parents=True)
        content = COHORT.format(
            students=self.students,
            kubeconfig=json.dumps(str(self.network.kubeconfig)),
            context=self.stage.control_plane.found.context,
        )
        (self.folder / "cohort.yaml").write_text(content, encoding="utf-8")
        self.enrol(self.students)

    def enrol(self, students: int) -> str:
        """Write a roster of so many students; returns the id of the last one."""
        ids = range(FIRST, FIRST + students)
        rows = "".join(f"{number},Student {number}\n" for number in ids)
        (self.folder / "roster.csv").write_text(f"id,name\n{rows}", encoding="utf-8")
        return str(ids[-1])

    def raw(self, operation: str, *given: Rendering) -> list[str | Path]:
        """Return a command line that applies or removes what was rendered, by bare requests."""
        server = f"https://127.0.0.1:{self.network.port}"
        pki = self.stage.control_plane.folder / "pki"
        files = [rendering.requests for rendering in given]
        program = [sys.executable, "-m", "bench.raw", operation]
        return [*program, "--server", server, "--pki", pki, *files]

    def give_keys(self) -> dict[str, pyrage.x25519.Identity]:
        """Hand in an age key for every student; returns the private halves, by id."""
        identities = {
            str(number): pyrage.x25519.Identity.generate()
            for number in range(FIRST, FIRST + self.students)
        }
        (self.folder / "keys").mkdir(exist_ok=True)
        for id, identity in identities.items():
            (self.folder / "keys" / id).write_text(f"{identity.to_public()}\n", encoding="utf-8")
        return identities

    def render(self, student: str = "") -> Rendering:
        """Render the cohort, or one student of it, into files for the yardsticks.

        Raises:
            CaseError: If the command fails.
        """
        chosen = ["--student", student] if student else []
        text = self.stage.run(self.practicum("render", self.name, *chosen)).stdout
        documents = [part for part in text.split("---\n") if part.strip()]
        # kubectl applies in this order, one by one: a namespace before what is in it.
        documents.sort(key=lambda part: "\nkind: Namespace\n" not in part)
        return Rendering.write(self.folder / (student or "everything"), documents)


@dataclass(frozen=True)
class Rendering:
    """The same objects twice: as people give them to kubectl, and as finished requests."""

    manifests: Path
    requests: Path
    kinds: Mapping[str, int]

    @classmethod
    def write(cls, path: Path, documents: list[str]) -> Rendering:
        """Write both files from YAML documents; and a folder with a file a student."""
        objects = [yaml.load(part, Loader=yaml.CSafeLoader) for part in documents]
        manifests, requests = path.with_suffix(".yaml"), path.with_suffix(".json")
        manifests.write_text("---\n".join(documents), encoding="utf-8")
        requests.write_text(json.dumps([_request(item) for item in objects]), encoding="utf-8")
        _write_by_student(path, zip(objects, documents, strict=True))
        kinds = Counter(dict.fromkeys(RESOURCES, 0))
        kinds.update(item["kind"] for item in objects)
        kinds["Namespace"] += SYSTEM_NAMESPACES
        return cls(manifests, requests, dict(kinds))


def _write_by_student(folder: Path, pairs: Iterable[tuple[dict[str, Any], str]]) -> None:
    """Write what belongs to one student into one file; what is all of theirs comes first."""
    folder.mkdir(exist_ok=True)
    parts: dict[str, list[str]] = defaultdict(list)
    for item, document in pairs:
        parts[item["metadata"].get("labels", {}).get(STUDENT, " shared")].append(document)
    for name, documents in parts.items():
        (folder / f"{name}.yaml").write_text("---\n".join(documents), encoding="utf-8")


def _request(manifest: dict[str, Any]) -> dict[str, str]:
    key = key_of(manifest)
    return {
        "kind": key.kind,
        "namespace": key.namespace,
        "name": key.name,
        "path": path_of(key),
        "body": json.dumps(manifest),
    }


def program() -> Path:
    """Return the real command, beside the interpreter that runs the bench."""
    return Path(sysconfig.get_path("scripts")) / "practicum"
