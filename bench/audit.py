"""Count the requests of a case in the API server's audit log."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

READING = {"get", "list", "watch"}
ASKING = {"selfsubjectaccessreviews", "selfsubjectreviews"}
"""A POST that makes nothing: the server answers a question."""

FENCE = "fence="
"""In the query of the requests with which we find our place in the log."""


@dataclass(frozen=True, kw_only=True)
class Requests:
    """Requests of one identity, by what they may do."""

    reading: int = 0
    """Also dry runs and questions about rights: they change nothing."""

    mutating: int = 0


def count(lines: Iterable[bytes], user: str) -> Requests:
    """Count the requests of a user that the log says are answered.

    Args:
        lines: Of the audit log, one event each.
        user: Whose requests; the controllers have identities of their own.
    """
    events = (json.loads(line) for line in lines)
    own = [event for event in events if _counts(event, user)]
    changing = sum(_changes(event) for event in own)
    return Requests(reading=len(own) - changing, mutating=changing)


def deleting(lines: Iterable[bytes], user: str) -> float:
    """Return the seconds from a user's first DELETE of a namespace to the end of the last one.

    A namespace ends when the last finalizer is taken off it: by the namespace controller, or by
    the user, who may have tied it by one and changes it for the last time then.
    """
    events = [json.loads(line) for line in lines]
    ours = [event for event in events if _is(event, "delete", "") and _by(event, user)]
    names = {_name(event) for event in ours}
    let_go = [event for event in events if _is(event, "patch", "") and _by(event, user)]
    ends = [_time(event) for event in events if _is(event, "update", "finalize")]
    ends += [_time(event) for event in let_go if _name(event) in names and _took(event)]
    return (max(ends) - min(map(_time, ours))).total_seconds() if ours and ends else 0.0


def _name(event: dict[str, Any]) -> str:
    return str(event["objectRef"].get("name"))


def _took(event: dict[str, Any]) -> bool:
    """Say whether the server did what it was asked: what has gone is changed by nobody."""
    return bool(event["responseStatus"]["code"] == 200)


def _is(event: dict[str, Any], verb: str, subresource: str) -> bool:
    asked = event.get("objectRef", {})
    about = asked.get("resource"), asked.get("subresource", "")
    done = event["stage"] == "ResponseComplete" and event["verb"] == verb
    return bool(done and about == ("namespaces", subresource))


def _by(event: dict[str, Any], user: str) -> bool:
    return bool(event["user"]["username"] == user)


def _time(event: dict[str, Any]) -> datetime:
    # Of a request that deletes, when it came; of one that ends, when it was done.
    when = "requestReceivedTimestamp" if event["verb"] == "delete" else "stageTimestamp"
    return datetime.fromisoformat(event[when])


def _counts(event: dict[str, Any], user: str) -> bool:
    # A watch is logged twice; the second time is when it ends.
    return (
        event["stage"] == "ResponseComplete"
        and event["user"]["username"] == user
        and FENCE not in event["requestURI"]
    )


def _changes(event: dict[str, Any]) -> bool:
    if event["verb"] in READING or "dryRun=All" in event["requestURI"]:
        return False
    return event.get("objectRef", {}).get("resource") not in ASKING
