"""Students who log in with the school's account: whom that opens an environment to.

Practicum has no credential to take back then; what it has is the binding in the student's
namespace. A revocation is the same note on the cluster as ever. Whoever has one is
rendered without a binding, so that no `up` brings it back.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from ... import cluster, manifest, names
from ...cluster import Client, Found
from ...cohort import Cohort, Record, Student
from ...errors import ClusterError
from ...manifest import WAY_IN, Manifest, ObjectKey

if TYPE_CHECKING:
    from ..reading import Reading


def with_logins(
    cohort: Cohort,
    students: Mapping[str, Student],
    records: Mapping[str, Record],
    closed: Container[str],
) -> dict[str, Record]:
    """Complete records with who the school's login makes each student.

    Args:
        cohort: The cohort file.
        students: Those in the roster, by id.
        records: Every student that is known, by id.
        closed: Names of those whom the login is to open nothing.
    """
    found = {}
    for id, record in records.items():
        # Of a leaver who is still to be removed the roster tells nothing any more.
        there = id in students
        user = (cohort.oidc.user(students[id]) if there else record.user) if cohort.oidc else ""
        shut = bool(cohort.oidc) and record.name in closed
        same = (record.user, record.revoked) == (user, shut)
        found[id] = record if same else replace(record, user=user, revoked=shut)
    return found


def closed(client: Client, cohort: Cohort, records: Mapping[str, Record], found: Found) -> set[str]:
    """Return the names of the students whose access was taken back.

    Where the notes cannot be read, nobody gets back in: a binding that is missing stays so.
    That is so when the guard, which gives operators that right, is not whole itself.
    """
    if cohort.oidc is None or names.identity_namespace(cohort.name) not in found.namespaces:
        return set()
    from ... import credential  # which a cohort without the school's login has no use for here

    try:
        standings = credential.standings(client, cohort.name)
    except ClusterError:
        known = records.values()
        return {one.name for one in known if _key(one) not in found.owned}
    return {name for name, standing in standings.items() if standing.revoked}


def shut(client: Client, cohort: Cohort, record: Record) -> None:
    """Take away what lets a student in; nothing where there is nothing.

    Raises:
        ClusterError: If the cluster refuses, or the binding does not carry our mark.
    """
    live = cluster.read(client, _key(record))
    if live is None:
        return
    if not manifest.belongs_to(cohort.name, live):
        raise ClusterError(
            f"RoleBinding {record.namespace}/{WAY_IN} lets them in and does not carry the"
            " cohort's mark, so it is not ours to delete; look at it and delete it by hand"
        )
    if why := cluster.delete(client, live):
        raise ClusterError(f"The binding of {record.name} stays: {why}")


def shut_groups(reading: Reading, records: Iterable[Record]) -> dict[str, str]:
    """Take students out of the bindings of groups, which let each of several in by name.

    One binding after the other: two at once would each put back whom the other took out.

    Returns:
        Why some are still in one, by id.
    """
    out = {record.user: record.id for record in records if record.user}
    why: dict[str, str] = {}
    for key in [key for key in reading.live.owned if _is_of_a_group(key, reading)]:
        live = cluster.read(reading.client, key)
        subjects = (live or {}).get("subjects") or []
        left = [subject for subject in subjects if subject["name"] not in out]
        if live is None or len(left) == len(subjects):
            continue
        try:
            error = _let_in_only(reading.client, live, left)
        except ClusterError as refusal:
            error = refusal.message
        if error:
            why |= {out[one["name"]]: error for one in subjects if one["name"] in out}
    return why


def _is_of_a_group(key: ObjectKey, reading: Reading) -> bool:
    spaces = {part.group.namespace for part in reading.plan.groups if part.group}
    return (key.kind, key.name) == ("RoleBinding", WAY_IN) and key.namespace in spaces


def _let_in_only(client: Client, live: Manifest, left: list[Manifest]) -> str:
    if not left:
        return cluster.delete(client, live)
    let_in(client, live, left)
    return ""


def let_in(client: Client, live: Manifest, subjects: list[Manifest]) -> None:
    """Make a binding as it was read, for some subjects.

    Raises:
        ClusterError: If the cluster refuses.
    """
    metadata = {what: live["metadata"][what] for what in ("name", "namespace", "labels")}
    cluster.apply(
        client,
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": live["roleRef"],
            "subjects": subjects,
        },
    )


def reopen(client: Client, cohort: Cohort, record: Record, found: Found) -> None:
    """Put back what lets a student in; where there is no environment yet, `up` does.

    Raises:
        ClusterError: If the cluster refuses.
    """
    binding = manifest.student_binding(cohort, replace(record, revoked=False))
    if binding and record.namespace in found.namespaces:
        cluster.apply(client, binding)


def _key(record: Record) -> ObjectKey:
    return ObjectKey("RoleBinding", record.namespace, WAY_IN)
