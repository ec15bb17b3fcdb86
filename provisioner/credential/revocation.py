"""The note on the cluster that a student's access was taken back."""

from __future__ import annotations

from datetime import UTC, datetime

from .. import cluster
from ..cohort import Record
from ..errors import ClusterError
from ..manifest import COHORT, STUDENT
from .standing import RECIPIENT, REVOKED, secrets_path

TYPE = "practicum.dev/revocation"


def mark_revoked(client: cluster.Client, cohort: str, record: Record, recipient: str) -> None:
    """Note that a student's access was taken back, so that no operator gives it again.

    Raises:
        ClusterError: If the cluster refuses.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    metadata = {
        "name": _mark_of(record),
        "labels": {COHORT: cohort, STUDENT: record.name},
        "annotations": {REVOKED: now.isoformat(), RECIPIENT: recipient},
    }
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": TYPE}
    try:
        client.request("POST", secrets_path(cohort), body=body)
    except cluster.ApiError as error:
        if error.status != 409:
            raise ClusterError(f"{record.name} cannot be revoked: {error.message}") from None


def unmark_revoked(client: cluster.Client, cohort: str, record: Record) -> None:
    """Take the note of a revocation away; no token comes back by that.

    Raises:
        ClusterError: If the cluster refuses.
    """
    try:
        client.request("DELETE", f"{secrets_path(cohort)}/{_mark_of(record)}")
    except cluster.ApiError as error:
        if error.status != 404:
            raise ClusterError(f"{record.name} stays revoked: {error.message}") from None


def _mark_of(record: Record) -> str:
    # A bound Secret ends with eight hexadecimal digits, so the two cannot meet.
    return f"{record.name}.revoked"
