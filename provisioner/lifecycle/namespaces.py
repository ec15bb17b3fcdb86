"""A namespace a student, on one cluster: the backend that the modules around are about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from .. import cluster
from ..cohort import Cohort, Record, Student
from ..settings import Settings
from . import reading as readings
from . import target
from .progress import Progress
from .reading import Reading

if TYPE_CHECKING:  # a command pays for no other's modules
    from ..credential import Standing
    from .access.giving import HandoutResult
    from .access.handout import Wishes
    from .access.revoke import RevokeResult
    from .ahead import Asked
    from .archives.archiving import Archived
    from .archives.restoring import Opened, Restoring
    from .backend import Again, Ending, Ids, Resetting, Resting, Whole
    from .capacity import Capacity
    from .checks.finding import Finding
    from .leaving import Leaving
    from .receipt import Receipt
    from .status import Status
    from .up_result import UpResult


class Namespaces:
    """Hands each question to the module that answers it."""

    def read(
        self,
        settings: Settings,
        cohort: Cohort,
        asked: Asked | None = None,
        *,
        needs_students: bool = True,
    ) -> Reading:
        """Read the files and the cluster."""
        return readings.of_cohort(settings, cohort, asked, needs_students=needs_students)

    def again(
        self, reading: Reading, students: Mapping[str, Student], known: Mapping[str, Record]
    ) -> Reading:
        """Compare with another roster."""
        return readings.again(reading, students, known)

    def follow(self, settings: Settings, cohort: Cohort) -> Watches:
        """Watch every kind of object."""
        return Watches(settings, cohort)

    def sweep(self, settings: Settings, reading: Reading, say: Callable[[str], None]) -> None:
        """End old tokens whose overlap is over."""
        from .access import sweeping

        sweeping.sweep_quietly(settings, reading, say)

    def unsettled(self, settings: Settings, reading: Reading) -> bool:
        """Look into the journal for stacks that a killed run began."""
        from .stacks import settling

        return bool(settling.half_done(settings, reading))

    def going(self, reading: Reading) -> list[str]:
        """Return the namespaces that a plan would delete."""
        from . import waves

        return [live["metadata"]["name"] for live in waves.leaving_namespaces(reading)]

    def all_of(self, reading: Reading) -> Whole:
        """Return the cohort's namespaces."""
        from .archives import archiving
        from .backend import Whole

        own = (live["metadata"]["name"] for live in reading.found.own_namespaces)
        return Whole(
            names=tuple(own),
            students=len(archiving.student_namespaces(reading)),
            anything=bool(reading.found.owned),
            where=reading.found.uid,
        )

    def refuse_without_key(self, reading: Reading, leaving: Leaving) -> None:
        """Stop where work could not be encrypted."""
        from . import waves

        waves.refuse_without_course_key(reading, leaving)

    def bring_up(
        self,
        settings: Settings,
        reading: Reading,
        held: int,
        progress: Progress,
        leaving: Leaving,
    ) -> UpResult:
        """Bring up the guard, then the waves that differ."""
        from . import waves

        return waves.bring_up(settings, reading, held, progress, leaving)

    def standings(self, _settings: Settings, reading: Reading) -> Mapping[str, Standing]:
        """Read what stands on the cluster of the students' tokens."""
        from .. import credential

        return credential.standings(reading.client, reading.cohort.name)

    def uses_more(self, reading: Reading, record: Record) -> Iterable[str]:
        """Hold what is in use against a quota."""
        from . import allowance

        return allowance.uses_more(reading, record)

    def status(self, settings: Settings, reading: Reading, say: Callable[[str], None]) -> Status:
        """Read the students' tokens as well."""
        from . import status

        return status.of_namespaces(settings, reading, say)

    def take_down(
        self, settings: Settings, reading: Reading, held: int, progress: Progress, ending: Ending
    ) -> Receipt:
        """Delete namespaces and what lies outside of them, and search every type."""
        from . import down

        return down.of_namespaces(settings, reading, held, progress, ending)

    def reset(self, reading: Reading, again: Again) -> Resetting:
        """Refuse: a namespace is emptied by whom it belongs to.

        Raises:
            InputError: Always.
        """
        from .backend import refused

        name = reading.cohort.name
        raise refused(
            f"A namespace of {name} is not reset: what is in it can be deleted one by one.",
            f"For a new one: practicum drop {name} {again.id}, then practicum add {name} {again.id}",
        )

    def archive(
        self, settings: Settings, reading: Reading, ids: Iterable[str], progress: Progress
    ) -> Archived:
        """Archive what lies in namespaces."""
        from .archives import archiving

        return archiving.of_namespaces(settings, reading, ids, progress)

    def rest(self, reading: Reading, ids: tuple[str, ...], *, keep_pods: bool) -> Resting:
        """Scale down what runs."""
        from . import suspension

        return suspension.at_rest(reading, ids, keep_pods=keep_pods)

    def wake(self, reading: Reading, _ids: tuple[str, ...]) -> Resting:
        """Scale up what was scaled down."""
        from . import suspension

        return suspension.awake(reading)

    def handout(
        self, settings: Settings, name: str, ids: Ids, *, progress: Progress, wishes: Wishes
    ) -> HandoutResult:
        """Mint tokens."""
        from .access import handout

        return handout.of_namespaces(settings, name, ids, progress=progress, wishes=wishes)

    def rotate(
        self, settings: Settings, name: str, ids: Ids, *, progress: Progress, overlap: timedelta
    ) -> HandoutResult:
        """Mint new tokens."""
        from .access import handout

        return handout.rotate_namespaces(settings, name, ids, progress=progress, overlap=overlap)

    def sweep_access(self, settings: Settings, name: str) -> tuple[str, ...]:
        """End old tokens."""
        from .access import handout

        return handout.sweep_namespaces(settings, name)

    def revoke(
        self, settings: Settings, name: str, ids: Ids, *, progress: Progress
    ) -> RevokeResult:
        """Kill tokens."""
        from .access import revoke

        return revoke.of_namespaces(settings, name, ids, progress=progress)

    def reinstate(
        self, settings: Settings, name: str, ids: Ids, *, progress: Progress, replace_key: bool
    ) -> HandoutResult:
        """Mint tokens for those who had been revoked."""
        from .access import reinstatement

        return reinstatement.of_namespaces(
            settings, name, ids, progress=progress, replace_key=replace_key
        )

    def restoring(self, settings: Settings, cohort: Cohort, id: str, opened: Opened) -> Restoring:
        """Get ready to restore into a namespace."""
        from .archives import namespace as restoring_namespace

        return restoring_namespace.prepare(settings, cohort, id, opened)

    def capacity(self, settings: Settings, cohort: Cohort, at_once: int | None) -> Capacity:
        """Compare quotas with what the nodes have."""
        from . import capacity

        return capacity.of_namespaces(settings, cohort, at_once)

    def seconds_for(self, count: int) -> float:
        """Say how long some namespaces take: ten a second or so, where all goes well."""
        return 30 + 0.5 * count

    def check(
        self, settings: Settings, cohort: Cohort, students: list[Student], id_token: str
    ) -> Iterator[Finding]:
        """Look at the cluster."""
        from .checks import doctor

        return doctor.of_namespaces(settings, cohort, students, id_token)


class Watches:
    """The watches on a cohort's objects."""

    def __init__(self, settings: Settings, cohort: Cohort) -> None:
        self._follower = cluster.Follower(
            lambda: target.connect(cohort, settings.home)[1],
            cohort.name,
            volumes=bool(cohort.environment.shared_volumes),
        )

    def begin(self, reading: Reading) -> None:
        """Pass over what the reading knows already."""
        self._follower.start(reading.found.owned)

    def wait(self, seconds: float | None) -> bool:
        """Wait for a change.

        Raises:
            ClusterError: If the cluster lets us list, but not watch.
        """
        return self._follower.wait(seconds)
