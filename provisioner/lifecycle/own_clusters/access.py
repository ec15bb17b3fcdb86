"""The way into a student's own cluster, and what students were given of access.

The admin's kubeconfig is asked of the cluster each time and lies on no disk. It comes from
where the student is root: the address in it is not believed, and nothing else than what a
kubeconfig has to hold is taken from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from ... import cluster, credential
from ...cohort import Cohort, Record
from ...credential import Credential, Standing
from ...errors import ClusterError, PracticumError
from ...settings import Settings
from ..access import on_disk
from .engines import is_loopback
from .reading import ClustersReading

LATEST = datetime.max.replace(tzinfo=UTC)

AT_ONCE = 8
"""Clusters that are asked at the same time."""


@contextmanager
def answers() -> Iterator[None]:
    """Take what a cluster answers for what its student wants it to be: it stops no other's.

    Raises:
        ClusterError: In place of whatever an answer of another form than Kubernetes' leads to.
    """
    try:
        yield
    except cluster.ApiError as error:
        raise ClusterError(f"its cluster refuses: {error.message}") from None
    except (LookupError, TypeError, AttributeError, ValueError, RecursionError) as error:
        why = f"its cluster gave an answer that is none ({type(error).__name__})"
        raise ClusterError(why) from error


def of(reading: ClustersReading, name: str) -> cluster.Access:
    """Return the access of a cluster's admin.

    Args:
        reading: The cohort.
        name: The student's name.

    Raises:
        ClusterError: If there is no such cluster, it does not run, or nobody but its own host
            reaches it.
        ToolError: If the engine does not give it.
    """
    found, site = reading.cluster(name), reading.site(name)
    if site.name in reading.sight.silent:
        raise ClusterError(reading.sight.silent[site.name])
    if found is None or not found.complete:
        raise ClusterError("has no cluster yet", hint=f"Run: practicum up {reading.cohort.name}")
    if not found.running:
        raise ClusterError("is suspended, so the cluster does not answer")
    if site.spec.ssh and is_loopback(site):
        raise ClusterError(
            f"the cluster is reached from {site} alone: it listens on its loopback",
            hint="Set kind.address, or `address` of that engine, in cohort.yaml.",
        )
    content = site.clusters(lambda _: None).kubeconfig(found.name)
    access = cluster.parse_kubeconfig(content, f"The kubeconfig of {found.name}")
    return replace(access, server=site.reach(found))


def client_of(reading: ClustersReading, name: str) -> cluster.Client:
    """Open a student's cluster as its admin.

    Raises:
        ClusterError: As ``of`` does.
        ToolError: If the engine does not answer.
    """
    return cluster.Client(of(reading, name))


def standings(settings: Settings, reading: ClustersReading) -> Mapping[str, Standing]:
    """Return the access that students have, by the student's name.

    A cluster's admin could change whatever their own cluster said of it. So it is read from
    the notes on this machine, and where access is scoped, from each cluster that runs.
    """
    found = noted(settings, reading.cohort, reading.records.values())
    return {**found, **_told(reading)} if is_scoped(reading.cohort) else found


def noted(settings: Settings, cohort: Cohort, records: Iterable[Record]) -> dict[str, Standing]:
    """Return the access that was noted on this machine, by the student's name."""
    folder = on_disk.folder_of(settings, cohort.name)
    return {one.name: standing for one in records if (standing := _noted(folder, one))}


def is_scoped(cohort: Cohort) -> bool:
    """Say whether students get a namespace of their cluster, and not all of it."""
    return cohort.kind is not None and cohort.kind.access == "namespace"


def _noted(folder: Path, record: Record) -> Standing | None:
    path = on_disk.file_of(folder, record)
    note = on_disk.note(path)
    if note is None or not path.exists():
        return None
    expires = datetime.fromisoformat(note.expires) if note.expires else LATEST
    given = Credential(
        student=record.name,
        issued=datetime.fromtimestamp(path.stat().st_mtime, UTC),
        expires=expires,
        recipient=note.recipient,
        secret={"metadata": {"name": note.credential}},
    )
    return Standing(credentials=(given,))


def _told(reading: ClustersReading) -> dict[str, Standing]:
    """Ask every cluster that runs; who does not answer is left out."""
    running = [
        name for name in reading.berths if (found := reading.cluster(name)) and found.running
    ]
    if not running:
        return {}

    def one(name: str) -> Standing | None:
        try:
            with answers():
                found = credential.standings(client_of(reading, name), reading.cohort.name)
        except PracticumError:
            return None
        return found.get(name, Standing())

    with ThreadPoolExecutor(AT_ONCE) as threads:
        told = zip(running, threads.map(one, running), strict=True)
        return {name: standing for name, standing in told if standing}
