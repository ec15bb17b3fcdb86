"""Quotas that count nothing yet: one that was just made refuses all that it is to count."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress

from ..errors import ClusterError
from ..manifest import Manifest, selector
from .answers import ApiError
from .client import Client
from .observe import Found
from .resources import RESOURCES

SECONDS = 20
"""In which a cluster's controller gets to a quota; a class at once keeps it busy for some."""


def uncounted(found: Found) -> list[str]:
    """Return the namespaces in which nothing can be made yet, as far as was read."""
    quotas = (item for key, item in found.owned.items() if key.kind == "ResourceQuota")
    return [quota["metadata"]["namespace"] for quota in quotas if not _counts(quota)]


def await_counted(client: Client, cohort: str, namespaces: Collection[str]) -> None:
    """Wait until quotas count, for some seconds at most; of no namespace nothing is asked."""
    waiting = set(namespaces)
    query = {"labelSelector": selector(cohort)}
    if not waiting:
        return
    with suppress(ClusterError, ApiError):  # then it is tried all the same
        for event in client.watch(RESOURCES["ResourceQuota"].path(), query=query, seconds=SECONDS):
            quota = event["object"]
            if _counts(quota):
                waiting.discard(quota["metadata"]["namespace"])
            if not waiting:
                return


def _counts(quota: Manifest) -> bool:
    wanted = (quota.get("spec") or {}).get("hard")
    return bool(wanted) and (quota.get("status") or {}).get("hard") == wanted
