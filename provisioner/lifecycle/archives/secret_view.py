"""Let an operator who may not read Secrets see those of the namespaces that are archived.

RBAC cannot say *the Secrets of this cohort's namespaces* once for all, so it is said in
each of them, for as long as it takes, by a binding that carries our mark: if a run is
killed, the next `up` takes it away. Who may list all Secrets needs none of it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from ... import cluster
from ...cluster import Right
from ...errors import ClusterError
from ...manifest import ARCHIVE, COHORT, STUDENT, Manifest, role_name
from ..reading import Reading

NAME = "practicum-archive"
SECONDS = 10.0
"""How long the API server may take to notice a new binding."""


@contextmanager
def opened(reading: Reading, namespaces: Iterable[Manifest]) -> Iterator[tuple[str, ...]]:
    """Bind the operator in some namespaces while the block runs.

    Yields:
        The types that cannot be listed in the whole cluster.

    Raises:
        ClusterError: If there is no such right to be had.
    """
    if cluster.may(reading.client, Right("list", "", "secrets")):
        yield ()
        return
    if not reading.cohort.operators:
        raise ClusterError(
            "We may not list Secrets, which are part of the students' work.",
            hint="Name yourself under operators in cohort.yaml, and run:"
            f" practicum up {reading.cohort.name}",
        )
    client, who = reading.client, cluster.whoami(reading.client)
    # Where it cannot be made, the list that needs it is refused, and says so.
    bound = [one for _, one in client.each(lambda ns: _bind(reading, ns, who), namespaces) if one]
    try:
        deadline = time.monotonic() + SECONDS
        for binding in bound:
            _await(client, binding["metadata"]["namespace"], deadline)
        yield ("secrets",)
    finally:
        for _ in client.each(lambda live: cluster.delete(client, live), bound):
            pass


def _bind(reading: Reading, namespace: Manifest, who: str) -> Manifest | None:
    name, metadata = reading.cohort.name, namespace["metadata"]
    student = (metadata.get("labels") or {}).get(STUDENT)
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {
            "name": NAME,
            "namespace": metadata["name"],
            "labels": {COHORT: name} | ({STUDENT: student} if student else {}),
        },
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": role_name(name, ARCHIVE),
        },
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": who}],
    }
    try:
        return cluster.apply(reading.client, binding)
    except ClusterError:
        return None


def _await(client: cluster.Client, namespace: str, deadline: float) -> None:
    right = Right("list", "", "secrets", namespace=namespace)
    while not cluster.may(client, right) and time.monotonic() < deadline:
        time.sleep(0.05)  # nothing tells when an authorizer has seen a binding
