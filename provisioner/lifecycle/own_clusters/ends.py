"""When the certificates of clusters' admins end, and whose do so too early.

kubeadm makes them for a year, whatever the term. The API server's own ends with them, so a
cluster that is to go on for longer has to be made anew.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from ...cohort import Cohort, Record
from ...cohort import records as record_file
from ...settings import Settings
from ..access import terms
from ..checks.finding import Finding
from . import access

SOON = timedelta(days=30)


def too_early(
    cohort: Cohort, records: Iterable[Record], ends: Mapping[str, datetime], now: datetime
) -> dict[str, datetime]:
    """Return whose certificate ends before their last day with access, or soon, by id.

    Args:
        cohort: The cohort file.
        records: The students.
        ends: When each one's ends, by the student's name.
        now: What time it is.
    """
    return {
        record.id: end
        for record in records
        if (end := ends.get(record.name, access.LATEST)).date() <= terms.last_day(cohort, record)
        or end <= now + SOON
    }


def noted(
    settings: Settings, cohort: Cohort, records: Iterable[Record], now: datetime
) -> dict[str, datetime]:
    """Return the same of all that was handed out; no cluster is asked."""
    if access.is_scoped(cohort):
        return {}  # a token ends with the term
    records = [one for one in records if not one.dropped]
    standings = access.noted(settings, cohort, records)
    ends = {name: one.current.expires for name, one in standings.items() if one.current}
    return too_early(cohort, records, ends, now)


def findings(settings: Settings, cohort: Cohort) -> Iterator[Finding]:
    """Yield whose access ends too early, for `doctor`; nothing where nobody's does."""
    records = record_file.load(cohort.records_file).values()
    if found := noted(settings, cohort, records, datetime.now(UTC)):
        first, *others = sorted(found)
        more = ", and so for the others" if others else ""
        whose = ", ".join(f"{id} ({end:%Y-%m-%d})" for id, end in sorted(found.items()))
        yield Finding(
            about="certificates",
            verdict="warning",
            found=f"kubeconfigs that end before the term does, or within {SOON.days} days: {whose}",
            fix="make these clusters anew, work is archived: practicum reset"
            f" {cohort.name} {shlex.quote(first)}{more}",
        )
