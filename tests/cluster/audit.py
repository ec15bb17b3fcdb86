"""What the audit log tells of the requests of a run."""

from __future__ import annotations

from provisioner import cluster

MUTATING = {"create", "update", "patch", "delete", "deletecollection"}
KINDS = len(cluster.RESOURCES)
"""One LIST each, whatever the number of students up to a page of 500."""


def mutations(events):
    """Requests that change something; reviews of rights are created but change nothing.

    Nor does a claim: it says who is at it, and is gone at the end.
    """
    return [
        event
        for event in events
        if event["verb"] in MUTATING
        and event["userAgent"].startswith(("practicum", "pulumi"))
        and "reviews" not in event["requestURI"]
        and "dryRun" not in event["requestURI"]
        and "fieldManager=practicum-claim" not in event["requestURI"]
    ]


def about(event, field):
    """What a request is about: its object's resource, namespace or name."""
    return event.get("objectRef", {}).get(field, "")


def ours(events):
    return [event for event in events if event["userAgent"].startswith(("practicum", "pulumi"))]
