"""Have a cluster run for a while, and leave it as its student's record wants it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from ...cohort import clusters as berths
from ...kind.looking import look
from .reading import ClustersReading


@contextmanager
def awake(reading: ClustersReading, name: str) -> Iterator[ClustersReading]:
    """Have a cluster run; one that was suspended, or is to be, is so afterwards.

    One of which only some nodes were stopped is left as its student's record wants it.

    Raises:
        ToolError: If it cannot be started, or stopped.
    """
    found = reading.cluster(name)
    if found is None or found.running or found.first is None:
        yield reading
        return
    clusters = reading.site(name).clusters(lambda _: None)
    wanted = found.as_wanted()
    try:
        clusters.set_running(replace(wanted, running=True))
        yield _seen_again(reading, name)
    finally:
        if found.runs is False or _is_to_rest(reading, name):
            clusters.set_running(replace(wanted, running=False))


def _is_to_rest(reading: ClustersReading, name: str) -> bool:
    return any(record.suspended for record in reading.records.values() if record.name == name)


def _seen_again(reading: ClustersReading, name: str) -> ClustersReading:
    """Return a reading with a cluster as it is now."""
    berth: berths.Berth = reading.berths[name]
    now = look(reading.site(name).engine, berth.cluster)
    of_engine = {**reading.sight.found[berth.engine], berth.cluster: now}
    found = {**reading.sight.found, berth.engine: of_engine}
    return replace(reading, sight=replace(reading.sight, found=found))
