"""End old credentials whose overlap is over; nothing in a cluster does it for us."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ... import credential
from ...errors import PracticumError
from ...settings import Settings
from ..reading import Reading

if TYPE_CHECKING:
    from ...credential import Standing
    from .audit import AuditLog


def sweep(reading: Reading, standings: Mapping[str, Standing], log: AuditLog) -> tuple[str, ...]:
    """Delete the old credentials whose overlap is over.

    Returns:
        The students whose old credential was ended, by id.

    Raises:
        ClusterError: If the cluster refuses.
    """
    now = datetime.now(UTC)
    swept = []
    for name, standing in sorted(standings.items()):
        for old in standing.overdue(now):
            credential.withdraw(reading.client, [old])
            swept.append(reading.id_of(name))
            log.note("swept", swept[-1], fingerprint=old.recipient, expires=old.expires)
    return tuple(swept)


def sweep_quietly(settings: Settings, reading: Reading, say: Callable[[str], None]) -> None:
    """End what is past its end on the way of a command that is about something else.

    Whoever may not do that, or has no place for the audit file, is told and goes on.
    """
    if not reading.is_up:
        return
    name = reading.cohort.name
    try:
        found = credential.standings(reading.client, name)
        now = datetime.now(UTC)
        if any(standing.overdue(now) for standing in found.values()):
            from . import audit  # nearly always there is none

            with audit.opened(settings, name, reading.whoami) as log:
                swept = sweep(reading, found, log)
            say(f"{len(swept)} old credential(s) were past their end, and were ended.")
    except PracticumError as error:
        say(f"Old credentials could not be looked at: {error.message}")
