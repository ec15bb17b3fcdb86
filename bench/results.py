"""What was measured, and how one thing compares with another."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from .audit import Requests
from .measure import Program

LOOPBACK = "loopback"
FAR = "25 ms"
NETWORKS = (LOOPBACK, FAR)

PRACTICUM = "practicum"
KUBECTL = "kubectl"
RAW = "raw"

UP = "cold up"
PLAN = "no-op plan"
NO_OP = "no-op up"
ADD = "add one"
DOWN = "down"
CASES = (UP, PLAN, NO_OP, ADD, DOWN)


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One command, once."""

    subject: str
    case: str
    students: int
    network: str
    seconds: float
    cpu: float
    server_cpu: float
    """CPU seconds of kube-apiserver and etcd meanwhile."""

    others_cpu: float
    """CPU seconds of what is neither the command, nor the control plane, nor the bench."""

    peak_mib: float
    """Proportional (PSS), summed over the processes of the command."""

    resident_mib: float
    """The same with resident memory (RSS), where shared pages count twice."""

    programs: Mapping[str, Program] = field(default_factory=dict)
    requests: Requests
    workers: int = 0
    etcd_mib: float


@dataclass(frozen=True, kw_only=True)
class Results:
    """All measurements of one run."""

    machine: Mapping[str, str]
    objects: Mapping[str, Mapping[str, int]]
    """Objects of a cohort by kind, by the number of its students."""

    help_seconds: tuple[float, ...] = ()
    """Of ``practicum --help``."""

    measurements: tuple[Measurement, ...] = ()
    failures: tuple[str, ...] = ()

    @property
    def sizes(self) -> list[int]:
        """The sizes that were measured, in order."""
        return sorted({found.students for found in self.measurements})

    def find(self, subject: str, case: str, students: int, network: str) -> list[Measurement]:
        """Return every repetition of one case."""
        return [
            found
            for found in self.measurements
            if (found.subject, found.case) == (subject, case)
            and (found.students, found.network) == (students, network)
        ]

    def middle(
        self,
        subject: str,
        case: str,
        students: int,
        network: str,
        of: Callable[[Measurement], float] = lambda found: found.seconds,
    ) -> float | None:
        """Return the median of a case's figure; None when it was not measured."""
        figures = [of(found) for found in self.find(subject, case, students, network)]
        return median(figures) if figures else None

    def yardstick(self, subject: str, case: str, students: int, network: str) -> float | None:
        """Return the seconds that a yardstick takes for what a case of Practicum does.

        A plan compares with what applies the same objects again: kubectl has no cheaper
        way to say that nothing differs.
        """
        return self.middle(subject, NO_OP if case == PLAN else case, students, network)

    def ratio(self, subject: str, case: str, students: int, network: str) -> float | None:
        """Return Practicum's seconds as a multiple of a yardstick's."""
        own = self.middle(PRACTICUM, case, students, network)
        other = self.yardstick(subject, case, students, network)
        return own / other if own is not None and other else None

    def rows(self) -> Iterator[tuple[str, int, str, str]]:
        """Yield network, size, case and subject of all that was measured, in order."""
        for network in NETWORKS:
            for students in self.sizes:
                for case in CASES:
                    for subject in (PRACTICUM, KUBECTL, RAW):
                        if self.find(subject, case, students, network):
                            yield network, students, case, subject

    def save(self, path: Path) -> None:
        """Write everything as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Results:
        """Read what ``save`` wrote."""
        data = json.loads(path.read_text(encoding="utf-8"))
        data["measurements"] = tuple(map(_measurement, data["measurements"]))
        return cls(**data | {name: tuple(data[name]) for name in ("help_seconds", "failures")})


def _measurement(data: dict[str, Any]) -> Measurement:
    programs = {name: Program(**program) for name, program in data["programs"].items()}
    return Measurement(**data | {"programs": programs, "requests": Requests(**data["requests"])})
