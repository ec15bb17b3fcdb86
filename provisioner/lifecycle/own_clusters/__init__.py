"""A kind cluster a student: the other backend. See ``backend`` for what each method does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from ...cohort import Cohort, Record, Student
from ...settings import Settings
from ..progress import Progress
from .at_the_desk import Desk
from .looks import Looks

if TYPE_CHECKING:  # a command pays for no other's modules
    from ...credential import Standing
    from ..ahead import Asked
    from ..archives.archiving import Archived
    from ..archives.restoring import Opened, Restoring
    from ..backend import Again, Ending, Resetting, Resting, Whole
    from ..capacity import Capacity
    from ..checks.finding import Finding
    from ..leaving import Leaving
    from ..receipt import Receipt
    from ..status import Status
    from ..up_result import UpResult
    from .reading import ClustersReading


class OwnClusters(Desk):
    """Hands each question to the module that answers it."""

    def read(
        self,
        _settings: Settings,
        cohort: Cohort,
        _asked: Asked | None = None,
        *,
        needs_students: bool = True,
    ) -> ClustersReading:
        """Read the files and the engines."""
        from . import reading

        return reading.read(cohort, needs_students=needs_students)

    def again(
        self,
        reading: ClustersReading,
        students: Mapping[str, Student],
        known: Mapping[str, Record],
    ) -> ClustersReading:
        """Compare with another roster."""
        from . import reading as readings

        return readings.again(reading, students, known)

    def follow(self, _settings: Settings, _cohort: Cohort) -> Looks:
        """Look again every few seconds."""
        return Looks()

    def sweep(
        self, settings: Settings, reading: ClustersReading, say: Callable[[str], None]
    ) -> None:
        """End nothing: what is handed out ends with its certificate, or with the cluster."""

    def unsettled(self, settings: Settings, reading: ClustersReading) -> bool:
        """Look into the journal for stacks that a killed run began."""
        from . import up

        return bool(up.half_done(settings, reading))

    def going(self, reading: ClustersReading) -> list[str]:
        """Return the clusters that a plan would delete."""
        from . import up

        return up.going(reading)

    def all_of(self, reading: ClustersReading) -> Whole:
        """Return the cohort's clusters."""
        from ..backend import Whole
        from . import down

        names = down.everybody(reading)
        there = [found.name for name in names for _, found in reading.places(name)]
        return Whole(names=tuple(there), students=len(names), anything=bool(names))

    def refuse_without_key(self, reading: ClustersReading, leaving: Leaving) -> None:
        """Stop where work could not be encrypted."""
        from . import keeping, up

        if leaving.archive and (names := up.going(reading)):
            keeping.refuse_without_key(reading, names)

    def bring_up(
        self,
        settings: Settings,
        reading: ClustersReading,
        held: int,
        progress: Progress,
        leaving: Leaving,
    ) -> UpResult:
        """Delete, make, stop and start clusters."""
        from . import up

        return up.bring_up(settings, reading, held, progress, leaving)

    def standings(self, settings: Settings, reading: ClustersReading) -> Mapping[str, Standing]:
        """Read what was noted of the hand-outs."""
        from . import access

        return access.standings(settings, reading)

    def uses_more(self, reading: ClustersReading, _record: Record) -> Iterable[str]:
        """Refuse: a cluster of one's own has no quota.

        Raises:
            InputError: Always.
        """
        from ..backend import refused

        raise refused(
            f"The students of {reading.cohort.name} have a cluster each, which has no quota.",
            "Its size is that of its nodes: set kind.workers in cohort.yaml before they are made.",
        )

    def status(
        self, settings: Settings, reading: ClustersReading, _say: Callable[[str], None]
    ) -> Status:
        """Say how the clusters are."""
        from . import status

        return status.status(settings, reading)

    def take_down(
        self,
        settings: Settings,
        reading: ClustersReading,
        held: int,
        progress: Progress,
        ending: Ending,
    ) -> Receipt:
        """Delete the clusters, and search the engines."""
        from . import down

        return down.take_down(settings, reading, held, progress, ending)

    def reset(self, reading: ClustersReading, again: Again) -> Resetting:
        """Say how one student's cluster is deleted and made anew."""
        from . import reset

        return reset.reset(reading, again)

    def archive(
        self, settings: Settings, reading: ClustersReading, ids: Iterable[str], progress: Progress
    ) -> Archived:
        """Archive what is in clusters."""
        from . import keeping

        return keeping.archive(settings, reading, ids, progress)

    def rest(self, _reading: ClustersReading, _ids: tuple[str, ...], *, keep_pods: bool) -> Resting:
        """Stop the nodes, as the records then say; what is in them stays."""
        from ..backend import Resting, refused
        from ..change import Finished

        if keep_pods:
            raise refused(
                "No pod can go on running in a cluster that is stopped.",
                "Leave --keep-pods out.",
            )
        return Resting(notes=(), finish=lambda *_: Finished())

    def wake(self, _reading: ClustersReading, _ids: tuple[str, ...]) -> Resting:
        """Start the nodes, as the records then say."""
        from ..backend import Resting
        from ..change import Finished

        return Resting(notes=(), finish=lambda *_: Finished())

    def restoring(self, _settings: Settings, cohort: Cohort, id: str, opened: Opened) -> Restoring:
        """Get ready to restore into a cluster."""
        from . import reading as readings
        from . import restoring

        return restoring.prepare(readings.read(cohort), id, opened)

    def capacity(self, _settings: Settings, cohort: Cohort, at_once: int | None) -> Capacity:
        """Compare what clusters take with what the engines' machines have."""
        from . import reading as readings
        from . import room

        return room.capacity(readings.read(cohort), at_once)

    def seconds_for(self, count: int) -> float:
        """Say how long some clusters take: half a minute each, as many at a time as cores."""
        import os

        return 60 + 30 * -(-count // (os.cpu_count() or 1))

    def check(
        self, settings: Settings, cohort: Cohort, students: list[Student], _id_token: str
    ) -> Iterator[Finding]:
        """Look at the engines."""
        from . import preflight

        return preflight.check(settings, cohort, students)
