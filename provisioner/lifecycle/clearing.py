"""Take away what a cohort has: namespaces, what lies outside of them, Pulumi's state."""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping

from .. import cluster, names
from ..cohort import Group, Record
from ..manifest import GUARD, STUDENT, Manifest, groups_part
from . import removal
from .claim import Hold
from .progress import Progress
from .reading import Reading
from .stacks.engine import Engine


class Clearing:
    """What goes: all of the cohort, but for students whose work could not be kept."""

    def __init__(
        self,
        reading: Reading,
        engine: Engine,
        progress: Progress,
        hold: Hold,
        spared: frozenset[str],
        patience: float,
    ) -> None:
        self._reading, self._engine, self._progress = reading, engine, progress
        self._hold, self._spared, self._patience = hold, spared, patience
        self._accounts = names.identity_namespace(reading.cohort.name)
        self.removed = 0
        self.troubles: list[str] = []
        self.uncleared: Mapping[str, str] = {}
        """Why Pulumi's state could not be cleared, by stack."""

    def run(self, forced: set[str]) -> None:
        """Delete namespaces, what lies outside of them, and the state; the claim goes last.

        Raises:
            LockedError: If another run has taken the cohort over; nothing more is deleted then.
        """
        # By the mark alone: also what is in no state and in no roster.
        namespaces = [live for live in self._reading.found.own_namespaces if self._goes(live)]
        last = [live for live in namespaces if name_of(live) == self._accounts]
        others = [live for live in namespaces if name_of(live) != self._accounts]
        # As long as it is there, the claim on it keeps everybody else from beginning anew.
        (self._hold.tie if last else self._hold.check)()
        self._progress.step("Deleting namespaces", len(others))
        # All at once, for each takes the cluster 5 s or more; the accounts' first, which has
        # the most in it.
        refused = removal.refusals(self._reading.client, [*last, *others])
        self._engine.warm_up(len(self._stacks(())))
        stuck = self._end(others, refused, forced)
        # After the namespaces: students stay guarded while theirs end.
        self._hold.check()
        self._delete_the_rest(spare_inside=any(removal.goes(live, refused) for live in last))
        self._hold.check()
        self._progress.step("Clearing Pulumi's state")
        self.uncleared = self._engine.destroy(self._stacks(stuck))
        self._hold.end()
        # However little the others get: what it holds ends by itself.
        self._patience = max(self._patience, removal.LONGER)
        if last:
            self._progress.step("Deleting the accounts", len(last))
        stuck |= self._end(last, refused, set())
        self.removed = len(namespaces) - len(stuck)
        self.troubles += [f"{name}: {why}" for name, why in stuck.items()]
        self.troubles += [f"{stack}: {why}" for stack, why in self.uncleared.items()]

    def _end(
        self, namespaces: list[Manifest], refused: dict[str, str], forced: set[str]
    ) -> dict[str, str]:
        """Wait until namespaces are gone; returns why some are not, by name."""
        kept = [live for live in namespaces if uid_of(live) in refused]
        stuck = {name_of(live): refused[uid_of(live)] for live in kept}
        stuck |= self._await([live for live in namespaces if removal.goes(live, refused)])
        held = [live for live in namespaces if name_of(live) in forced & stuck.keys()]
        stuck |= removal.force(self._reading.client, held, stuck)
        return stuck

    def _goes(self, live: Manifest) -> bool:
        """Say whether an object is to go; what all share stays as long as somebody does."""
        student = (live["metadata"].get("labels") or {}).get(STUDENT, "")
        return student not in self._spared if student else not self._spared

    def _delete(self, lives: list[Manifest]) -> None:
        self.troubles += removal.refusals(self._reading.client, lives).values()

    def _await(self, namespaces: list[Manifest]) -> dict[str, str]:
        fresh = not all(map(cluster.is_going, namespaces))
        seconds = self._patience if fresh else min(self._patience, removal.LONGER)
        return cluster.await_gone(
            self._reading.client,
            namespaces,
            seconds=seconds,
            renewed=not fresh,  # a killed run may have left hundreds, of which seven go a second
            gone=self._progress.advance,
        )

    def _delete_the_rest(self, *, spare_inside: bool) -> None:
        """Delete what lies outside namespaces, in the state or not, each by its UID.

        What lies among the accounts goes along with them, where they all go.

        Pulumi's provider could do it for what is in the state, but sends no UID, and was
        seen to wait for minutes for the end of admission policies that were gone.
        """
        before, client = self._reading, self._reading.client
        had = any(key.kind == "PersistentVolume" for key in before.live.owned)
        left = cluster.list_cohort(client, before.cohort.name, volumes=had).owned
        # Ours by who applied it, though somebody took our mark away.
        left |= {k: live for k, live in before.live.owned.items() if k not in before.found.owned}
        # A copy of a pull secret is in a namespace that went, or in one that stays.
        with_it = ("Namespace", "Secret")
        goes = [live for live in left.values() if live["kind"] not in with_it and self._goes(live)]
        inside = self._accounts if spare_inside else None
        gone = [live for live in goes if live["metadata"].get("namespace", "") != inside]
        self._delete(gone)
        self.troubles += removal.volumes_left(client, gone).values()

    def _stacks(self, stuck: Container[str]) -> list[str | int]:
        """Return the stacks that can be cleared.

        Not one of somebody who stays, and is to be found in it when the rest goes too.
        """
        waves = self._free([*self._reading.records.values()], stuck)
        groups = self._free([*self._reading.groups.values()], stuck)
        guard = [] if self._spared else [GUARD]
        return [*guard, *waves, *(groups_part(wave) for wave in groups)]

    def _free(self, placed: Collection[Record | Group], stuck: Container[str]) -> list[int]:
        """Return the waves in which nobody stays."""
        staying = {one.wave for one in placed if one.name in self._spared or one.namespace in stuck}
        return sorted({one.wave for one in placed} - staying)


def uid_of(live: Manifest) -> str:
    """Return the UID of an object."""
    return str(live["metadata"]["uid"])


def name_of(live: Manifest) -> str:
    """Return the name of an object."""
    return str(live["metadata"]["name"])
