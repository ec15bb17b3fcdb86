"""kind clusters through Practicum, beside a plain loop of `kind create cluster`, in one run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import yaml

from provisioner import quantity, toolchain
from provisioner.errors import MissingToolError, PracticumError
from provisioner.kind import image
from provisioner.kind.docker import Engine

from .engine import running
from .results import KindRun
from .stage import CaseError

SIZES = (1, 3, 6)
PRACTICUM, LOOP = "practicum", "plain loop"
UP, SUSPEND, RESUME, DOWN = "up", "suspend", "resume", "down"


def run(home: Path, sizes: tuple[int, ...], repeats: int) -> Iterator[KindRun]:
    """Yield every measurement; the two take turns, so that a change of the machine meets both.

    Args:
        home: A folder that is emptied before and after.
        sizes: How many clusters.
        repeats: How often each is measured.

    Raises:
        CaseError: If a run does not do what it is to do.
        PracticumError: If there is no engine, or no node image can be had.
    """
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    with _engine():
        node = image.build(Engine(), lambda line: print(line, flush=True)).name
        for repeat in range(1, repeats + 1):
            for clusters in sizes:
                for subject in (_Loop, _Practicum):
                    yield from _measured(subject(home, node, clusters, repeat))
    shutil.rmtree(home, ignore_errors=True)


@contextmanager
def _engine() -> Iterator[None]:
    """Have this machine's container engine, or the one that the tests bring."""
    try:
        Engine().require()
    except MissingToolError:
        with running() as found:
            os.environ["DOCKER_HOST"] = found.address or ""
            yield
    else:
        yield


class _Subject(ABC):
    """Who makes some clusters, and takes them away."""

    name = ""

    def __init__(self, home: Path, node: str, clusters: int, repeat: int) -> None:
        self.clusters, self.node = clusters, node
        self.unit = f"kind clusters: {clusters}, {self.name}, {repeat}"
        self.course = f"bench{uuid.uuid4().hex[:6]}"
        self.folder = home / self.course

    @abstractmethod
    def cases(self) -> Iterator[tuple[str, Callable[[], None]]]:
        """Yield what is measured, in order."""

    @abstractmethod
    def end(self) -> None:
        """Leave nothing, whatever happened."""

    def nodes(self) -> list[str]:
        """Return the names of the nodes' containers."""
        return (
            Engine().run("ps", "--filter", f"name=^{self.course}", "--format", "{{.Names}}").split()
        )


class _Loop(_Subject):
    """`kind create cluster`, one after the other, as people write it."""

    name = LOOP

    def cases(self) -> Iterator[tuple[str, Callable[[], None]]]:
        yield UP, lambda: self._each("create", "--image", self.node, "--wait", "3m")
        yield DOWN, lambda: self._each("delete")

    def end(self) -> None:
        self._each("delete")

    def _each(self, verb: str, *more: str) -> None:
        self.folder.mkdir(exist_ok=True)
        kind = toolchain.find(toolchain.KIND)[toolchain.KIND].path
        for number in range(self.clusters):
            name = f"{self.course}-{number}"
            told = ("--name", name, "--kubeconfig", str(self.folder / "kubeconfig"))
            _run([str(kind), verb, "cluster", *told, *more])


class _Practicum(_Subject):
    """The same through a course."""

    name = PRACTICUM

    def cases(self) -> Iterator[tuple[str, Callable[[], None]]]:
        self._write()
        ids = [str(number) for number in range(1, self.clusters + 1)]
        yield UP, lambda: self._command("up", "--yes", created=self.clusters)
        yield SUSPEND, lambda: self._command("suspend", *ids, "--yes", changed=self.clusters)
        yield RESUME, lambda: self._command("resume", *ids, "--yes", changed=self.clusters)
        yield DOWN, lambda: self._command("down", "--yes", self.course, "--no-archive", proved=True)

    def end(self) -> None:
        self._command("down", "--yes", self.course, "--no-archive")

    def _write(self) -> None:
        files = self.folder / "stacks" / self.course
        files.mkdir(parents=True)
        rows = "".join(f"{number},Student\n" for number in range(1, self.clusters + 1))
        (files / "roster.csv").write_text(f"id,name\n{rows}")
        document = {
            "course": "Bench",
            "term": {"starts": "2026-09-01", "ends": "2030-12-19"},
            "backend": "kind",
            "kind": {"image": self.node},
        }
        (files / "cohort.yaml").write_text(yaml.safe_dump(document))

    def _command(self, verb: str, *more: str, **wanted: int) -> None:
        places = ("--stacks", str(self.folder / "stacks"), "--home", str(self.folder / "home"))
        command = [sys.executable, "-m", "provisioner", *places, verb, self.course, *more, "--json"]
        document = json.loads(_run(command))
        wrong = {key: document.get(key) for key, value in wanted.items() if document[key] != value}
        if wrong:
            raise CaseError(f"{verb}: expected {wanted}, found {wrong}: {document.get('failed')}")


def _measured(subject: _Subject) -> Iterator[KindRun]:
    try:
        for case, call in subject.cases():
            began = time.monotonic()
            call()
            seconds = round(time.monotonic() - began, 2)
            mib = _mib(subject.nodes()) if case == UP else 0.0
            print(f"kind: {subject.name}, {subject.clusters}, {case}: {seconds} s", flush=True)
            yield KindRun(
                subject=subject.name,
                case=case,
                clusters=subject.clusters,
                seconds=seconds,
                mib=mib,
                unit=subject.unit,
            )
    finally:
        with suppress(CaseError, PracticumError):
            subject.end()


def _mib(nodes: list[str]) -> float:
    """Return the memory of a node, as the engine counts it: `452.7MiB / 23.5GiB` each."""
    told = Engine().run("stats", "--no-stream", "--format", "{{.MemUsage}}", *nodes)
    found = [re.match(r"([0-9.]+)([KMG]i)B", line) for line in told.splitlines()]
    bytes_ = [quantity.parse(one[1] + one[2]) for one in found if one]
    return round(float(sum(bytes_)) / (1 << 20) / max(1, len(bytes_)), 1)


def _run(command: list[str]) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1]
    )
    if done.returncode:
        raise CaseError(
            f"{' '.join(command[:6])} exits with {done.returncode}: {done.stderr[-800:]}"
        )
    return done.stdout
