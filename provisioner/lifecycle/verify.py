"""Verify a cohort: read it, clear what a killed verification left, and prove."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from .. import credential, verify
from ..errors import ClusterError
from ..settings import Settings
from ..verify import Proof
from . import claim, lock, removal
from .interrupt import stopping
from .named import refuse_not_in_roster
from .progress import Progress
from .reading import Reading, read


@dataclass(frozen=True, kw_only=True)
class Depth:
    """How closely to look."""

    student: str | None = None
    """The id of one student to ask about in full; three are chosen when None."""

    every: bool = False
    """Ask about all students in full."""

    live: bool = False
    """Start pods that look at the network, and want all shown that they can show."""

    image: str = ""
    """What those pods are made of; the cohort's choice when empty."""


def verify_cohort(settings: Settings, name: str, depth: Depth, *, progress: Progress) -> Proof:
    """Prove the isolation of a running cohort.

    Args:
        settings: Folders and state backend.
        name: The cohort.
        depth: How closely to look.
        progress: Told what happens.

    Raises:
        InputError: If the files are wrong, or the student is unknown.
        ClusterError: If the cluster cannot be used, or the cohort is not up.
        LockedError: If another run holds the cohort.
        Interrupted: If a signal came; what was made has been taken away.
    """
    with lock.held(settings.home, name, progress.say):
        reading = read(settings, name)
        refuse_not_in_roster(reading, [] if depth.student is None else [depth.student])
        _refuse_what_is_not_up(reading)
        with (
            # Else another operator's run would take the students that are made for leavers.
            claim.held(settings, reading, lost=lambda: None),
            stopping(lambda: None, progress.say),
        ):
            if _clear_leftovers(reading, progress):
                reading = read(settings, name)
            return verify.verify(_request(reading, depth), progress)


def _refuse_what_is_not_up(reading: Reading) -> None:
    why = "; ".join(reading.plan.guard.changes) or "nothing is there"
    if not reading.is_up:
        raise ClusterError(
            f"{reading.cohort.name} is not up: {why}.",
            hint=f"Run: practicum up {reading.cohort.name}",
        )


def _clear_leftovers(reading: Reading, progress: Progress) -> bool:
    left = [part for part in reading.plan.having("remove") if verify.is_scratch(part.name)]
    if not left:
        return False
    progress.say("An earlier verification was killed; taking away what it left.")
    stuck = removal.remove_surplus(reading.client, left, None)
    if stuck:
        raise ClusterError(
            "What an earlier verification left cannot be taken away:"
            f" {'; '.join(f'{name}: {why}' for name, why in stuck.items())}"
        )
    return True


def _request(reading: Reading, depth: Depth) -> verify.Request:
    standings = credential.standings(reading.client, reading.cohort.name)
    return verify.Request(
        cohort=reading.cohort,
        client=reading.client,
        plan=reading.plan,
        owned=reading.live.owned,
        uid=reading.found.uid,
        ends=tuple(
            (reading.id_of(who), _counted(reading, who, one.expires))
            for who, standing in standings.items()
            for one in standing.credentials
        ),
        latest=_latest(reading),
        student=depth.student,
        every=depth.every,
        live=depth.live,
        image=depth.image,
    )


def _counted(reading: Reading, name: str, expires: datetime) -> datetime:
    """Let nobody's end count as too late that is within the student's own."""
    own = {record.name: record.until for record in reading.records.values()}.get(name)
    return min(expires, _latest(reading)) if own and expires.date() <= own else expires


def _latest(reading: Reading) -> datetime:
    """Return the end of the term and its grace, be it past or not."""
    term = reading.cohort.term
    return datetime.combine(
        term.ends + timedelta(days=term.grace_days), time(23, 59, 59), tzinfo=UTC
    )
