"""What else a cluster has that an attack can be tried on: another course, a runtime class."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .. import cluster
from ..cluster import ApiError, Client
from ..manifest import COHORT, STUDENT
from .case import Case

FOREIGN = "foreign"
"""The place of a case in a namespace of another course."""

NO_OTHER_COURSE = "no other course runs on this cluster"
NO_RUNTIME_CLASS = "the cluster has no runtime class that could be chosen"
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
    others = f"{COHORT},{COHORT}!={cohort},{STUDENT}"
    return Surroundings(
        version=_numbers(cluster.version(client)),
        foreign=_first(client, "/api/v1/namespaces", others),
        runtime_class=_first(client, RUNTIME_CLASSES),
    )


def _first(client: Client, path: str, selector: str = "") -> str:
    try:
        names = [one["metadata"]["name"] for one in client.pages(path, selector=selector)]
    except ApiError:  # what we may not see, we cannot try
        return ""
    return min(names, default="")


def _numbers(version: str) -> tuple[int, int]:
    found = re.match(r"v(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else (0, 0)
