"""Compose one stack of a cohort: its guard, or one wave of students."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes

from provisioner import manifest
from provisioner.cohort import Cohort, Group, Record
from provisioner.manifest import GUARD, groups_part, stack_name

from .cohort_guard import CohortGuard, CohortGuardArgs
from .student_environment import StudentEnvironment, StudentEnvironmentArgs

REQUESTS_PER_SECOND = 1000
"""The provider's own limit of 50 caps a cold `up` at 41 objects a second."""


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
) -> None:
    """Register all resources of one stack.

    Args:
        stack: The stack's name, as ``stack_name`` makes it.
        cohort: The cohort file.
        records: Every student of the cohort; those of other waves are passed over.
        target: The cluster.
        groups: Every group of the cohort; those of other waves are passed over.
    """
    opts = pulumi.ResourceOptions(provider=declare_provider(cohort, target))
    if stack == stack_name(cohort.name, GUARD):
        CohortGuard(GUARD, CohortGuardArgs(manifests=tuple(manifest.guard(cohort))), opts)
        return
    records = list(records)
    members = [r for r in records if not r.dropped and stack_name(cohort.name, r.wave) == stack]
    for record in members:
        args = StudentEnvironmentArgs(manifests=tuple(manifest.environment(cohort, record)))
        StudentEnvironment(record.name, args, opts)
    by_id = {record.id: record for record in records}
    for group in groups:
        if not group.dropped and stack_name(cohort.name, groups_part(group.wave)) == stack:
            shared = tuple(manifest.group(cohort, group, by_id))
            StudentEnvironment(group.name, StudentEnvironmentArgs(manifests=shared), opts)


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
            qps=REQUESTS_PER_SECOND, burst=2 * REQUESTS_PER_SECOND
        ),
    )
