"""What one student has otherwise than the cohort: a later end, another quota."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from .. import quantity
from ..cohort import Cohort, Record, override
from ..errors import InputError, Problem
from ..manifest import ObjectKey
from ..settings import Settings
from . import backend
from .access import terms
from .access.desk import NOTHING
from .change import Changed, Confirm, Finished, Proposal, carry_out, known_in
from .overview import Overview
from .progress import Progress
from .reading import Reading

LONGEST = timedelta(days=366)
"""Past the usual end: what is longer is a slip in the year."""


def extend(
    settings: Settings,
    name: str,
    ids: Iterable[str],
    until: date | None,
    *,
    confirm: Confirm,
    progress: Progress,
) -> Changed | None:
    """Give students a last day of their own.

    A token's end cannot be moved, so a kubeconfig that is in somebody's hands ends when it
    would have; `rotate` gives one with the new end.

    Args:
        settings: Folders and state backend.
        name: The cohort.
        ids: Whom.
        until: The last day with access; the usual end again when None.
        confirm: Shown the plan.
        progress: Told what happens.

    Raises:
        InputError: If the day is over, is no later than the usual end, or is absurd.
        ClusterError: If the cluster cannot be used.
    """
    chosen = tuple(dict.fromkeys(ids))

    def propose(reading: Overview) -> Proposal:
        records = known_in(reading, chosen)
        if until:
            _refuse_day(reading.cohort, until)
        changed = {id: replace(record, until=until) for id, record in records.items()}
        return Proposal(
            event="extended",
            ids=tuple(records),
            students=reading.students,
            known={**reading.kept, **changed},
            finish=lambda then, ready: Finished(notes=tuple(_other_ends(settings, then, ready))),
        )

    return carry_out(settings, name, propose, confirm=confirm, progress=progress)


@dataclass(frozen=True, kw_only=True)
class Quotas:
    """Which quota students are to have, and which students."""

    ids: tuple[str, ...] = ()
    everybody: bool = False
    """Instead of naming them: all who are in the roster now."""

    pairs: tuple[str, ...] = ()
    """``KEY=QUANTITY`` each; the cohort's quota again when empty."""

    def of(self, cohort: Cohort, record: Record) -> Record:
        """Return a student's record with the quota.

        Raises:
            InputError: If a key is unknown, or an amount is none, absurd or too small.
        """
        quota = override.parse(cohort, record.quota, self.pairs) if self.pairs else ()
        return replace(record, quota=quota)


def resize(
    settings: Settings, name: str, quotas: Quotas, *, confirm: Confirm, progress: Progress
) -> Changed | None:
    """Give students a quota of their own.

    Args:
        settings: Folders and state backend.
        name: The cohort.
        quotas: Which, and whom.
        confirm: Shown the plan, and who uses more than they would have.
        progress: Told what happens.

    Raises:
        InputError: If a key is unknown, or an amount is none, absurd or too small.
        ClusterError: If the cluster cannot be used.
    """
    chosen = tuple(dict.fromkeys(quotas.ids))
    of_all = _of_all(name) if quotas.everybody and quotas.pairs else ()

    def propose(reading: Overview) -> Proposal:
        uses_more = backend.of(reading.cohort).uses_more
        records = known_in(reading, tuple(reading.students) if quotas.everybody else chosen)
        changed = {id: quotas.of(reading.cohort, record) for id, record in records.items()}
        return Proposal(
            event="resized",
            ids=tuple(records),
            students=reading.students,
            known={**reading.kept, **changed},
            notes=tuple(line for record in changed.values() for line in uses_more(reading, record)),
            finish=lambda *_: Finished(notes=of_all),
        )

    return carry_out(settings, name, propose, confirm=confirm, progress=progress)


def _refuse_day(cohort: Cohort, until: date) -> None:
    today, usual = datetime.now(UTC).date(), terms.last_day(cohort)
    if until < today:
        what, fix = "is over", f"today is {today}"
    elif until <= usual:
        what = "is no extension"
        fix = f"everybody has access until {usual}, which is the term's end and its grace"
    elif until > max(usual, today) + LONGEST:
        what, fix = "is more than a year past the usual end", "is the year right?"
    else:
        return
    raise InputError("The end cannot be set.", problems=[Problem(f"--until {until}", what, fix)])


def _other_ends(settings: Settings, reading: Overview, ids: Iterable[str]) -> Iterator[str]:
    """Name those whose present credential ends on another day than they do now."""
    found = backend.of(reading.cohort).standings(settings, reading)
    for id in ids:
        record = reading.records[id]
        current = found.get(record.name, NOTHING).current
        if current and current.expires.date() != terms.last_day(reading.cohort, record):
            yield (
                f"{id}: the kubeconfig that they have ends on {current.expires:%Y-%m-%d}; give one"
                f" with the new end: practicum rotate {reading.cohort.name} {id}"
            )


def uses_more(reading: Reading, record: Record) -> Iterator[str]:
    """Say what is in use above the ceiling that a student would have."""
    live = reading.found.owned.get(ObjectKey("ResourceQuota", record.namespace, "practicum"), {})
    used = (live.get("status") or {}).get("used") or {}
    hard = reading.cohort.environment.hard(override.quota_of(reading.cohort, record.quota))
    for key, most in hard.items():
        if key in used and quantity.parse(used[key]) > quantity.parse(most):
            yield (
                f"{record.id}: uses {used[key]} of {key} now, more than {most}: what runs goes on,"
                " and nothing is added until it is less"
            )


def _of_all(name: str) -> tuple[str, ...]:
    return (
        "Whoever joins later has what the cohort file says. To change that too, set"
        f" environment.quota there, and go back with: practicum resize {name} --all --reset",
    )
