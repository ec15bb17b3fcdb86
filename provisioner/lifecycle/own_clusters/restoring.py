"""Bring an archive back into a student's own cluster: objects, and what volumes held.

It is done with what the student has: as the cluster's admin, or with the scoped role. What is
there already is never changed, and nothing is written into a volume that is not empty.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from ... import archive, cluster, credential
from ...archive import WHOLE_CLUSTER, Member
from ...cluster import workloads
from ...cohort import Record
from ...kind.found import Found, Node
from ...manifest import Manifest
from ..archives.restored import Result, State
from ..archives.restoring import CLAIMS, Opened, compare, in_order, record_in
from ..progress import Progress
from . import access, whole_cluster
from .filling import POLL, SECONDS, VOLUMES, Filling, until
from .reading import ClustersReading

DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"
SELECTED = "volume.kubernetes.io/selected-node"
"""What the scheduler writes on a claim that waits for its first pod: then it gets its volume."""


def prepare(reading: ClustersReading, id: str, opened: Opened) -> Restore:
    """Get ready to restore into a student's cluster.

    Raises:
        InputError: If nobody has this id.
        ClusterError: If the student has no cluster that runs.
    """
    record = record_in(reading, id)
    found = reading.cluster(record.name)
    client = access.client_of(reading, record.name)
    assert found is not None
    if access.is_scoped(reading.cohort):
        token = credential.short_token(client, reading.cohort.name, record.name)
        return Restore(reading, record, found, opened, client, client.bearing(token))
    return Restore(reading, record, found, opened, client, client)


class Restore:
    """The objects and volumes of an archive, on their way into one cluster."""

    def __init__(
        self,
        reading: ClustersReading,
        record: Record,
        found: Found,
        opened: Opened,
        admin: cluster.Client,
        student: cluster.Client,
    ) -> None:
        self.record = record
        self._nodes, self._opened = found.nodes, opened
        self._admin, self._student = admin, student
        self._types = _types(admin)
        self._filling = Filling(
            engine=reading.site(record.name).engine,
            nodes=found.nodes,
            admin=admin,
            types=self._types,
        )
        self._uids = {str(item["metadata"].get("uid", "")) for _, item in opened.members}
        self._new: list[str] = []
        """Volumes that were just made, and that nobody may know of yet."""

        self._held = {(one.namespace, one.claim): one for one in opened.contents.volumes}
        self._ours = record.namespace if access.is_scoped(reading.cohort) else ""

    def run(self, progress: Progress, *, dry_run: bool) -> tuple[Result, ...]:
        """Make every object that is to be made, in order, and fill volumes on the way."""
        one = partial(self._object, dry_run=dry_run)
        volumes = self._volumes(progress, dry_run=dry_run)
        return tuple(in_order(self._opened.members, one, volumes, progress))

    def _object(self, member: Member, item: Manifest, *, dry_run: bool) -> Result:
        name = str(item["metadata"]["name"])
        inside = member.namespace != WHOLE_CLUSTER
        if member.type == CLAIMS:
            self._filling.await_seen(self._new)
            self._new.clear()
        state, why = self._one(member, item, dry_run=dry_run)
        if member.type == VOLUMES and state == "restored" and not dry_run:
            self._new.append(name)
        shown = f"{member.namespace}/{name}" if inside else name
        return Result(type=member.type, name=shown, state=state, why=why)

    def _one(self, member: Member, item: Manifest, *, dry_run: bool) -> tuple[State, str]:
        why = archive.why_not(member.type, item, self._uids) or self._outside(member.namespace)
        if why:
            return "skipped", why
        if dry_run and (why := self._comes_later(member)):
            return "restored", why
        served = self._served(member.type, wait=not dry_run)
        if served is None:
            return "refused", "this cluster has no such type"
        return self._make(served, member, item, dry_run=dry_run)

    def _make(
        self, served: cluster.Type, member: Member, item: Manifest, *, dry_run: bool
    ) -> tuple[State, str]:
        place = member.namespace if member.namespace != WHOLE_CLUSTER else ""
        wanted = archive.portable(member.type, workloads.woken(member.type, item))
        body = self._asking_for_a_volume(wanted) if self._is_held(member, item) else wanted
        body = _with_node_ports(body, item) if member.type == "services" else body
        answer = _create(self._student, served, place, body, dry_run=dry_run)
        if answer == "made":
            return "restored", ""
        state, why = compare(self._student, served, place, wanted)
        # A server may refuse, for a port that is taken, before it sees that the object is there.
        if isinstance(answer, cluster.ApiError) and state == "refused":
            return "refused", answer.message
        return state, why

    def _outside(self, namespace: str) -> str:
        """Say why nothing is restored there; empty where it is."""
        if self._ours and namespace != self._ours:
            return "the student has a role in the own namespace alone"
        return ""

    def _comes_later(self, member: Member) -> str:
        """Say why the server cannot be asked yet: what the object needs is in the archive too."""
        types = {one.type for one, _ in self._opened.members}
        if member.type not in self._types and DEFINITIONS in types:
            return "asked when its type is there"
        spaces = {item["metadata"]["name"] for one, item in self._opened.members
                  if one.type == "namespaces"}  # fmt: skip
        if member.namespace in spaces - self._namespaces():
            return "asked when its namespace is there"
        return ""

    def _namespaces(self) -> set[str]:
        return {*whole_cluster.namespaces(self._admin)}

    def _served(self, type: str, *, wait: bool) -> cluster.Type | None:
        """Return a type; one that an object of the archive has just defined takes a moment."""
        defined = any(one.type == DEFINITIONS for one, _ in self._opened.members)
        if type not in self._types and wait and defined:
            until(lambda: type in self._refreshed())
        return self._types.get(type)

    def _refreshed(self) -> dict[str, cluster.Type]:
        self._types = _types(self._admin)
        return self._types

    def _is_held(self, member: Member, item: Manifest) -> bool:
        key = (member.namespace, str(item["metadata"]["name"]))
        return member.type == CLAIMS and key in self._held

    def _asking_for_a_volume(self, claim: Manifest) -> Manifest:
        """Have a claim get its volume now, and not with the first pod that uses it."""
        metadata = claim["metadata"]
        annotations = {**(metadata.get("annotations") or {}), SELECTED: _for_pods(self._nodes)}
        return {**claim, "metadata": {**metadata, "annotations": annotations}}

    def _volumes(self, progress: Progress, *, dry_run: bool) -> Iterator[Result]:
        for volume in self._opened.contents.volumes:
            if why := self._outside(volume.namespace):
                state: State = "skipped"
            elif dry_run:
                state, why = self._filling.would_fill(volume)
            else:
                state, why = self._filling.fill(volume, self._opened.pieces(volume))
            name = f"{volume.namespace}/{volume.claim}"
            progress.advance(f"the content of {name}")
            yield Result(type="volume", name=name, state=state, why=why)


def _for_pods(nodes: Sequence[Node]) -> str:
    """Return a node on which pods run: where there are workers, the first node takes none."""
    return next((one for one in nodes if one.role == "worker"), nodes[0]).name


def _with_node_ports(body: Manifest, item: Manifest) -> Manifest:
    """Keep the ports of nodes: the cluster is the student's own, and host ports lead to them."""
    had = {one.get("name", ""): one["nodePort"] for one in _ports(item) if one.get("nodePort")}
    ports = [
        {**one, "nodePort": had[one.get("name", "")]} if one.get("name", "") in had else one
        for one in _ports(body)
    ]
    return {**body, "spec": {**body["spec"], "ports": ports}} if had else body


def _ports(service: Manifest) -> list[dict[str, Any]]:
    return list((service.get("spec") or {}).get("ports") or [])


def _types(client: cluster.Client) -> dict[str, cluster.Type]:
    types, _ = cluster.served(client)
    return {str(type): type for type in types if not type.below and "create" in type.verbs}


def _create(
    client: cluster.Client, type: cluster.Type, place: str, body: Manifest, *, dry_run: bool
) -> Any:  # noqa: ANN401  (what ``cluster.create`` answers)
    """Make an object; the account that every namespace has comes a moment after it."""
    deadline = time.monotonic() + SECONDS
    while True:
        answer = cluster.create(client, type, place, body, dry_run=dry_run)
        waits = isinstance(answer, cluster.ApiError) and "serviceaccount" in answer.message
        if dry_run or not waits or time.monotonic() > deadline:
            return answer
        time.sleep(POLL)
