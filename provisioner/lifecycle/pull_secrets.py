"""Keep each environment's copies of the course's pull secrets, outside Pulumi and its state.

What is in a pull secret is read when it has to be copied, goes from the API server to the API
server, and is never written here. To plan takes metadata alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .. import cluster
from ..errors import ClusterError
from ..manifest import Manifest, ObjectKey, Versions, named_by
from ..plan import Live, Part, Wanted
from . import removal
from .progress import Progress

if TYPE_CHECKING:
    from ..cohort import Cohort
    from ..cohort.given import PullSecret
    from .reading import Reading


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What there is to copy."""

    versions: Versions
    """By the pull secret's name; those that cannot be looked at are not in it."""

    notes: tuple[str, ...] = ()
    """Why others cannot."""


NO_SOURCES = Sources(versions={})


def sources(client: cluster.Client, cohort: Cohort) -> Sources:
    """Look at the metadata of what a cohort copies, one request each.

    Raises:
        ClusterError: If the cluster cannot be reached.
    """
    found = dict(client.each(lambda one: _version(client, one), cohort.environment.pull_secrets))
    return Sources(
        versions={one.name: what[0] for one, what in found.items() if what[0]},
        notes=tuple(what[1] for what in found.values() if what[1]),
    )


def _version(client: cluster.Client, secret: PullSecret) -> tuple[str, str]:
    """Return the version that there is, or why none can be seen."""
    where = f"the pull secret {secret.name} in {secret.namespace}"
    try:
        item = cluster.look_at(client, _key(secret))
    except cluster.ApiError as error:
        return "", f"{where} cannot be looked at: {error.message}"
    return (cluster.version_of(item), "") if item else ("", f"{where} is not there")


def _key(secret: PullSecret) -> ObjectKey:
    return ObjectKey("Secret", secret.namespace, secret.name)


def with_copies(client: cluster.Client, found: cluster.Found, live: Live, wanted: Wanted) -> Live:
    """Add to what was found the copies of pull secrets, wanted or named from before.

    Raises:
        ClusterError: If the cluster cannot be reached.
    """
    accounts = [one for key, one in found.owned.items() if key.kind == "ServiceAccount"]
    named = [key for account in accounts for key in named_by(account)]
    copies = set(wanted.copy_keys)
    if not (copies or named):  # as nearly always
        return live
    return cluster.with_copies(client, found, live, copies, named)


def refuse_without_sources(reading: Reading) -> None:
    """Stop where somebody is to get a copy of what cannot be copied.

    Raises:
        ClusterError: If that is so; nothing has been changed then.
    """
    plan = reading.plan
    due = {one["metadata"]["name"] for p in (*plan.students, *plan.groups) for one in p.copies}
    if due - reading.sources.versions.keys():
        raise ClusterError(
            f"What is to be copied cannot be: {'; '.join(reading.sources.notes)}.",
            hint="Make it, or correct environment.pull_secrets; how is in"
            " docs/how-to/private-registry.md.",
        )


def write(reading: Reading, parts: Iterable[Part], progress: Progress) -> dict[str, str]:
    """Write the copies that are due.

    Args:
        reading: The cohort.
        parts: Whose environment is there by now.
        progress: Told what happens.

    Returns:
        Why copies could not be written, by the name of the student or group.
    """
    due = [part for part in parts if part.copies]
    if not due:
        return {}
    progress.step("Copying pull secrets", len(due))
    client, cohort = reading.client, reading.cohort
    secrets = {one.name: one for one in cohort.environment.pull_secrets}
    names = {copy["metadata"]["name"] for part in due for copy in part.copies}
    try:
        content = {name: cluster.read_source(client, _key(secrets[name])) for name in names}
    except ClusterError as error:
        return {part.name: error.message for part in due}

    fresh = [one["metadata"]["namespace"] for p in due if not p.copies_alone for one in p.copies]
    cluster.await_counted(client, cohort.name, fresh)

    def written(part: Part) -> str:
        answers = [
            cluster.write_copy(client, cohort.name, copy, content[copy["metadata"]["name"]])
            for copy in part.copies
        ]
        progress.advance(part.name)
        return "; ".join(filter(None, answers))

    return {part.name: why for part, why in client.each(written, due) if why}


def take_back(client: cluster.Client, parts: Iterable[Part]) -> tuple[list[Part], dict[str, str]]:
    """Delete copies that are not wanted any more, while the role that lets us is still there.

    Returns:
        The parts with the rest of their surplus, and why copies stay, by the part's name.
    """
    parts = list(parts)
    loose = [(one, part) for part in parts for one in part.surplus if _is_loose(one, part)]
    owners = {one["metadata"]["uid"]: part.name for one, part in loose}
    refused = removal.refusals(client, [one for one, _ in loose])
    why = {owners[uid]: reason for uid, reason in refused.items()}
    left = [
        replace(part, surplus=tuple(one for one in part.surplus if not _is_loose(one, part)))
        for part in parts
    ]
    return left, why


def _is_loose(live: Manifest, part: Part) -> bool:
    """Say whether something is a copy in an environment that stays."""
    return live["kind"] == "Secret" and part.action == "change"
