"""The two ways to give students environments, and the one place that asks which it is.

A command reads a cohort with ``read``, and hands what it got to the backend of that cohort.
Both give the same results, so that no report has to know. What a backend cannot do it
refuses in one line that says what to do instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from .. import cohort as cohorts
from ..cohort import Cohort, Record, Student
from ..errors import InputError
from ..settings import Settings
from .overview import Overview
from .progress import Progress

if TYPE_CHECKING:  # a command pays for no other's modules
    from ..credential import Standing
    from .access.giving import HandoutResult
    from .access.handout import Wishes
    from .access.revoke import RevokeResult
    from .ahead import Asked
    from .archives.archiving import Archived
    from .archives.restoring import Opened, Restoring
    from .capacity import Capacity
    from .change import Finished
    from .checks.finding import Finding
    from .leaving import Leaving
    from .receipt import Receipt
    from .status import Status
    from .up_result import UpResult


Ids = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Resting:
    """How students' environments are brought to rest, or woken."""

    notes: tuple[str, ...]
    """What a person should know before they agree."""

    finish: Callable[[Any, list[str]], Finished]
    """Does what comes after the environments were changed, for those who are ready."""


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a cohort is to be taken down."""

    archive: bool = True
    patience: float
    """Seconds that what is being deleted gets to go."""

    force: tuple[str, ...] = ()
    """Students, by id, whose environment is let go of by force when it is stuck and empty."""

    first: Callable[[], None] = lambda: None
    """Done once the cohort is held, before anything else of it goes."""


@dataclass(frozen=True, kw_only=True)
class Again:
    """Whose environment is to be made anew, and how."""

    id: str
    archive: bool = True


@dataclass(frozen=True, kw_only=True)
class Resetting:
    """How a student's environment is made anew."""

    reading: Overview
    """With the plan of this."""

    notes: tuple[str, ...]
    """What a person should know before they agree."""

    finish: Callable[[Settings, int, Progress], UpResult]
    """Does it; given the lock that the caller holds."""


@dataclass(frozen=True, kw_only=True)
class Whole:
    """All that a cohort has and that would be deleted."""

    names: tuple[str, ...]
    students: int
    """How many of these hold students' work."""

    anything: bool
    """Whether anything is left at all, were it in no environment."""

    where: str = ""
    """What tells the cluster from another behind the same name."""


class Following(Protocol):
    """Waits until something of a cohort may have changed."""

    def begin(self, reading: Any) -> None:  # noqa: ANN401
        """Begin at what was read."""

    def wait(self, seconds: float | None) -> bool:
        """Wait for a change, so many seconds at most; False when none came."""


class Backend(Protocol):
    """What a command asks of a cohort's environments.

    A reading is that of the backend itself, as its ``read`` returned it.
    """

    def read(
        self,
        settings: Settings,
        cohort: Cohort,
        asked: Asked | None = None,
        /,
        *,
        needs_students: bool = True,
    ) -> Overview:
        """Read what is wanted and what runs, and compare the two. Changes nothing."""

    def again(
        self, reading: Any, students: Mapping[str, Student], known: Mapping[str, Record]  # noqa: ANN401
    ) -> Overview:  # fmt: skip
        """Compare what was read with another roster and other records."""

    def follow(self, settings: Settings, cohort: Cohort) -> Following:
        """Follow a cohort from now on: what changes between this and a reading is not missed."""

    def sweep(self, settings: Settings, reading: Any, say: Callable[[str], None]) -> None:  # noqa: ANN401
        """End what access is past its end; failing at it stops nothing."""

    def unsettled(self, settings: Settings, reading: Any) -> bool:  # noqa: ANN401
        """Say whether a killed run left something half done that no difference shows."""

    def going(self, reading: Any) -> list[str]:  # noqa: ANN401
        """Return the environments that a plan would delete, with all that is in them."""

    def all_of(self, reading: Any) -> Whole:  # noqa: ANN401
        """Return all that `down` would delete."""

    def refuse_without_key(self, reading: Any, leaving: Leaving) -> None:  # noqa: ANN401
        """Stop where somebody leaves whose work could not be archived."""

    def bring_up(
        self, settings: Settings, reading: Any, held: int, progress: Progress, leaving: Leaving  # noqa: ANN401
    ) -> UpResult:  # fmt: skip
        """Make what a reading says; the caller holds the lock and has had it confirmed."""

    def standings(self, settings: Settings, reading: Any, /) -> Mapping[str, Standing]:  # noqa: ANN401
        """Return the access that students have, by the student's name."""

    def uses_more(self, reading: Any, record: Record) -> Iterable[str]:  # noqa: ANN401
        """Say what a student uses above the quota that a record would give."""

    def status(self, settings: Settings, reading: Any, say: Callable[[str], None]) -> Status:  # noqa: ANN401
        """Say how every student's environment and access is."""

    def take_down(
        self, settings: Settings, reading: Any, held: int, progress: Progress, ending: Ending  # noqa: ANN401
    ) -> Receipt:  # fmt: skip
        """Archive, delete and search for what is left; the caller keeps the receipt."""

    def reset(self, reading: Any, again: Again, /) -> Resetting:  # noqa: ANN401
        """Say how one student's environment is deleted and made anew. Changes nothing."""

    def archive(
        self, settings: Settings, reading: Any, ids: Iterable[str], progress: Progress  # noqa: ANN401
    ) -> Archived:  # fmt: skip
        """Archive students, and delete nothing."""

    def rest(self, reading: Any, ids: tuple[str, ...], *, keep_pods: bool) -> Resting:  # noqa: ANN401
        """Say how students' environments come to rest."""

    def wake(self, reading: Any, ids: tuple[str, ...], /) -> Resting:  # noqa: ANN401
        """Say how they are woken."""

    def handout(
        self, settings: Settings, name: str, ids: Ids, *, progress: Progress, wishes: Wishes
    ) -> HandoutResult:
        """Give everybody a kubeconfig of their own."""

    def rotate(
        self, settings: Settings, name: str, ids: Ids, *, progress: Progress, overlap: timedelta
    ) -> HandoutResult:
        """Give new credentials in place of old ones."""

    def sweep_access(self, settings: Settings, name: str) -> tuple[str, ...]:
        """End old credentials whose overlap is over; returns whose, by id."""

    def revoke(
        self, settings: Settings, name: str, ids: Ids, *, progress: Progress
    ) -> RevokeResult:
        """Take access back at once."""

    def reinstate(
        self, settings: Settings, name: str, ids: Ids, *, progress: Progress, replace_key: bool
    ) -> HandoutResult:
        """Undo revocations."""

    def restoring(self, settings: Settings, cohort: Cohort, id: str, opened: Opened) -> Restoring:
        """Get ready to bring an archive back; the caller holds the lock."""

    def capacity(self, settings: Settings, cohort: Cohort, at_once: int | None) -> Capacity:
        """Say whether the class fits. Changes nothing."""

    def seconds_for(self, count: int) -> float:
        """Say how long it may take to make some environments, rather too much than too little."""

    def check(
        self, settings: Settings, cohort: Cohort, students: list[Student], id_token: str
    ) -> Iterator[Finding]:
        """Yield what was found wrong, or right, with what holds the environments."""


def of(cohort: Cohort) -> Backend:
    """Return the backend of a cohort."""
    if cohort.kind:
        from .own_clusters import OwnClusters

        return OwnClusters()
    from .namespaces import Namespaces

    return Namespaces()


def of_name(settings: Settings, name: str) -> Backend:
    """Return the backend of a cohort, by its name.

    Raises:
        InputError: If its file has mistakes.
    """
    return of(cohorts.load(settings.stacks, name))


def read(
    settings: Settings, name: str, asked: Asked | None = None, *, needs_students: bool = True
) -> Overview:
    """Read a cohort's files and what runs of it, and compare the two. Changes nothing.

    Args:
        settings: Folders and state backend.
        name: The cohort.
        asked: What its cluster was asked beforehand.
        needs_students: Whether somebody must be in the roster. To end a course, or to tell of
            it, nobody needs to be: a roster that is empty or gone keeps nothing from going.

    Raises:
        InputError: If the cohort's files are wrong.
        ClusterError: If the cluster cannot be read, or is not the cohort's.
        MissingToolError: If no container engine answers.
    """
    cohort = cohorts.load(settings.stacks, name)
    return of(cohort).read(settings, cohort, asked, needs_students=needs_students)


def going(reading: Overview) -> list[str]:
    """Return the environments that a plan would delete, with all that is in them."""
    return of(reading.cohort).going(reading)


def all_of(reading: Overview) -> Whole:
    """Return all that `down` would delete."""
    return of(reading.cohort).all_of(reading)


def refused(what: str, instead: str) -> InputError:
    """Return the error for what a backend cannot do."""
    return InputError(what, hint=instead)
