"""Render the rights that whoever runs a cohort needs, for the cluster's administrator."""

from __future__ import annotations

from .. import cluster, names
from .. import cohort as cohorts
from ..errors import ClusterError, InputError
from ..manifest import Manifest
from ..settings import Settings
from .target import connect, refuse_without_namespaces


def every_cohort(settings: Settings) -> list[str]:
    """Return the names of all cohorts that there are.

    Raises:
        InputError: If there is none.
    """
    found = sorted(path.parent.name for path in settings.stacks.glob("*/cohort.yaml"))
    if not found:
        raise InputError(
            f"There is no cohort in {settings.stacks}.", hint="Write one with: practicum init NAME"
        )
    return found


def impersonator(settings: Settings, name: str) -> Manifest:
    """Return the ClusterRole with which `verify` acts as those who have no token of ours.

    Args:
        settings: Folders.
        name: The cohort.

    Raises:
        InputError: If the cohort's files are wrong, or everybody has a token.
    """
    cohort = cohorts.load(settings.stacks, name)
    refuse_without_namespaces(cohort)
    users = [one.user for one in cohort.assistants if one.user and not one.key]
    if cohort.oidc:
        users += [cohort.oidc.user(student) for student in cohorts.load_students(cohort)]
        users += [names.scratch_user(name, which) for which in names.SCRATCH_USERS]
    if not users:
        raise InputError(
            f"Nobody in {name} has to be impersonated: `verify` makes tokens for all.",
            hint="It is for auth.oidc, and for assistants without a key.",
        )
    return cluster.impersonator(cohort, users)


def roles(settings: Settings, name: str) -> list[Manifest]:
    """Return the ClusterRoles of a cohort's operators; asks the cluster what it serves.

    Args:
        settings: Folders.
        name: The cohort.

    Raises:
        InputError: If the cohort's files are wrong.
        ClusterError: If the cluster cannot be reached, or does not say all that it serves.
    """
    cohort = cohorts.load(settings.stacks, name)
    refuse_without_namespaces(cohort)
    _, client = connect(cohort, settings.home)
    types, silent = cluster.listable(client)
    if silent:
        raise ClusterError(
            f"API groups that do not answer: {', '.join(silent)}.",
            hint="Mend or delete these APIServices: no proof could go through what they serve.",
        )
    return cluster.roles(cohort, [(one.group, one.plural) for one in types])
