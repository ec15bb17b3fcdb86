"""Which cluster a cohort runs on, so that another one behind the same context is noticed."""

from __future__ import annotations

from ..cohort import ClusterAccess, Cohort
from ..errors import ClusterError


def of(cohort: Cohort, uid: str) -> str:
    """Return what is recorded of a cluster: its UID; nothing of a rehearsal.

    A rehearsal lies in our own home, and a new one in its place is meant.
    """
    return "" if isinstance(cohort.cluster, str) else uid


def refuse_other(cohort: Cohort, recorded: str, uid: str) -> None:
    """Refuse a cluster other than the one of the first `up`.

    A context is a name, and its address may lead elsewhere today: to a cluster that was
    restored, or to the one of another course.

    Args:
        cohort: The cohort.
        recorded: What the records say of its cluster; empty before the first `up`.
        uid: UID of the kube-system namespace of the cluster that answered.

    Raises:
        ClusterError: If it is another one.
    """
    if not recorded or not isinstance(cohort.cluster, ClusterAccess) or recorded == uid:
        return
    raise ClusterError(
        f"The context {cohort.cluster.context} leads to another cluster than the one that"
        f" {cohort.name} runs on (kube-system has the UID {uid or 'of nothing'}, not {recorded}).",
        hint="Check the kubeconfig and the context in cohort.yaml. Only if the old cluster is"
        f" gone for good and this one takes its place: practicum adopt {cohort.name}",
    )
