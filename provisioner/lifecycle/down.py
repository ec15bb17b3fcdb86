"""Take a cohort down, and prove that nothing of it is left."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import cluster, names, private_file
from ..cohort import groups as group_file
from ..cohort import records as record_file
from ..errors import InputError
from ..manifest import GUARD, Manifest, groups_part
from ..settings import Settings
from . import lock, on_disk
from .engine import Engine
from .interrupt import stopping
from .progress import Progress
from .reading import Reading, read, records_path
from .removal import SECONDS


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What the proof went through, and what it found."""

    cohort: str
    server: str
    cluster: str
    """UID of the cluster's kube-system namespace."""

    version: str
    time: datetime
    removed: int
    """Namespaces that this run deleted."""

    searched: Mapping[str, int]
    remaining: tuple[str, ...]
    unlisted: tuple[str, ...] = ()
    troubles: tuple[str, ...] = field(default=())
    """What went wrong on the way; the proof is about what is left."""

    path: Path | None = None
    """Where the receipt was written."""

    @property
    def proved(self) -> bool:
        """Whether everything was searched and nothing is left."""
        return not self.remaining and not self.unlisted

    def to_json(self) -> dict[str, Any]:
        """Return the receipt as JSON data."""
        return {
            "cohort": self.cohort,
            "proved": self.proved,
            "searched": dict(self.searched),
            "remaining": [*self.remaining, *(f"not searched: {kind}" for kind in self.unlisted)],
            "server": self.server,
            "cluster": self.cluster,
            "version": self.version,
            "removed": self.removed,
            "troubles": list(self.troubles),
            "time": self.time.isoformat(timespec="seconds"),
        }


def down(settings: Settings, name: str, *, progress: Progress) -> Receipt:
    """Delete what a cohort has on the cluster, clear the state, and search for the rest.

    Args:
        settings: Folders and state backend.
        name: The cohort; the caller has had it typed.
        progress: Told what happens.

    Returns:
        The receipt, also when the proof does not hold.

    Raises:
        InputError: If the files are wrong, or the cohort is protected.
        ClusterError: If the cluster cannot be used.
        LockedError: If another run holds the cohort.
        Interrupted: If a signal came; what was in flight has finished.
    """
    with lock.held(settings.home, name, progress.say) as held:
        reading = read(settings, name)
        if reading.cohort.protect:
            raise InputError(
                f"{name} is protected.", hint="Set protect: false in cohort.yaml first."
            )
        engine = Engine.open(settings, reading, held, progress)
        with stopping(engine.stop, progress.say):
            removed, troubles = _remove(reading, engine, progress)
            progress.step("Searching every type of the cluster for what is left")
            receipt = _prove(reading, removed, troubles)
        return _keep(settings, reading, receipt)


def _remove(reading: Reading, engine: Engine, progress: Progress) -> tuple[int, list[str]]:
    # By the mark alone: also what is in no state and in no roster.
    namespaces = reading.found.own_namespaces
    progress.step("Deleting namespaces", len(namespaces))
    refused = [
        refusal
        for _, refusal in reading.client.each(
            lambda live: cluster.delete(reading.client, live), namespaces
        )
        if refusal
    ]
    stuck = cluster.await_gone(reading.client, namespaces, seconds=SECONDS, gone=progress.advance)
    troubles = refused + [f"{name}: {why}" for name, why in stuck.items()]
    # After the namespaces: students stay guarded while theirs end.
    troubles += _delete_the_rest(reading)
    progress.step("Clearing Pulumi's state")
    waves = sorted({record.wave for record in reading.records.values()})
    shared = sorted({groups_part(group.wave) for group in reading.groups.values()})
    cleared = engine.destroy([GUARD, *waves, *shared])
    troubles += [f"{stack}: {why}" for stack, why in cleared.items()]
    return len(namespaces) - len(stuck), troubles


def _delete_the_rest(reading: Reading) -> list[str]:
    """Delete what lies outside namespaces, in the state or not, each by its UID.

    Pulumi's provider could do it for what is in the state, but sends no UID, and was
    seen to wait for minutes for the end of admission policies that were gone.
    """
    left = cluster.list_cohort(reading.client, reading.cohort.name).owned.values()
    loose: list[Manifest] = [live for live in left if live["kind"] != "Namespace"]
    refusals = (
        refusal
        for _, refusal in reading.client.each(
            lambda live: cluster.delete(reading.client, live), loose
        )
    )
    return [refusal for refusal in refusals if refusal]


def _prove(reading: Reading, removed: int, troubles: list[str]) -> Receipt:
    name = reading.cohort.name
    had = {record.namespace for record in reading.records.values()}
    had |= {group.namespace for group in reading.groups.values()}
    had |= {live["metadata"]["name"] for live in reading.found.own_namespaces}
    had.add(names.identity_namespace(name))
    # A stranger's namespace of a name that we wanted was never ours.
    had -= {key.name for key in reading.live.foreign if key.kind == "Namespace"}
    found = cluster.search(reading.client, name, had)
    return Receipt(
        cohort=name,
        server=reading.client.access.server,
        cluster=reading.found.uid,
        version=cluster.version(reading.client),
        time=datetime.now(UTC),
        removed=removed,
        searched=found.searched,
        remaining=tuple(found.remaining),
        unlisted=tuple(found.unlisted),
        troubles=tuple(troubles),
    )


def _keep(settings: Settings, reading: Reading, receipt: Receipt) -> Receipt:
    """Write the receipt; when it proves the end, clear what was for the living."""
    folder = private_file.make_folder(settings.home / "receipts")
    path = folder / f"{receipt.cohort}-{receipt.time:%Y%m%dT%H%M%SZ}.json"
    content = json.dumps(receipt.to_json(), indent=2, ensure_ascii=False)
    private_file.write(path, content.encode())
    if receipt.proved:
        on_disk.forget(settings, receipt.cohort)
        gone = {id: replace(record, dropped=True) for id, record in reading.records.items()}
        record_file.save(records_path(reading.cohort), gone)
        ended = {
            title: replace(group, dropped=True, members=())
            for title, group in reading.groups.items()
        }
        group_file.save(group_file.file_of(reading.cohort), ended)
    return replace(receipt, path=path)
