"""Whose access ends before it should, for a terminal and for other programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any


def lines(cohort: str, ending: Mapping[str, datetime]) -> Iterator[str]:
    """Yield whose kubeconfig ends too early, and what to do about it."""
    if not ending:
        return
    yield "These kubeconfigs end before the term does, or within 30 days, for a cluster's certificates"
    yield f"last a year; a new cluster has new ones (its work is archived): practicum reset {cohort} STUDENT"
    for id, end in sorted(ending.items()):
        yield f"  ! {id}: ends on {end:%Y-%m-%d}"


def document(ending: Mapping[str, datetime]) -> list[dict[str, Any]]:
    """Return the same for ``--json``."""
    return [{"id": id, "expires": end.isoformat()} for id, end in sorted(ending.items())]
