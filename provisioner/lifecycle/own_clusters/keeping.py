"""Keep what is in clusters: every object of the student's, and what volumes hold.

A cluster that is suspended is started for it, and stopped again. Whose work cannot be kept,
keeps the cluster.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from ... import cluster
from ...archive import Content
from ...errors import ClusterError, InputError, PracticumError
from ...kind import volumes
from ...kind.found import Found
from ...manifest import Manifest
from ...settings import Settings
from ..archives.archiving import with_what_can_be_read
from ..archives.bounded import WHATEVER_IT_SAYS, Bounded, Claim
from ..archives.kept import Archive, Archived
from ..archives.one_archive import Lists, Source, Subject, Work, folder_of
from ..progress import Progress
from . import access, waking, whole_cluster
from .reading import ClustersReading

SECONDS = 60.0
"""In which every API group answers of a cluster that was started."""

POLL = 1.0
CLAIMS, VOLUMES = "persistentvolumeclaims", "persistentvolumes"


def archive(
    settings: Settings, reading: ClustersReading, ids: Iterable[str], progress: Progress
) -> Archived:
    """Archive students, and delete nothing.

    Raises:
        InputError: If a student is unknown or has no cluster, or there is no course key.
    """
    wanted = list(dict.fromkeys(ids))
    by_id = {one.id: one.name for one in reading.records.values() if _has_work(reading, one.name)}
    if missing := [id for id in wanted if id not in by_id]:
        raise InputError(
            f"{', '.join(missing)}: no cluster of {reading.cohort.name} is theirs.",
            hint=f"See who has one: practicum status {reading.cohort.name}",
        )
    chosen = [by_id[id] for id in wanted or by_id]
    refuse_without_key(reading, chosen)
    return keep(settings, reading, chosen, progress)


def refuse_without_key(reading: ClustersReading, names: Iterable[str]) -> None:
    """Stop where work could not be encrypted.

    Raises:
        InputError: If there is work, and the cohort has no course key.
    """
    cohort = reading.cohort
    if cohort.course_key is None and any(_has_work(reading, name) for name in names):
        raise InputError(
            f"{cohort.name} has no course_key, so nothing can be archived; nothing was changed.",
            hint=f"This makes a pair, and prints the line for {cohort.folder / 'cohort.yaml'}:"
            f" practicum archive key {cohort.name}. Or say --no-archive, and keep nothing.",
        )


def keep(
    settings: Settings, reading: ClustersReading, names: Iterable[str], progress: Progress
) -> Archived:
    """Archive some students' clusters; whoever is in ``failed`` is to keep theirs.

    Args:
        settings: Folders.
        reading: The cohort.
        names: The students, by name; who has no whole cluster has nothing to keep.
        progress: Told what happens.

    Raises:
        InputError: If the folder of archives cannot be used.
    """
    names = dict.fromkeys(names)
    failed = {name: why for name in names if (why := _not_on_file(reading, name))}
    chosen = [name for name in names if name not in failed and _has_work(reading, name)]
    if not chosen:
        return _archived(settings, reading, (), failed)
    progress.step("Archiving the students' clusters", len(chosen))
    work = Work(settings, reading, access.standings(settings, reading))

    def one(name: str) -> Archive | str:
        try:
            with access.answers():
                return _keep_one(reading, name, work)
        except PracticumError as error:
            return f"was not archived: {error.message}"
        finally:
            progress.advance(name)

    # Encrypting takes a core, and a cluster that is started for it half a gigabyte.
    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        answers = list(zip(chosen, threads.map(one, chosen), strict=True))
    failed |= {name: answer for name, answer in answers if isinstance(answer, str)}
    made = tuple(answer for _, answer in answers if isinstance(answer, Archive))
    return _archived(settings, reading, made, failed)


def _archived(
    settings: Settings,
    reading: ClustersReading,
    made: tuple[Archive, ...],
    failed: Mapping[str, str],
) -> Archived:
    return Archived(
        cohort=reading.cohort.name,
        folder=folder_of(settings, reading.cohort.name),
        made=made,
        failed=failed,
        failed_ids={reading.id_of(name): why for name, why in failed.items()},
    )


def _not_on_file(reading: ClustersReading, name: str) -> str:
    """Say why a student's clusters are not touched where one is not what our file says is theirs.

    Deletion finds clusters by their labels, wherever they are, and so those of somebody else's
    cohort of that name as well; archived is the one that the file names.
    """
    berth = reading.berths.get(name)
    mine = (berth.engine, berth.cluster) if berth else None
    more = [
        f"{found.name} on {engine}"
        for engine, found in reading.places(name)
        if found.nodes and (engine, found.name) != mine
    ]
    if not more:
        return ""
    return (
        f"was not archived: {reading.cohort.clusters_file.name} does not say that"
        f" {', '.join(more)} is theirs. Put the file back, or look whose it is and say --no-archive"
    )


def _has_work(reading: ClustersReading, name: str) -> bool:
    """Say whether somebody can have worked in a cluster: one that was never whole holds nothing."""
    found = reading.cluster(name)
    return bool(found and found.nodes and (found.complete or found.first is None))


def _keep_one(reading: ClustersReading, name: str, work: Work) -> Archive:
    with waking.awake(reading, name) as running:
        client = access.client_of(running, name)
        namespaces = whole_cluster.namespaces(client)
        around = _look_around(client, namespaces, woken=running is not reading)
        lists = Lists(client, around, namespaces, list(whole_cluster.listings(client, namespaces)))
        found = running.cluster(name)
        assert found is not None
        contents, reasons = _volumes(running, name, found, client, around)
        source = Source(
            lists=lists,
            cluster=cluster.uid_of(client),
            kubernetes=cluster.version(client),
            volumes=contents,
            reasons=reasons,
        )
        return with_what_can_be_read(work, _subject(reading, name, namespaces), source)


def _look_around(
    client: cluster.Client, namespaces: dict[str, str], *, woken: bool
) -> cluster.Whereabouts:
    """See what there is; the servers of its API groups take a while to start with a cluster."""
    deadline = time.monotonic() + (SECONDS if woken else 0)
    while True:
        try:
            return cluster.look_around(client, namespaces)
        except ClusterError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(POLL)


def _subject(reading: ClustersReading, name: str, namespaces: dict[str, str]) -> Subject:
    records = {record.name: record for record in reading.records.values()}
    record = records.get(name)
    return Subject(
        id=record.id if record else reading.id_of(name),
        name=name,
        generation=record.generation if record else 0,
        namespaces=namespaces,
    )


def _volumes(
    reading: ClustersReading,
    name: str,
    found: Found,
    client: cluster.Client,
    around: cluster.Whereabouts,
) -> tuple[list[Content], dict[Claim, str]]:
    """Return the content of every volume that lies in a node's files, and why not of the others."""
    engine, contents, reasons = reading.site(name).engine, [], {}
    for live, volume in bound(client, around):
        claim = (live["metadata"]["namespace"], live["metadata"]["name"])
        place = volumes.place_of(volume, found.nodes)
        if isinstance(place, str):
            reasons[claim] = place
            continue
        pour = partial(volumes.content, engine, place)
        pieces = Bounded(claim=claim, most=WHATEVER_IT_SAYS, pour=pour)
        contents.append(Content(namespace=claim[0], claim=claim[1], pieces=pieces))
    return contents, reasons


def bound(
    client: cluster.Client, around: cluster.Whereabouts
) -> Iterator[tuple[Manifest, Manifest]]:
    """Yield every claim of some namespaces with its volume.

    Raises:
        ClusterError: If they cannot be listed.
    """
    types = {str(type): type for type in around.types}
    places = {where for (where, type), count in around.counts.items() if str(type) == CLAIMS}
    live = {one["metadata"]["name"]: one for one in whole_cluster.all_of(client, VOLUMES)}
    for place in sorted(places):
        _, claims = cluster.list_type(client, types[CLAIMS], place)
        for claim in claims:
            volume = live.get((claim.get("spec") or {}).get("volumeName", ""))
            if volume is not None:
                yield claim, volume
