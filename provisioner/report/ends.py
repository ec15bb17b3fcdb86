"""Whose access ends before it should, for a terminal and for other programs."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any


def lines(cohort: str, ending: Mapping[str, datetime]) -> Iterator[str]:
    """Yield whose kubeconfig ends too early, and what to do about it."""
    if not ending:
        return
    yield "These kubeconfigs end before the term does, or within 30 days, for a cluster's certificates"
    yield "last a year; a new cluster has new ones (its work is archived):"
    for id, end in sorted(ending.items()):
        new = f"practicum reset {cohort} {shlex.quote(id)}"
        yield f"  ! {id}: ends on {end:%Y-%m-%d}; {new}"


def document(ending: Mapping[str, datetime]) -> list[dict[str, Any]]:
    """Return the same for ``--json``."""
    return [{"id": id, "expires": end.isoformat()} for id, end in sorted(ending.items())]
