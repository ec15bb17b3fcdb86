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


@dataclass(frozen=True, kw_only=True)
class Hold:
    """What a run may ask of its claim; where nothing is claimed, nothing happens."""

    check: Callable[[], None] = lambda: None
    """Gives a sign of life now, and raises LockedError where another run has taken over."""

    end: Callable[[], None] = lambda: None
    """The same for the last time: the namespace that the claim stands on is about to go."""


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
        yield Hold(check=holding.check, end=holding.end)
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


def clear(settings: Settings, reading: Reading) -> None:
    """Take away what a killed run of this home left; the caller holds the home's lock.

    A run that finds nothing to do claims nothing, and so would leave it there.
    """
    name = names.identity_namespace(reading.cohort.name)
    namespace = reading.found.namespaces.get(name)
    left = cluster.claim_of(namespace) if namespace else None
    if namespace and left and left.place == place.of(settings.home):
        with suppress(cluster.ApiError, ClusterError):  # the next run that changes something does
            cluster.write_claim(reading.client, namespace, None)


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
                self._write(None)

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

    def end(self) -> None:
        """Give the last sign of life; whoever comes after the namespace is no trouble of ours.

        Raises:
            LockedError: As ``check``.
        """
        self.check()
        with self._one:
            self.ended = True
        self._end.set()

    def _renew_for_ever(self) -> None:
        while not self.taken_over and not self._end.wait(EVERY):
            self._renew()
            if self.taken_over:
                self.lost()

    def _renew(self) -> None:
        with self._one:
            if not (self.taken_over or self.ended):
                self.claim = replace(self.claim, renewed=self.claim.renewed + 1)
                self._write(self.claim)

    def _write(self, claim: cluster.Claim | None) -> None:
        """Renew or release; what cannot be reached now may be so next time."""
        for _ in range(2):
            try:
                self.namespace = cluster.write_claim(self.client, self.namespace, claim)
            except cluster.ApiError as error:
                if error.status != 409 or not self._look_again():
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
        if now is None:  # the cohort is being taken down, and we do it
            return False
        standing = cluster.claim_of(now)
        if self.ended and (standing is None or standing.run != self.claim.run):
            return False  # ours went, and this is another one
        self.namespace = now
        self.taken_over = standing is not None and standing.run != self.claim.run
        return not self.taken_over
