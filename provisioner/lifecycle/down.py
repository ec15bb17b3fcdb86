"""Take a cohort down, and prove that nothing of it is left."""

from __future__ import annotations

import json
from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from .. import cluster, names, private_file
from ..cohort import groups as group_file
from ..cohort import records as record_file
from ..errors import ClusterError
from ..plan import render
from ..settings import Settings
from . import backend, claim, leftovers, lock
from .access import on_disk
from .archives import archiving, last_archive
from .archives.archiving import Archived
from .archives.earlier import earlier
from .backend import Ending
from .clearing import Clearing, name_of
from .hosts import down as hosts_down
from .hosts.receipt import HostsReceipt
from .interrupt import stopping
from .leaving import refuse_protected
from .named import refuse_unknown
from .overview import Overview
from .progress import Progress
from .reading import Reading
from .receipt import Receipt
from .removal import SECONDS
from .stacks import settling
from .stacks.engine import Engine

USUAL = Ending(patience=SECONDS)


def down(settings: Settings, name: str, ending: Ending = USUAL, *, progress: Progress) -> Receipt:
    """Archive what students made, delete what a cohort has, and search for the rest.

    A student whose work cannot be archived loses nothing: namespace and account stay, and
    with them what guards them. Everybody else is taken down, and the proof does not hold.

    Args:
        settings: Folders and state backend.
        name: The cohort; the caller has had it typed.
        ending: How it is to be taken down.
        progress: Told what happens.

    Returns:
        The receipt, also when the proof does not hold.

    Raises:
        InputError: If the files are wrong, the cohort is protected, or has no course key.
        ClusterError: If the cluster cannot be used; or if nobody's work can be archived,
            and nothing was deleted.
        LockedError: If another run holds the cohort.
        Interrupted: If a signal came; what was in flight has finished.
    """
    with lock.held(settings.home, name, progress.say) as held:
        reading = backend.read(settings, name, needs_students=False)
        # Whatever can be refused is refused here, while nothing has gone.
        refuse_protected(reading.cohort)
        refuse_unknown(reading, ending.force)
        labs = hosts_down.to_clear(reading, archive=ending.archive)
        cleared: list[HostsReceipt] = []

        def first() -> None:
            if labs:
                cleared.append(
                    hosts_down.take_down(settings, labs, held, progress, archive=ending.archive)
                )

        ours, whole = backend.of(reading.cohort), replace(ending, first=first)
        receipt = ours.take_down(settings, reading, held, progress, whole)
        progress.step("Writing the receipt, with what earlier runs had archived")
        before = tuple(earlier(settings, receipt.archived))
        receipt = replace(receipt, earlier=before, hosts=next(iter(cleared), None))
        return _keep(settings, reading, receipt)


def of_namespaces(
    settings: Settings, reading: Reading, held: int, progress: Progress, ending: Ending
) -> Receipt:
    """Take down a cohort of namespaces; the caller holds the lock and keeps the receipt.

    Raises:
        InputError: If there is no course key.
        ClusterError: If the cluster cannot be used.
        LockedError: If another operator's run holds the cohort, or takes it over.
        Interrupted: If a signal came; what was in flight has finished.
    """
    if ending.archive:
        archiving.refuse_without_key(
            reading.cohort,
            archiving.student_namespaces(reading),
            otherwise="Or say --no-archive, and keep nothing.",
        )
    with (
        # Without its state, too, a cohort can be taken down: it goes by the cluster.
        Engine.open(settings, reading, held, progress, needs_state=False) as opened,
        claim.held(settings, reading, lost=opened.stop) as hold,
    ):
        ending.first()
        with (
            settling.noted(opened, "down", reading.stacks) as engine,
            stopping(opened.stop, progress.say),
        ):
            kept = _archive(settings, reading, progress, wanted=ending.archive)
            tokens = _Tokens.take(reading)
            spared = frozenset(kept.failed)
            clearing = Clearing(reading, engine, progress, hold, spared, ending.patience)
            clearing.run({reading.records[id].namespace for id in ending.force})
            engine.workers.close()  # the proof takes a process of this run for one that was left
            progress.step("Searching every type of the cluster for what is left")
            return _prove(settings, reading, clearing, kept, tokens)


def _archive(settings: Settings, reading: Reading, progress: Progress, *, wanted: bool) -> Archived:
    if not wanted:
        return Archived(cohort=reading.cohort.name)
    namespaces = archiving.student_namespaces(reading)
    return last_archive.before_deletion(settings, reading, namespaces, progress)


@dataclass(frozen=True, kw_only=True)
class _Tokens:
    """One token of each account, taken while there were accounts."""

    samples: Mapping[str, str] = field(repr=False, default_factory=dict)
    trouble: str = ""

    @classmethod
    def take(cls, reading: Reading) -> _Tokens:
        try:
            return cls(samples=leftovers.take_samples(reading))
        except ClusterError as error:
            return cls(trouble=f"tokens: {error.message}")


def _prove(
    settings: Settings, reading: Reading, clearing: Clearing, kept: Archived, tokens: _Tokens
) -> Receipt:
    name, client = reading.cohort.name, reading.client
    found = search(settings, reading, tokens.samples, kept.failed)
    return Receipt(
        cohort=name,
        server=client.access.server,
        cluster=reading.found.uid,
        version=cluster.version(client),
        time=datetime.now(UTC),
        removed=clearing.removed,
        searched=found.searched,
        tokens=len(tokens.samples),
        remaining=(*found.remaining, *leftovers.in_bucket(settings, clearing.uncleared)),
        unlisted=(*found.unlisted, *([tokens.trouble] if tokens.trouble else [])),
        troubles=tuple(clearing.troubles),
        archived=kept,
    )


def search(
    settings: Settings, reading: Reading, tokens: Mapping[str, str], staying: Container[str] = ()
) -> cluster.Search:
    """Look for what is left of a cohort: on the cluster, among tokens, on this machine.

    Args:
        settings: Folders and state backend.
        reading: The cohort as it was.
        tokens: By account, taken while there were accounts.
        staying: Accounts that were spared.

    Raises:
        ClusterError: If the cluster cannot be reached.
    """
    name, client = reading.cohort.name, reading.client
    found = cluster.search(client, name, _had(reading), render(reading.cohort, {}).keys)
    alive = leftovers.live_tokens(client, tokens, staying)
    here = leftovers.on_this_machine(settings, name)
    return replace(found, remaining=[*found.remaining, *alive, *here])


def _had(reading: Reading) -> set[str]:
    """Return the names of all namespaces that the cohort had."""
    had = {record.namespace for record in reading.records.values()}
    had |= {group.namespace for group in reading.groups.values()}
    had |= {name_of(live) for live in reading.found.own_namespaces}
    had.add(names.identity_namespace(reading.cohort.name))
    # A stranger's namespace of a name that we wanted was never ours; one that was, and
    # that somebody took the label from, is.
    strangers = {key.name for key in reading.live.foreign if key.kind == "Namespace"}
    return had - {
        name for name in strangers if not cluster.made_by_us(reading.found.namespaces[name])
    }


def _keep(settings: Settings, reading: Overview, receipt: Receipt) -> Receipt:
    """Write the receipt; when it proves the end, clear what was for the living."""
    folder = private_file.make_folder(settings.home / "receipts")
    path = folder / f"{receipt.cohort}-{receipt.time:%Y%m%dT%H%M%SZ}.json"
    content = json.dumps(receipt.to_json(), indent=2, ensure_ascii=False)
    private_file.write(path, content.encode())
    if receipt.proved:
        on_disk.forget(settings, receipt.cohort)
        gone = {id: replace(record, dropped=True) for id, record in reading.records.items()}
        record_file.save(reading.cohort.records_file, gone, cluster="")
        ended = {
            title: replace(group, dropped=True, members=())
            for title, group in reading.groups.items()
        }
        group_file.save(group_file.file_of(reading.cohort), ended)
    return replace(receipt, path=path)
