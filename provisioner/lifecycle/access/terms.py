"""Until when students have access, and at which address."""

from __future__ import annotations

import shlex
from datetime import UTC, date, datetime, time, timedelta

from ... import credential
from ...cohort import ClusterAccess, Cohort, Record
from ...credential import Address
from ...errors import InputError
from ..reading import Reading


def last_day(cohort: Cohort, record: Record | None = None) -> date:
    """Return the last day with access: of the grace, or the student's own where it is later."""
    usual = cohort.term.ends + timedelta(days=cohort.term.grace_days)
    return max(usual, record.until) if record and record.until else usual


def expiry(cohort: Cohort, record: Record | None = None) -> datetime:
    """Return when credentials end: with the last day, of everybody or of one student.

    Raises:
        InputError: If that is over, or too near for a token.
    """
    last = last_day(cohort, record)
    ends = datetime.combine(last, time(23, 59, 59), tzinfo=UTC)
    if (ends - datetime.now(UTC)).total_seconds() < credential.SHORTEST:
        who = shlex.quote(record.id) if record else "STUDENT"
        raise InputError(
            f"The term of {cohort.name} is over: its grace ended on {last}.",
            hint="Set term.ends in cohort.yaml, or take the cohort down; for single students,"
            f" run: practicum extend {cohort.name} {who} --until DATE",
        )
    return ends


def address_of(reading: Reading) -> Address:
    """Return where students reach the cluster: as the cohort says, else as we do.

    Raises:
        InputError: If the authority's file cannot be read.
    """
    chosen = reading.cohort.cluster
    access = reading.client.access
    if not isinstance(chosen, ClusterAccess):
        return Address(server=access.server, ca=access.ca)
    ca = access.ca
    if chosen.student_ca:
        try:
            ca = chosen.student_ca.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise InputError(f"cluster.student_ca: {chosen.student_ca} cannot be read.") from None
    return Address(server=chosen.student_server or access.server, ca=ca)
