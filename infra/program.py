"""Compose one stack of a cohort: its guard, one wave of students, or one kind cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes

from provisioner import manifest
from provisioner.cohort import Cohort, Group, Record
from provisioner.cohort.clusters import Berth
from provisioner.manifest import GUARD, cluster_part, groups_part, stack_name

from .cohort_guard import CohortGuard, CohortGuardArgs
from .kind_cluster import KindCluster, KindClusterArgs
from .kubernetes_objects import resource_name
from .student_environment import StudentEnvironment, StudentEnvironmentArgs

REQUESTS_PER_SECOND = 1000
"""The provider's own limit of 50 caps a cold `up` at 41 objects a second."""

SECONDS = 60
"""A request of the provider that takes longer has failed; by itself it would wait for ever."""


@dataclass(frozen=True, kw_only=True)
class ClusterTarget:
    """The cluster that a stack is for: a file and a context, never their content."""

    kubeconfig: str
    """Path: a kubeconfig's content would be a secret in the state.

    Empty where the KUBECONFIG of the engine's environment says it: of one that it is
    given, the provider leaves a copy among the temporary files, credentials and all.
    """

    context: str


def declare_stack(
    stack: str,
    cohort: Cohort,
    records: Iterable[Record],
    target: ClusterTarget,
    groups: Iterable[Group] = (),
    berths: Mapping[str, Berth] | None = None,
) -> None:
    """Register all resources of one stack.

    Args:
        stack: The stack's name, as ``stack_name`` makes it.
        cohort: The cohort file.
        records: Every student of the cohort; those of other waves are passed over.
        target: The cluster.
        groups: Every group of the cohort; those of other waves are passed over.
        berths: What was decided for each student's kind cluster, by the student's name.
    """
    if cohort.kind:
        for record, berth in _owners(stack, cohort, records, berths or {}):
            wanted = manifest.kind_cluster(cohort, record, berth)
            KindCluster(record.name, KindClusterArgs.of(wanted))
        return
    opts = pulumi.ResourceOptions(provider=declare_provider(cohort, target))
    if stack == stack_name(cohort.name, GUARD):
        CohortGuard(GUARD, CohortGuardArgs(manifests=tuple(manifest.guard(cohort))), opts)
        return
    records = list(records)
    for record in _members(stack, cohort, records):
        args = StudentEnvironmentArgs(manifests=tuple(manifest.environment(cohort, record)))
        StudentEnvironment(record.name, args, opts)
    by_id = {record.id: record for record in records}
    for group in _shared(stack, cohort, groups):
        shared = tuple(manifest.group(cohort, group, by_id))
        StudentEnvironment(group.name, StudentEnvironmentArgs(manifests=shared), opts)


def declared_names(
    stack: str, cohort: Cohort, records: Iterable[Record], groups: Iterable[Group] = ()
) -> set[str]:
    """Return the names of the components and objects that ``declare_stack`` registers."""
    records = list(records)
    if cohort.kind:
        return {record.name for record in _owner(stack, cohort, records)}
    if stack == stack_name(cohort.name, GUARD):
        owners = {GUARD: manifest.guard(cohort)}
    else:
        by_id = {record.id: record for record in records}
        members = _members(stack, cohort, records)
        owners = {record.name: manifest.environment(cohort, record) for record in members}
        for group in _shared(stack, cohort, groups):
            owners[group.name] = manifest.group(cohort, group, by_id)
    objects = {resource_name(owner, one) for owner, all_ in owners.items() for one in all_}
    return objects | owners.keys()


def _owners(
    stack: str, cohort: Cohort, records: Iterable[Record], berths: Mapping[str, Berth]
) -> list[tuple[Record, Berth]]:
    owners = _owner(stack, cohort, records)
    return [(one, berths[one.name]) for one in owners if one.name in berths]


def _owner(stack: str, cohort: Cohort, records: Iterable[Record]) -> list[Record]:
    """Return whose cluster a stack holds: one student's, or nobody's."""
    return [
        one
        for one in records
        if not one.dropped and stack_name(cohort.name, cluster_part(one.name)) == stack
    ]


def _members(stack: str, cohort: Cohort, records: Iterable[Record]) -> list[Record]:
    return [r for r in records if not r.dropped and stack_name(cohort.name, r.wave) == stack]


def _shared(stack: str, cohort: Cohort, groups: Iterable[Group]) -> list[Group]:
    return [
        group
        for group in groups
        if not group.dropped and stack_name(cohort.name, groups_part(group.wave)) == stack
    ]


def declare_provider(cohort: Cohort, target: ClusterTarget) -> kubernetes.Provider:
    """Register the one explicit provider of a stack: never the current context."""
    return kubernetes.Provider(
        "cluster",
        kubeconfig=target.kubeconfig or None,
        context=target.context,
        # Without it, a new token in the kubeconfig would replace every object. Which
        # cluster it really is, Practicum checks itself before a wave starts.
        cluster_identifier=f"practicum/{cohort.name}",
        enable_server_side_apply=True,
        kube_client_settings=kubernetes.KubeClientSettingsArgs(
            qps=REQUESTS_PER_SECOND, burst=2 * REQUESTS_PER_SECOND, timeout=SECONDS
        ),
    )
