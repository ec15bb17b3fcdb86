"""What else a cluster has that an attack can be tried on: another course, a runtime class."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from .. import cluster
from ..cluster import ApiError, Client
from ..manifest import COHORT, STUDENT, WAY_IN
from .case import Case

FOREIGN = "foreign"
"""The place of a case in a namespace of another course."""

NO_OTHER_COURSE = "no other course runs on this cluster"
NO_RUNTIME_CLASS = "the cluster has no runtime class that could be chosen"
BINDINGS = "/apis/rbac.authorization.k8s.io/v1/rolebindings"
RUNTIME_CLASSES = "/apis/node.k8s.io/v1/runtimeclasses"


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a verification found beside the cohort; nothing of it is ours."""

    version: tuple[int, int] = (0, 0)
    """Major and minor of Kubernetes."""

    foreign: str = ""
    """A student's namespace of another course; empty when there is none that we see."""

    runtime_class: str = ""

    def lacks(self, case: Case) -> str:
        """Say what a case needs and the cluster does not have; empty where it can be tried."""
        if case.since > self.version:
            return "the cluster is older than Kubernetes {}.{}".format(*case.since)
        if FOREIGN in (case.attempt.where, case.twin.where) and not self.foreign:
            return NO_OTHER_COURSE
        if "runtime-class" in case.needs and not self.runtime_class:
            return NO_RUNTIME_CLASS
        return ""


def look(client: Client, cohort: str) -> Surroundings:
    """Look around a cluster.

    Raises:
        ClusterError: If the cluster cannot be reached.
    """
    return Surroundings(
        version=_numbers(cluster.version(client)),
        foreign=_foreign(client, f"{COHORT},{COHORT}!={cohort},{STUDENT}"),
        runtime_class=_first(client, RUNTIME_CLASSES),
    )


def _foreign(client: Client, others: str) -> str:
    """Return a namespace that somebody is let into; any, where we may not see who is.

    A group whose members have all left has a namespace too, and is nobody's way in.
    """
    bindings = _all(client, BINDINGS, others)
    ways_in = [one["metadata"] for one in bindings if one["metadata"]["name"] == WAY_IN]
    entered = min((one["namespace"] for one in ways_in), default="")
    return entered or _first(client, "/api/v1/namespaces", others)


def _first(client: Client, path: str, selector: str = "") -> str:
    return min((one["metadata"]["name"] for one in _all(client, path, selector)), default="")


def _all(client: Client, path: str, selector: str) -> list[dict[str, Any]]:
    try:
        return list(client.pages(path, selector=selector, metadata_only=True))
    except ApiError:  # what we may not see, we cannot try
        return []


def _numbers(version: str) -> tuple[int, int]:
    found = re.match(r"v(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else (0, 0)
