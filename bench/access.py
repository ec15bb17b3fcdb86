"""What access costs: hand-outs, rotations, a verification, and how fast a token dies."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyrage
import yaml

from provisioner import cluster
from provisioner.cluster import NotKnownError

from .cohort import FIRST, Cohort
from .results import HANDOUT, PRACTICUM, ROTATE, VERIFY, Measurement, Revocation
from .stage import Case, CaseError

TRIALS = 20
EVERY = 0.1
"""Seconds between two uses of a token: the server keeps it in mind, as with a busy student."""

PATIENCE = 60.0


@dataclass(frozen=True)
class Access:
    """A cohort whose students get access; it is up while the block lasts."""

    cohort: Cohort

    def run(self, *, hand_out: bool) -> Iterator[Measurement | Revocation]:
        """Bring the cohort up, measure what is done with its access, and take it down.

        Args:
            hand_out: Also hand out, rotate and revoke; a verification alone else.

        Raises:
            CaseError: If a command does not do what it is to do.
        """
        self.cohort.write()
        identities = self.cohort.give_keys()
        name = self.cohort.name
        self._practicum("up", name, "--yes")
        try:
            if hand_out:
                yield self._measure(HANDOUT, "handout", name, "--json")
                yield self._measure(ROTATE, "rotate", name, "--json")
            yield self._measure(VERIFY, "verify", name, "--json")
            if hand_out:
                yield from self._revocations(identities)
        finally:
            self._practicum("down", name, "--yes", name, "--no-archive")

    def _practicum(self, *arguments: str) -> str:
        return self.cohort.stage.run(self.cohort.practicum(*arguments)).stdout

    def _measure(self, case: str, *arguments: str) -> Measurement:
        measured = Case(PRACTICUM, case, self.cohort.students, self.cohort.network)
        return self.cohort.stage.measure(measured, self.cohort.practicum(*arguments))[0]

    def _revocations(self, identities: dict[str, pyrage.x25519.Identity]) -> Iterator[Revocation]:
        """Revoke some students one after another, while each uses the token all the time."""
        ids = [str(FIRST + number) for number in range(min(TRIALS, self.cohort.students))]
        students = [_Student(self._kubeconfig(id, identities[id])) for id in ids]
        for student in students:
            student.start()
        for id, student in zip(ids, students, strict=True):
            student.refuse_unless_alive()
            student.asked = time.monotonic()
            self._practicum("revoke", self.cohort.name, id)
        for student in students:
            yield Revocation(seconds=student.wait(), unit=self.cohort.stage.unit)

    def _kubeconfig(self, id: str, identity: pyrage.x25519.Identity) -> Path:
        home = self.cohort.stage.control_plane.home
        sealed = home / "handout" / self.cohort.name / f"{id}.kubeconfig.age"
        path = self.cohort.folder / f"{id}.kubeconfig"
        path.touch(mode=0o600)
        path.write_bytes(pyrage.decrypt(sealed.read_bytes(), [identity]))
        return path


class _Student(threading.Thread):
    """Uses a token until the server no longer accepts it."""

    def __init__(self, kubeconfig: Path) -> None:
        super().__init__(daemon=True)
        context = yaml.safe_load(kubeconfig.read_bytes())["current-context"]
        self._client = cluster.Client(cluster.load(kubeconfig, context))
        self.asked = 0.0
        """When its end was asked for: the moment before the command."""

        self.ended = 0.0

    def run(self) -> None:
        """Ask for nothing in particular, again and again."""
        deadline = time.monotonic() + PATIENCE + TRIALS
        while time.monotonic() < deadline:
            try:
                self._client.request("GET", "/version")
            except NotKnownError:
                self.ended = time.monotonic()
                return
            time.sleep(EVERY)

    def refuse_unless_alive(self) -> None:
        """Stop where the token is dead already: its end would be nobody's doing.

        Raises:
            CaseError: If it is.
        """
        if self.ended:
            raise CaseError("a token was dead before it was revoked")

    def wait(self) -> float:
        """Return the seconds from the command to the first refusal.

        Raises:
            CaseError: If the token is still accepted.
        """
        self.join(PATIENCE)
        if not self.ended:
            raise CaseError(f"a revoked token was accepted for {PATIENCE:g} s")
        return round(self.ended - self.asked, 2)
