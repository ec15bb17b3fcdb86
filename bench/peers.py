"""What people do without Practicum: the same objects by other means, each with its own size."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from provisioner import toolchain

from .cohort import Cohort, Rendering
from .results import CLIENT, LOOP, PULUMI, UP, Measurement
from .stage import Case

SIZES = {LOOP: 30, CLIENT: 300, PULUMI: 30}
"""Bounded: a loop takes as long for each, and Pulumi's checkpoints grow with the square."""

LOOP_SCRIPT = 'for file in "$1"/*.yaml; do "$0" apply -f "$file" || exit 1; done'


@dataclass(frozen=True)
class Peer:
    """One of them, with a cohort of its own."""

    subject: str
    cohort: Cohort
    given: Rendering

    @classmethod
    def prepare(cls, subject: str, cohort: Cohort) -> Peer:
        """Write the cohort and what the peer is given.

        Raises:
            CaseError: If Practicum cannot render it.
        """
        cohort.write()
        return cls(subject, cohort, cohort.render())

    def run(self) -> Iterator[Measurement]:
        """Yield the cold up, and clear it away.

        Raises:
            CaseError: If it fails.
        """
        stage = self.cohort.stage
        case = Case(self.subject, UP, self.cohort.students, self.cohort.network)
        try:
            yield stage.measure(case, self._command(), more=self._environment())[0]
        finally:
            stage.run(self.cohort.raw("remove", self.given))

    def _command(self) -> list[str | Path]:
        kubeconfig = self.cohort.network.kubeconfig
        if self.subject == LOOP:
            folder = self.given.requests.with_suffix("")
            return ["/bin/sh", "-c", LOOP_SCRIPT, self.cohort.stage.kubectl, folder]
        module = {CLIENT: "bench.official", PULUMI: "bench.plain"}[self.subject]
        given: list[str | Path] = ["--kubeconfig", kubeconfig, self.given.requests]
        if self.subject == PULUMI:
            given += ["--state", self.cohort.folder / "pulumi"]
        return [sys.executable, "-m", module, *given]

    def _environment(self) -> dict[str, str]:
        folders = {str(self.cohort.stage.tools[name].path.parent) for name in toolchain.PULUMI}
        path = os.pathsep.join([*sorted(folders), os.environ.get("PATH", os.defpath)])
        return {"PATH": path, "KUBECONFIG": str(self.cohort.network.kubeconfig)}
