"""What volumes in students' namespaces hold, read and written through a pod that mounts them.

The pod is ours: it runs for as long as it takes, mounts one claim, reads it or fills it, and
does nothing by itself. It keeps to the namespace's Pod Security level and counts against its
quota. Where it cannot run, the reason is told, and the content is not included.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

from ... import archive, cluster, shell
from ...archive import Content
from ...cluster import ApiError, NotRunError, Right
from ...errors import ClusterError
from ...manifest import COHORT, Manifest
from ...manifest.copy_pod import LABEL, WHERE, copy_pod
from ..reading import Reading
from .bounded import Bounded, Claim, UnreadableError, most_of

SECONDS, PULLING = 60.0, 300.0
"""In which a pod must run that copies: the second, as long as every one has run, for an image may
have to be pulled first, and the volume of one that is late goes without a copy of it."""

NOBODY = 65534
SIMULATED = "pods are simulated on this cluster"
SAME, NOT_EMPTY = "same", "there is something else in it, which was not changed"
NO_RIGHT = "we may not run a pod there that would copy it"


@dataclass(frozen=True, kw_only=True)
class Volumes:
    """What could be read of some claims, while the pods stand."""

    contents: tuple[Content, ...] = ()
    reasons: Mapping[Claim, str] = field(default_factory=dict)
    """Why the content of others cannot."""


@dataclass(frozen=True, kw_only=True)
class Pod:
    """A pod of ours, while it stands."""

    name: str
    uid: str
    claim: Claim
    most: int
    """Bytes that are read of what it mounts."""


@dataclass(frozen=True, kw_only=True)
class Copier:
    """Runs pods that copy, in one cohort's namespaces."""

    reading: Reading
    late: Event = field(default_factory=Event)
    """Set once a pod has not run: then the next are not waited for as long."""

    @contextmanager
    def contents(self, namespaces: Iterable[str]) -> Iterator[Volumes]:
        """Hold pods that read every bound claim of some namespaces, while the block runs."""
        if isinstance(self.reading.cohort.cluster, str):  # where pods are simulated, none copies
            yield Volumes()
            return
        found: list[Content] = []
        reasons: dict[Claim, str] = {}
        with ExitStack() as pods:
            for claim, live in self._claims(namespaces):
                if (live.get("status") or {}).get("phase") != "Bound":
                    continue
                try:
                    pod = pods.enter_context(self._pod(claim, read_only=True))
                except (NotRunError, ClusterError) as error:
                    reasons[claim] = f"no pod could copy it: {error}"
                else:
                    pieces = self._read(pod)
                    found.append(Content(namespace=claim[0], claim=claim[1], pieces=pieces))
            yield Volumes(contents=tuple(found), reasons=reasons)

    def fill(self, claim: Claim, pieces: Iterable[bytes], wanted: archive.Tree) -> str:
        """Write a tar file's content into a volume that is empty.

        Returns:
            Empty where it is there now; ``SAME`` where it was there already; else why not.

        Raises:
            ClusterError: If the cluster cannot be reached, or what comes back is damaged.
            PracticumError: Whatever the pieces raise.
        """
        try:
            with self._pod(claim, read_only=False) as pod:
                there = archive.tree(self._read(pod))
                if there.files:
                    return SAME if there == wanted else NOT_EMPTY
                self._refuse_other(pod)
                shell.feed(*self._exec(pod, "-xpf"), pieces=pieces)
                if archive.tree(self._read(pod)) != wanted:
                    return "what is in the volume now is not what the archive has"
                return ""
        except NotRunError as error:
            return f"no pod could copy it: {error}"
        except UnreadableError as error:
            return error.why

    def _read(self, pod: Pod) -> Bounded:
        """Return what a volume holds, to be read within bounds."""
        return Bounded(claim=pod.claim, most=pod.most, pour=partial(self._pour, pod))

    def _pour(self, pod: Pod, timeout: float) -> Generator[bytes, None, None]:
        self._refuse_other(pod)
        yield from shell.pour(*self._exec(pod, "-cf"), timeout=timeout)
        self._refuse_other(pod)  # the same before and after: so it was meanwhile

    def _refuse_other(self, pod: Pod) -> None:
        """Refuse a pod that has taken the place of ours: students may make pods of any name.

        Raises:
            NotRunError: If ours is not there.
            ClusterError: If the server cannot be reached.
        """
        path = f"/api/v1/namespaces/{pod.claim[0]}/pods/{pod.name}"
        try:
            uid = self.reading.client.request("GET", path)["metadata"]["uid"]
        except ApiError as error:
            raise NotRunError(error.message) from None
        if uid != pod.uid:
            raise NotRunError("somebody put another pod in the place of ours")

    def _exec(self, pod: Pod, tar: str) -> list[str | Path]:
        from ... import toolchain  # only who copies pays for it

        target = self.reading.target
        kubectl = toolchain.find(toolchain.KUBECTL)[toolchain.KUBECTL].path
        access = (f"--kubeconfig={target.kubeconfig}", f"--context={target.context}")
        stdin = ("--stdin",) if tar.startswith("-x") else ()
        command = ("tar", "-C", WHERE, tar, "-", *(() if stdin else (".",)))
        place = f"--namespace={pod.claim[0]}"
        return [kubectl, *access, place, "exec", *stdin, pod.name, "--", *command]

    def _claims(self, namespaces: Iterable[str]) -> Iterator[tuple[Claim, Manifest]]:
        for namespace in namespaces:
            path = f"/api/v1/namespaces/{namespace}/persistentvolumeclaims"
            try:
                claims = list(self.reading.client.pages(path))
            except ApiError:  # then it is not archived at all, which is told elsewhere
                claims = []
            for one in claims:
                if COHORT in (one["metadata"].get("labels") or {}):
                    continue  # the course's own data, which stays where it is
                yield (namespace, one["metadata"]["name"]), one

    @contextmanager
    def _pod(self, claim: Claim, *, read_only: bool) -> Iterator[Pod]:
        """Run a pod that mounts a claim, and take it away again.

        Raises:
            NotRunError: If it does not run.
        """
        if isinstance(self.reading.cohort.cluster, str):
            raise NotRunError(SIMULATED)
        client, (namespace, name) = self.reading.client, claim
        for right in (Right("create", "", "pods", namespace=namespace),
                      Right("create", "", "pods", "exec", namespace=namespace)):  # fmt: skip
            if not cluster.may(client, right):
                raise NotRunError(NO_RIGHT)
        pod = f"practicum-copy-{hashlib.sha256(name.encode()).hexdigest()[:10]}"
        cluster.remove_pod(client, namespace, pod)  # of a run that was killed
        made = cluster.make_in(
            client, namespace, "pods", self._described(pod, claim, read_only=read_only)
        )
        try:
            self._await(namespace, pod)
            most = most_of(dict(self._claims([namespace])).get(claim, {}))  # bound by now
            yield Pod(name=pod, uid=made["metadata"]["uid"], claim=claim, most=most)
        finally:
            cluster.remove_pod(client, namespace, pod)

    def _await(self, namespace: str, pod: str) -> None:
        seconds = SECONDS if self.late.is_set() else PULLING
        try:
            cluster.await_pod(self.reading.client, namespace, pod, cluster.is_ready, seconds)
        except NotRunError:
            self.late.set()
            raise

    def _described(self, pod: str, claim: Claim, *, read_only: bool) -> Manifest:
        restricted = self.reading.cohort.environment.pod_security == "restricted"
        user = self._user(claim) if restricted else 0
        return copy_pod(self.reading.cohort, pod, claim[1], user, read_only=read_only)

    def _user(self, claim: Claim) -> int:
        """Return whom a pod of the student's runs as that mounts the claim: whose its files are."""
        path = f"/api/v1/namespaces/{claim[0]}/pods"
        for pod in self.reading.client.pages(path):
            mounted = (one.get("persistentVolumeClaim") for one in pod["spec"].get("volumes") or [])
            if claim[1] in {one["claimName"] for one in mounted if one}:
                for part in (pod["spec"], *pod["spec"]["containers"]):
                    user = (part.get("securityContext") or {}).get("runAsUser")
                    if user:
                        return int(user)
        return NOBODY


def is_ours(item: Mapping[str, Any]) -> bool:
    """Say whether an object is a pod that copies: no student's work, and gone in a moment."""
    return LABEL in (item["metadata"].get("labels") or {})
