"""Which cluster a cohort runs on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .. import cluster
from ..errors import ClusterError, InputError

if TYPE_CHECKING:  # the cluster is asked before the schema is imported
    from ..cohort import Cohort


@dataclass(frozen=True, kw_only=True)
class Target:
    """The cluster of a cohort, by file and context."""

    kubeconfig: Path
    context: str


def rehearsal(home: Path) -> Target:
    """Return the one that lies in a home."""
    return Target(kubeconfig=(home / "rehearsal" / "kubeconfig").resolve(), context="rehearsal")


def own(kubeconfig: Path, context: str) -> Target:
    """Return one that a cohort file names."""
    return Target(kubeconfig=kubeconfig.expanduser().resolve(), context=context)


def of(cohort: Cohort, home: Path) -> Target:
    """Return the cluster that a cohort names; never the current context."""
    if cohort.cluster is None or isinstance(cohort.cluster, str):
        return rehearsal(home)
    return own(cohort.cluster.kubeconfig, cohort.cluster.context)


def connect(cohort: Cohort, home: Path) -> tuple[Target, cluster.Client]:
    """Open the cluster of a cohort.

    Raises:
        InputError: If its students have a cluster each.
        ClusterError: If its kubeconfig cannot be used.
    """
    refuse_without_namespaces(cohort)
    target = of(cohort, home)
    if isinstance(cohort.cluster, str) and not target.kubeconfig.exists():
        raise ClusterError(
            f"The cohort {cohort.name} runs on the rehearsal, and none is up in {home}.",
            hint="Start it with: practicum rehearsal up",
        )
    return target, cluster.Client(cluster.load(target.kubeconfig, target.context))


def refuse_without_namespaces(cohort: Cohort) -> None:
    """Stop a command that is about namespaces where students have a cluster each.

    Raises:
        InputError: If they have.
    """
    if cohort.kind:
        raise InputError(
            f"Every student of {cohort.name} has a kind cluster of their own, and this command is"
            " about namespaces of one cluster.",
            hint="docs/how-to/kind-clusters.md says what takes its place.",
        )
