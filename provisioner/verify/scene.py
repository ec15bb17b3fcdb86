"""The scratch environments of a verification, and the identities that act in them.

Two environments are rendered as every student's is, so what holds in them holds for all.
They carry the cohort's mark and a name that no student can have: what a killed run leaves
is a leaver to the next ``plan``, and goes with the next ``verify``, ``up`` or ``down``.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from .. import cluster, names
from ..cluster import Client
from ..cohort import Cohort, Record
from ..errors import ClusterError
from ..manifest import Manifest
from . import course, scratch
from . import identities as acting
from .surroundings import FOREIGN, Surroundings, look

PREFIX = "practicum-verify-"
"""No student's name begins so (``names.is_reserved``)."""

USERS = names.SCRATCH_USERS


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Where the attacks take place, and who makes them."""

    cohort: Cohort
    admin: Client
    own: Record
    """The scratch student."""

    neighbour: Record
    identities: dict[str, Client]
    """By the words of the cases: student, neighbour, assistant, workload, authenticated, operator."""

    secret: Manifest
    """What every token of ours is bound to: they end with it."""

    absent: Mapping[str, str] = field(default_factory=dict)
    """Who of them we may not play, with the reason."""

    around: Surroundings = field(default_factory=Surroundings)

    made: list[Manifest] = field(default_factory=list, repr=False)

    def place(self, where: str) -> str:
        """Return the namespace that a case's ``where`` means; empty for the whole cluster."""
        return {
            "own": self.own.namespace,
            "neighbour": self.neighbour.namespace,
            FOREIGN: self.around.foreign,
            "other": "kube-system",
        }.get(where, "")

    @property
    def words(self) -> dict[str, str]:
        """What stands for the words in braces in a case."""
        return course.words(self.cohort) | {
            "{namespace}": self.own.namespace,
            "{neighbour}": self.neighbour.namespace,
            "{student}": self.own.name,
            "{cohort}": self.cohort.name,
            "{identity}": names.identity_namespace(self.cohort.name),
            "{runtime_class}": self.around.runtime_class,
        }

    def take_away(self, secret: Manifest) -> None:
        """Delete a Secret that tokens are bound to.

        Raises:
            ClusterError: If the server refuses.
        """
        if why := scratch.delete(self.admin, secret | {"kind": "Secret"}):
            raise ClusterError(f"A token cannot be taken back: {why}")

    def strike(self) -> None:
        """Begin to take the namespaces away; the controller takes its time over that.

        What is refused now is told at the end.
        """
        for live in self.made:
            if live["kind"] == "Namespace":
                scratch.delete(self.admin, live)

    def student(self, record: Record) -> Client:
        """Return who acts as a student, be it a real one.

        Raises:
            ClusterError: If the server mints no token.
        """
        stranger = self.identities["anonymous"]
        return acting.student(self.admin, stranger, self.cohort, record, self.secret)

    def token(self, account: str, secret: Manifest | None = None) -> str:
        """Mint a short token for an account in the identity namespace.

        Args:
            account: A ServiceAccount there.
            secret: What to bind it to; what all are bound to when None.

        Raises:
            ClusterError: If the server mints none.
        """
        identity = names.identity_namespace(self.cohort.name)
        return acting.token(self.admin, identity, account, secret or self.secret)

    def bind(self, suffix: str) -> Manifest:
        """Make another Secret that tokens can be bound to; it is cleared up as well.

        Raises:
            ClusterError: If the server refuses.
        """
        return acting.bound_secret(self.admin, self.cohort, self.own, self.made, f".{suffix}")


def is_scratch(name: str) -> bool:
    """Say whether a name is one that only a verification gives."""
    return name.startswith(PREFIX)


def new_pair(cohort: Cohort) -> tuple[Record, Record]:
    """Return records for two scratch students that nobody else has."""
    own, neighbour = (new_record(cohort, which, secrets.token_hex(3)) for which in USERS[:2])
    return own, neighbour


def new_record(cohort: Cohort, which: str, random: str) -> Record:
    """Return the record of a scratch student.

    Args:
        cohort: The cohort.
        which: Whom the school knows them as, where students log in there.
        random: What nobody else's name ends with.
    """
    name = PREFIX + random
    return Record(
        id=f"verify:{random}",
        name=name,
        namespace=names.namespace(cohort.name, name),
        wave=1,
        generation=1,
        user=names.scratch_user(cohort.name, which) if cohort.oidc else "",
    )


def add(scene: Scene, record: Record, rendered: list[Manifest]) -> None:
    """Make another scratch environment, as it is given; it is cleared up as the two are.

    Raises:
        ClusterError: If the server refuses.
    """
    namespace, *rest = rendered
    scene.made.append(cluster.apply(scene.admin, namespace))
    scratch.fill(scene.admin, scene.cohort, rest, scene.made)
    scratch.await_quota(scene.admin, record.namespace)


@contextmanager
def standing(
    admin: Client,
    cohort: Cohort,
    pair: tuple[Record, Record],
    *,
    without: frozenset[str] = frozenset(),
) -> Iterator[Scene]:
    """Hold two scratch environments while the block runs; withdraw and delete all after it.

    Args:
        admin: The cluster, as ourselves.
        cohort: The cohort.
        pair: The records of the two.
        without: Kinds to leave out of them, for tests of what the cases notice.

    Raises:
        ClusterError: If they cannot be made, or not be deleted; it says what is left.
    """
    made: list[Manifest] = []
    try:
        yield _set_up(admin, cohort, pair, made, without)
    finally:
        scratch.clear(admin, made)


def _set_up(
    admin: Client,
    cohort: Cohort,
    pair: tuple[Record, Record],
    made: list[Manifest],
    without: frozenset[str],
) -> Scene:
    own, neighbour = pair
    scratch.make(admin, cohort, pair, made, without)
    made.append(cluster.apply(admin, acting.nobody(cohort, own, own.name + "-nobody")))
    secret = acting.bound_secret(admin, cohort, own, made)
    if "ResourceQuota" not in without:
        for record in pair:
            scratch.await_quota(admin, record.namespace)
    absent = acting.absent(admin, cohort, own)
    return Scene(
        cohort=cohort,
        admin=admin,
        own=own,
        neighbour=neighbour,
        identities=acting.identities(admin, cohort, pair, secret, absent),
        secret=secret,
        absent=absent,
        around=look(admin, cohort.name),
        made=made,
    )
