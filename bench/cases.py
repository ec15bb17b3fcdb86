"""What is done in a round: by the yardsticks, then by Practicum, with the same objects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .cohort import Cohort, Rendering
from .results import ADD, DOWN, FAR, KUBECTL, NO_OP, PLAN, PRACTICUM, RAW, UP, Measurement
from .stage import Case, CaseError

NO_OPS = 3
"""How often a round asks for nothing: it takes little time, and varies most."""

RAW_UP_MOST = 300
"""Students that the floor is measured with: beyond, it takes more time than it tells."""


@dataclass(frozen=True)
class Round:
    """One cohort on one network, from nothing to nothing, once by each subject."""

    cohort: Cohort
    everything: Rendering
    joiner: Rendering
    """What one more student takes."""

    @classmethod
    def prepare(cls, cohort: Cohort) -> Round:
        """Write the cohort's files and render what the yardsticks are given.

        Raises:
            CaseError: If Practicum cannot render it.
        """
        cohort.write()
        everything = cohort.render()
        joiner = cohort.render(cohort.enrol(cohort.students + 1))
        cohort.enrol(cohort.students)
        return cls(cohort, everything, joiner)

    def run(self) -> Iterator[Measurement]:
        """Yield every measurement of the round.

        Raises:
            CaseError: If a command does not do what it is to do.
        """
        try:
            yield from self._kubectl()
            if self.cohort.students <= RAW_UP_MOST:
                yield from self._raw()
            yield from self._practicum()
        except CaseError:
            self.clear()
            raise

    def clear(self) -> None:
        """Take away what a round that broke off may have left."""
        self.cohort.stage.run(self._raw_command("remove"))

    def _kubectl(self) -> Iterator[Measurement]:
        apply: list[str | Path] = [
            *(self.cohort.stage.kubectl, "--kubeconfig", self.cohort.network.kubeconfig),
            *("apply", "--server-side", "--force-conflicts", "-f", "-"),
        ]
        cases = [(UP, self.everything), (NO_OP, self.everything), (ADD, self.joiner)]
        if self.cohort.network.name == FAR:
            del cases[1]  # the same again as the first: one round trip after another
        for case, given in cases:
            yield self._measure(KUBECTL, case, apply, given.manifests)[0]
        yield self._measure(RAW, DOWN, self._raw_command("remove"))[0]

    def _raw(self) -> Iterator[Measurement]:
        yield self._measure(RAW, UP, self._raw_command("apply"))[0]
        self.cohort.stage.run(self._raw_command("remove"))

    def _raw_command(self, operation: str) -> list[str | Path]:
        given = [self.everything, self.joiner] if operation == "remove" else [self.everything]
        return self.cohort.raw(operation, *given)

    def _practicum(self) -> Iterator[Measurement]:
        name, students = self.cohort.name, self.cohort.students
        yield self._up(UP, created=students, same=0)
        for _ in range(NO_OPS):
            yield self._plan()
        for _ in range(NO_OPS):
            yield self._up(NO_OP, created=0, same=students)
        self.cohort.enrol(students + 1)
        yield self._up(ADD, created=1, same=students)
        found, document = self._command(DOWN, "down", name, "--yes", name, "--no-archive", "--json")
        self._require(document, {"proved": True, "remaining": [], "troubles": []})
        yield replace(found, workers=found.programs["worker"].processes)

    def _plan(self) -> Measurement:
        found, document = self._command(PLAN, "plan", self.cohort.name, "--json")
        actions = {student["action"] for student in document["students"]}
        self._require({"actions": actions}, {"actions": {"same"}})
        return found

    def _up(self, case: str, **counts: int) -> Measurement:
        found, document = self._command(case, "up", self.cohort.name, "--yes", "--json")
        self._require(document, {**counts, "changed": 0, "removed": 0, "failed": []})
        return replace(found, workers=document["processes"])

    def _command(self, case: str, *arguments: str) -> tuple[Measurement, dict[str, Any]]:
        found, output = self._measure(PRACTICUM, case, self.cohort.practicum(*arguments))
        return found, json.loads(output)

    def _measure(
        self, subject: str, case: str, command: list[str | Path], stdin: Path | None = None
    ) -> tuple[Measurement, str]:
        measured = Case(subject, case, self.cohort.students, self.cohort.network)
        return self.cohort.stage.measure(measured, command, stdin)

    def _require(self, document: dict[str, Any], wanted: dict[str, Any]) -> None:
        """Refuse a figure of a run that did something else than it was to do."""
        wrong = {
            name: document.get(name)
            for name, value in wanted.items()
            if document.get(name) != value
        }
        if wrong:
            self.cohort.stage.keep()
            raise CaseError(f"expected {wanted}, found {str(wrong)[:600]}")
