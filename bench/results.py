"""What was measured, and how one thing compares with another."""

from __future__ import annotations

import itertools
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
LOOP = "kubectl loop"
CLIENT = "official client"
PULUMI = "plain Pulumi"
SUBJECTS = (PRACTICUM, KUBECTL, RAW, LOOP, CLIENT, PULUMI)

UP = "cold up"
PLAN = "no-op plan"
NO_OP = "no-op up"
ADD = "add one"
DOWN = "down"
HANDOUT = "handout"
ROTATE = "rotate"
VERIFY = "verify"
CASES = (UP, PLAN, NO_OP, ADD, DOWN, HANDOUT, ROTATE, VERIFY)


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

    deleting: float = 0.0
    """Seconds from the first DELETE of a namespace to the end of the last one, by the audit
    log; for ``down`` alone."""

    unit: str = ""
    """The part of the run that it belongs to: a later one takes its place as a whole."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """When and where one part of a run was measured."""

    date: str
    commit: str
    load: str
    """Of the machine, before it."""


@dataclass(frozen=True, kw_only=True)
class Revocation:
    """How long one student's token was accepted after its end was asked for."""

    seconds: float
    unit: str = ""


@dataclass(frozen=True, kw_only=True)
class HostRun:
    """One run on one lab host, once."""

    subject: str
    case: str
    students: int
    seconds: float
    host_part: float | None = None
    """Seconds of the tasks that look at no student; None where nobody counted."""

    unit: str = ""


@dataclass(frozen=True, kw_only=True)
class KindRun:
    """One run on kind clusters, once."""

    subject: str
    case: str
    clusters: int
    seconds: float
    mib: float = 0.0
    """Memory of a cluster as the container engine counts it, where that was looked at."""

    unit: str = ""


@dataclass(frozen=True, kw_only=True)
class Results:
    """All measurements; of one run, or of several that were put together."""

    machine: Mapping[str, str]
    objects: Mapping[str, Mapping[str, int]]
    """Objects of a cohort by kind, by the number of its students."""

    units: Mapping[str, Session] = field(default_factory=dict)
    """Every part that was measured, by name."""

    help_seconds: tuple[float, ...] = ()
    """Of ``practicum --help``."""

    measurements: tuple[Measurement, ...] = ()
    revocations: tuple[Revocation, ...] = ()
    hosts: tuple[HostRun, ...] = ()
    kind: tuple[KindRun, ...] = ()
    failures: tuple[str, ...] = ()

    @property
    def sizes(self) -> list[int]:
        """The sizes of the cohorts that Practicum brought up, in order."""
        ups = [found for found in self.measurements if found.case == UP]
        return sorted({found.students for found in ups if found.subject == PRACTICUM})

    def then(self, later: Results) -> Results:
        """Return these with what was measured later in the place of what it measured again."""
        kept = tuple(found for found in self.measurements if found.unit not in later.units)
        trials = tuple(found for found in self.revocations if found.unit not in later.units)
        hosts = tuple(found for found in self.hosts if found.unit not in later.units)
        kind = tuple(found for found in self.kind if found.unit not in later.units)
        return Results(
            machine=later.machine or self.machine,
            objects={**self.objects, **later.objects},
            units={**self.units, **later.units},
            help_seconds=later.help_seconds or self.help_seconds,
            measurements=kept + later.measurements,
            revocations=trials + later.revocations,
            hosts=hosts + later.hosts,
            kind=kind + later.kind,
            failures=self._failures_beside(later) + later.failures,
        )

    def failed(self, unit: str) -> bool:
        """Say whether a unit broke off: its figures, if there are any, are not all of them."""
        return any(failure.startswith(f"{unit}: ") for failure in self.failures)

    def _failures_beside(self, later: Results) -> tuple[str, ...]:
        """Return what did not work and was not measured again since."""
        parts = [part for part, runs in (("hosts", later.hosts), ("kind", later.kind)) if runs]
        again = tuple(f"{unit}: " for unit in (*later.units, *parts))
        return tuple(failure for failure in self.failures if not failure.startswith(again))

    def find(self, subject: str, case: str, students: int, network: str) -> list[Measurement]:
        """Return every repetition of one case."""
        return [
            found
            for found in self.measurements
            if (found.subject, found.case) == (subject, case)
            and (found.students, found.network) == (students, network)
        ]

    def host_seconds(self, subject: str, case: str, students: int) -> float | None:
        """Return the median of a run on a lab host; None when it was not measured."""
        figures = [one.seconds for one in self._on_hosts(subject, case, students)]
        return median(figures) if figures else None

    def host_part(self, subject: str, case: str, students: int) -> float | None:
        """Return the median of what of that looks at no student; None when nobody counted."""
        runs = self._on_hosts(subject, case, students)
        figures = [one.host_part for one in runs if one.host_part is not None]
        return median(figures) if figures else None

    def _on_hosts(self, subject: str, case: str, students: int) -> list[HostRun]:
        wanted = (subject, case, students)
        return [one for one in self.hosts if (one.subject, one.case, one.students) == wanted]

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
        there = {(one.network, one.students, one.case, one.subject) for one in self.measurements}
        sizes = sorted({size for _, size, _, _ in there})
        ordered = itertools.product(NETWORKS, sizes, CASES, SUBJECTS)
        yield from (row for row in ordered if row in there)

    def save(self, path: Path) -> None:
        """Write everything as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Results:
        """Read what ``save`` wrote; nothing at all where there is no such file."""
        if not path.exists():
            return cls(machine={}, objects={})
        data = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            machine=data["machine"],
            objects=data["objects"],
            units={name: Session(**session) for name, session in data["units"].items()},
            help_seconds=tuple(data["help_seconds"]),
            measurements=tuple(map(_measurement, data["measurements"])),
            revocations=tuple(Revocation(**found) for found in data["revocations"]),
            hosts=tuple(HostRun(**found) for found in data.get("hosts", ())),
            kind=tuple(KindRun(**found) for found in data.get("kind", ())),
            failures=tuple(data["failures"]),
        )


def _measurement(data: dict[str, Any]) -> Measurement:
    programs = {name: Program(**program) for name, program in data["programs"].items()}
    return Measurement(**data | {"programs": programs, "requests": Requests(**data["requests"])})
