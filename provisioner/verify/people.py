"""Whose rights are asked for one by one: six kinds of identity, of which one is students.

Most ask for themselves, with a credential. Whoever has none that we could hold is asked
about: somebody without any credential, and a student of another course.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from .. import cluster
from ..cohort import Record
from ..errors import ClusterError
from ..manifest import WAY_IN, ObjectKey
from .finding import Finding
from .identities import BEARS_ON
from .matrix import Person, Subject
from .scene import Scene

ANONYMOUS = Subject(user="system:anonymous", groups=("system:unauthenticated",))


class Play(Protocol):
    """Makes a student's identity of a record."""

    def __call__(self, record: Record) -> Person:
        """Return who acts as a student."""


def students(stage: Scene, records: list[Record]) -> Play:
    """Return what makes an identity of a record; another student's namespace is a real one."""
    around = {
        record.id: other.namespace
        for record, other in zip(records, [*records[1:], *records[:1]], strict=True)
    }

    def play(record: Record) -> Person:
        other = around[record.id]
        if other == record.namespace:  # the only student
            other = stage.neighbour.namespace
        return Person(
            who=f"student {record.id}",
            client=stage.student(record),
            places={"own": record.namespace, "neighbour": other, **_beyond(stage)},
            inside={} if record.suspended or record.revoked else {"own": "student"},
        )

    return play


def others(stage: Scene) -> Iterator[Person]:
    """Return all who are no students of the cohort, as far as we may play them."""
    places = {"own": stage.own.namespace, "neighbour": stage.neighbour.namespace, **_beyond(stage)}
    if "assistant" in stage.identities:
        yield Person(
            who="an assistant",
            client=stage.identities["assistant"],
            places=places,
            inside={"own": "assistant", "neighbour": "assistant"},
            requirements=("ISO-08",),
        )
    for who, told, ids in (
        ("workload", "a pod's account", ("ISO-35",)),
        ("authenticated", "an account without rights", ("ISO-09",)),
    ):
        if who in stage.identities:
            yield Person(
                who=told, client=stage.identities[who], places=places, inside={}, requirements=ids
            )
    yield from _asked_about(stage, places)


def _asked_about(stage: Scene, places: dict[str, str]) -> Iterator[Person]:
    """Return those about whom the cluster is asked, since we hold no credential of theirs."""
    if "others" in stage.absent:
        return
    yield Person(
        who="nobody",
        client=stage.admin,
        places=places,
        inside={},
        requirements=("ISO-09",),
        subject=ANONYMOUS,
        anonymous=True,
    )
    if subject := _of_another_course(stage):
        theirs = stage.around.foreign
        yield Person(
            who="a student of another course",
            client=stage.admin,
            places={place: name for place, name in places.items() if name != theirs},
            inside={},
            requirements=("ISO-04",),
            subject=subject,
        )


def _of_another_course(stage: Scene) -> Subject | None:
    """Return whoever is let into the other course's namespace that we know of."""
    if not stage.around.foreign:
        return None
    key = ObjectKey("RoleBinding", stage.around.foreign, WAY_IN)
    try:
        live = cluster.read(stage.admin, key) or {}
    except ClusterError:  # what we may not see, we cannot ask about
        return None
    return next((_subject(one) for one in live.get("subjects") or []), None)


def _subject(bound: dict[str, Any]) -> Subject:
    if bound["kind"] != "ServiceAccount":
        return Subject(user=bound["name"], groups=("system:authenticated",))
    place = bound["namespace"]
    return Subject(
        user=f"system:serviceaccount:{place}:{bound['name']}",
        groups=(
            "system:serviceaccounts",
            f"system:serviceaccounts:{place}",
            "system:authenticated",
        ),
    )


def unplayed(stage: Scene) -> Iterator[Finding]:
    """Say whose rights are unproven, since we may not play them."""
    for who, why in stage.absent.items():
        yield Finding(
            about=f"{who}: rights, one by one",
            requirements=BEARS_ON[who],
            verdict="unproven",
            why=why,
            topic="permissions",
        )


def _beyond(stage: Scene) -> dict[str, str]:
    """Return the places that are no students' of this course."""
    places = {place: stage.place(place) for place in ("foreign", "other")}
    return {place: namespace for place, namespace in places.items() if namespace}
