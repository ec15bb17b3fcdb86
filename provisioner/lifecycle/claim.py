"""Hold a cohort for the length of a run, for operators on other machines to see."""

from __future__ import annotations

import os
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from .. import cluster, names
from ..errors import ClusterError, LockedError, PracticumError
from ..manifest import Manifest, ObjectKey, guard, key_of
from ..settings import Settings
from . import place
from .reading import Reading

EVERY = cluster.CLAIM_SECONDS / 3
"""Seconds between two signs of life."""

TRIES = 5
"""How often one is written: the cluster notes how far a namespace is that goes, and each time
it is another version."""


@dataclass(frozen=True, kw_only=True)
class Hold:
    """What a run may ask of its claim; where nothing is claimed, nothing happens."""

    check: Callable[[], None] = lambda: None
    """Gives a sign of life now, and raises LockedError where another run has taken over."""

    tie: Callable[[], None] = lambda: None
    """The same; and the namespace that the claim stands on stays until the end, also deleted."""

    end: Callable[[], None] = lambda: None
    """The same for the last time, and that namespace may go."""


@contextmanager
def held(
    settings: Settings, reading: Reading, *, lost: Callable[[], None], make: bool = False
) -> Iterator[Hold]:
    """Claim a cohort on its cluster; the caller holds the lock of this home.

    Args:
        settings: Folders.
        reading: What the run goes by.
        lost: Called when somebody else has taken over; the run is then to stop.
        make: Whether the identity namespace is made where there is none. Without it
            nothing is claimed then: there is nothing to run for.

    Raises:
        LockedError: If another run holds it, or takes over while we do not answer.
        ClusterError: If the cluster refuses.
    """
    key = ObjectKey("Namespace", "", names.identity_namespace(reading.cohort.name))
    namespace = reading.found.namespaces.get(key.name)
    if namespace is None and make:
        wanted = next(one for one in guard(reading.cohort) if key_of(one) == key)
        namespace = cluster.apply(reading.client, wanted)
        cluster.refuse_going(namespace)
    mine = _claim(settings)
    taken = cluster.take_claim(reading.client, namespace, mine) if namespace else None
    if taken is None:
        _refuse_gone(key, make=make)
        yield Hold()
        return
    holding = _Holding(
        client=reading.client,
        key=key,
        claim=mine,
        namespace=taken,
        lost=lost,
    )
    with holding.renewed():
        yield Hold(check=holding.check, tie=holding.tie, end=holding.end)
    holding.refuse_lost()


def _refuse_gone(key: ObjectKey, *, make: bool) -> None:
    """Stop where something is to be made in what has gone since it was read.

    Raises:
        ClusterError: If that is so.
    """
    if make:
        raise ClusterError(
            f"The namespace {key.name} has gone since the cohort was read.",
            hint="Run the same command again; it sees what there is now.",
        )


def refuse_going(settings: Settings, reading: Reading) -> None:
    """Stop where the cohort is being taken down. What a killed `down` has left is let go of.

    Raises:
        LockedError: If that is so; whoever is at it is named.
        ClusterError: If the cluster refuses.
    """
    key = ObjectKey("Namespace", "", names.identity_namespace(reading.cohort.name))
    namespace = reading.found.owned.get(key)
    if namespace and cluster.is_going(namespace):
        with held(settings, reading, lost=lambda: None):
            cluster.refuse_going(namespace)


def clear(settings: Settings, reading: Reading) -> None:
    """Take away what a killed run of this home left; the caller holds the home's lock.

    A run that finds nothing to do claims nothing, and so would leave it there.
    """
    name = names.identity_namespace(reading.cohort.name)
    namespace = reading.found.namespaces.get(name)
    left = cluster.claim_of(namespace) if namespace else None
    if namespace and left and left.place == place.of(settings.home):
        with suppress(cluster.ApiError, ClusterError):  # the next run that changes something does
            cluster.write_claim(reading.client, namespace, None, tied=False)


def _claim(settings: Settings) -> cluster.Claim:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return cluster.Claim(
        run=secrets.token_hex(8),
        host=socket.gethostname(),
        pid=os.getpid(),
        place=place.of(settings.home),
        since=since,
    )


@dataclass
class _Holding:
    client: cluster.Client
    key: ObjectKey
    claim: cluster.Claim
    namespace: Manifest
    lost: Callable[[], None]
    taken_over: bool = False
    tied: bool = False
    ended: bool = False
    _end: threading.Event = field(default_factory=threading.Event)
    _one: threading.Lock = field(default_factory=threading.Lock)
    """The run and the thread that renews do not write at the same time."""

    @contextmanager
    def renewed(self) -> Iterator[None]:
        """Give signs of life until the block is left, then let go."""
        thread = threading.Thread(target=self._renew_for_ever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._end.set()
            thread.join()
            if not self.taken_over:
                self._write(None, tied=False)

    def check(self) -> None:
        """Give a sign of life, and stop where somebody else has taken over.

        Raises:
            LockedError: If somebody has: a machine that slept cannot know otherwise.
        """
        self._renew()
        self.refuse_lost()

    def refuse_lost(self) -> None:
        """Stop where somebody else has taken over.

        Raises:
            LockedError: If somebody has.
        """
        if self.taken_over:
            raise LockedError(
                "Another operator's run has taken this cohort over, since ours did not answer for"
                f" {cluster.CLAIM_SECONDS:g} seconds.",
                hint="Run the same command again when that one has ended.",
            )

    def tie(self) -> None:
        """Give a sign of life, and keep the namespace until the end, also when it is deleted.

        Raises:
            LockedError: As ``check``.
            ClusterError: If the cluster does not take it: then nothing may be deleted yet.
        """
        self._renew(tied=True)
        self.refuse_lost()
        self.tied = cluster.is_tied(self.namespace)
        if not (self.tied or cluster.is_going(self.namespace)):
            raise ClusterError(
                f"The cluster does not let us keep {self.key.name} until all else has gone.",
                hint="Run the same command again; nothing has been deleted.",
            )

    def end(self) -> None:
        """Give the last sign of life; whoever comes after the namespace is no trouble of ours.

        Raises:
            LockedError: As ``check``.
        """
        self._renew(tied=False, last=True)
        self.refuse_lost()
        self._end.set()

    def _renew_for_ever(self) -> None:
        while not self.taken_over and not self._end.wait(EVERY):
            self._renew()
            if self.taken_over:
                self.lost()

    def _renew(self, *, tied: bool | None = None, last: bool = False) -> None:
        with self._one:
            if not (self.taken_over or self.ended):
                self.claim = replace(self.claim, renewed=self.claim.renewed + 1)
                self._write(self.claim, tied=tied)
                self.ended = last

    def _write(self, claim: cluster.Claim | None, *, tied: bool | None = None) -> None:
        """Renew or release; what cannot be reached now may be so next time."""
        for _ in range(TRIES):
            try:
                self.namespace = cluster.write_claim(self.client, self.namespace, claim, tied=tied)
            except cluster.ApiError as error:
                if error.status not in (404, 409) or not self._look_again():
                    return
            except PracticumError:
                return
            else:
                return

    def _look_again(self) -> bool:
        """Read the namespace anew, for somebody has changed it; says whether it is still ours."""
        try:
            now = cluster.read(self.client, self.key)
        except ClusterError:
            return False
        standing = cluster.claim_of(now) if now else None
        ours = standing is not None and standing.run == self.claim.run
        # After the end it goes, and whatever comes in its place is another one. Before that our
        # claim is there, unless a run that took over has let go of it; of a namespace that we
        # did not tie, somebody's hand may be why it went.
        self.taken_over = not (ours or self.ended) and (now is not None or self.tied)
        self.namespace = now if now and ours else self.namespace
        return ours
