"""Ask the cluster, as an identity, about every right that there is, and compare with the list.

Two questions, since each hides something: SelfSubjectRulesReview lists all rights at once,
but the Node authorizer does not take part in it; SelfSubjectAccessReview asks every
authorizer, but one right at a time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from .. import cluster
from ..cluster import ApiError, Client, Type
from ..errors import ClusterError
from .case import PLACES
from .concerns import SPECIAL, Cell, concerns, standards
from .finding import FEW, Finding
from .golden import Right, Who, rights

REVIEWS = "/apis/authorization.k8s.io/v1"
ALL_VERBS = (
    "get", "list", "watch", "create", "update", "patch", "delete", "deletecollection",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Who somebody is to the cluster, where we ask about them in their place."""

    user: str
    groups: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Person:
    """An identity whose rights are asked for, and what they are to be."""

    who: str
    """For the report: an id, or what kind of identity it is."""

    client: Client
    places: dict[str, str]
    """Namespace by place; ``cluster`` has none. What is not here is not asked about."""

    inside: dict[str, Who]
    """Which list holds in a place, beside that of everybody."""

    requirements: tuple[str, ...] = ()
    """Ids that all its answers bear on; by what is asked when empty."""

    subject: Subject | None = None
    """Whom the client asks about; itself when None."""

    anonymous: bool = False

    def expected(self, cell: Cell) -> bool:
        """Say whether the lists give a right in a place."""
        if not self.anonymous and cell.right in rights("everybody"):
            return True
        return cell.place in self.inside and cell.right in rights(self.inside[cell.place])


def cells(types: Iterable[Type], *, every_verb: bool) -> list[Cell]:
    """List every right to ask for: what is served, and what opens doors without being served.

    Args:
        types: What the cluster serves.
        every_verb: Ask also for verbs that the server does not serve for a type.
    """
    asked: dict[Cell, None] = {}
    for one in types:
        resource = f"{one.plural}/{one.below}" if one.below else one.plural
        # A request for one Namespace is a request in it, to the authorizer.
        namespaced = one.namespaced or one.plural == "namespaces"
        for verb in dict.fromkeys((*one.verbs, *(ALL_VERBS if every_verb else ()))):
            asked.update(_places(Right(verb, one.group, resource), namespaced=namespaced))
    for right in SPECIAL:
        asked.update(_places(right, namespaced=right.resource in ("roles", "serviceaccounts")))
    return list(asked)


def _places(right: Right, *, namespaced: bool) -> dict[Cell, None]:
    places = PLACES if namespaced else ("cluster",)
    return {Cell(right, place): None for place in places}


def ask_all(person: Person, asked: list[Cell]) -> list[Finding]:
    """Ask for every right by itself in the places that there are, and compare with the lists."""
    path = f"{REVIEWS}/{'subjectaccessreviews' if person.subject else 'selfsubjectaccessreviews'}"
    asked = [cell for cell in asked if cell.place in (*person.places, "cluster")]
    try:
        answers = cluster.ask_many(person.client, path, [_review(person, cell) for cell in asked])
        allowed = [bool(answer["status"]["allowed"]) for answer in answers]
    except ClusterError as error:
        return [_unasked(person, error)]
    return list(_compare(person, zip(asked, allowed, strict=True)))


def _review(person: Person, cell: Cell) -> dict[str, Any]:
    plural, _, below = cell.right.resource.partition("/")
    attributes = {
        "verb": cell.right.verb,
        "group": cell.right.group,
        "resource": plural,
        "subresource": below,
        "namespace": person.places.get(cell.place, ""),
    }
    about = person.subject
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview" if about else "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes}
        | ({"user": about.user, "groups": list(about.groups)} if about else {}),
    }


def _compare(person: Person, answers: Iterable[tuple[Cell, bool]]) -> Iterator[Finding]:
    wrong: dict[tuple[str, ...], list[str]] = defaultdict(list)
    count: dict[tuple[str, ...], int] = defaultdict(int)
    for cell, allowed in answers:
        ids = person.requirements or concerns(cell)
        count[ids] += 1
        if allowed != person.expected(cell):
            wrong[ids].append(_told(cell, allowed=allowed))
    for ids, cases in count.items():
        yield _finding(person, ids, cases, wrong.get(ids, []), "rights, one by one")


def _told(cell: Cell, *, allowed: bool) -> str:
    where = {
        "own": "their own namespace",
        "neighbour": "another student's namespace",
        "foreign": "another course's namespace",
        "other": "kube-system",
        "cluster": "the whole cluster",
    }[cell.place]
    return f"{'may' if allowed else 'may not'} {cell.right} in {where}"


def _finding(
    person: Person, ids: tuple[str, ...], cases: int, wrong: list[str], how: str
) -> Finding:
    more = f" and {len(wrong) - FEW} more" if len(wrong) > FEW else ""
    return Finding(
        about=f"{person.who}: {how}",
        requirements=ids,
        verdict="failed" if wrong else "passed",
        why=f"Role: {person.who} {', '.join(wrong[:FEW])}{more}, unlike the list that is kept by hand"
        if wrong
        else "",
        standards=standards(ids),
        cases=cases,
        topic="permissions",
    )


def _unasked(person: Person, error: Exception) -> Finding:
    return Finding(
        about=f"{person.who}: rights",
        requirements=person.requirements or ("ISO-01",),
        verdict="failed",
        why=f"failed to prove: {person.who}: {getattr(error, 'message', error)}",
        topic="permissions",
    )


def list_rules(person: Person) -> list[Finding]:
    """Ask for the list of all rights in the own and in one foreign namespace."""
    found: list[str] = []
    try:
        for place in ("own", "neighbour"):
            listed = _rules(person.client, person.places[place])
            wanted = set(rights("everybody"))
            if place in person.inside:
                wanted |= rights(person.inside[place])
            found += [_told(Cell(r, place), allowed=True) for r in sorted(listed - wanted)]
            found += [_told(Cell(r, place), allowed=False) for r in sorted(wanted - listed)]
    except ClusterError as error:
        return [_unasked(person, error)]
    ids = person.requirements or ("ISO-01", "ISO-04")
    return [_finding(person, ids, 2, found, "list of all rights")]


def _rules(client: Client, namespace: str) -> set[Right]:
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    answer = client.request("POST", f"{REVIEWS}/selfsubjectrulesreviews", body=body)
    return {
        Right(verb, group, resource)
        for rule in answer["status"].get("resourceRules") or []
        for verb in rule["verbs"]
        for group in rule.get("apiGroups") or []
        for resource in rule.get("resources") or []
    }


def keeps_out_the_unknown(client: Client) -> Finding:
    """Try the cluster without any credential."""
    person = Person(who="nobody", client=client, places={}, inside={}, anonymous=True)
    try:
        client.request("GET", "/api/v1/namespaces", query={"limit": "1"})
        why = "whoever has no credential may list namespaces"
    except cluster.NotKnownError:
        why = ""
    except ApiError as error:
        why = "" if error.status == 403 else f"failed to prove: {error.message}"
    except ClusterError as error:
        why = f"failed to prove: {error.message}"
    return _finding(person, ("ISO-09",), 1, [why] if why else [], "no credential at all")
