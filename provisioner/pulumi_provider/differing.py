"""What differs between a cluster and what is wanted, and which of it needs a new cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CHANGEABLE = ("running",)
"""All that kind lets one change about a cluster that is there: whether its nodes run."""

FIXED = (
    "name",
    "cohort",
    "student",
    "image",
    "workers",
    "ports",
    "address",
    "server_port",
    "names",
)


def properties(olds: Mapping[str, Any], news: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Return what changes, and what of it makes a new cluster.

    Args:
        olds: The cluster as it was last seen.
        news: What is wanted, checked.

    >>> seen = {"name": "a", "image": "one", "running": True, "complete": True}
    >>> properties(seen, {"name": "a", "image": "two", "running": False})
    (['image', 'running'], ['image'])
    >>> properties({**seen, "complete": False}, {"name": "a", "image": "one", "running": True})
    (['complete'], ['complete'])
    """
    # A port that is left to kind is as it should be whatever it is.
    fixed = [name for name in FIXED if name != "server_port" or news.get(name)]
    replaces = [name for name in fixed if olds.get(name) != news.get(name)]
    if not olds.get("complete", True):
        replaces.append("complete")
    updates = [name for name in CHANGEABLE if olds.get(name) != news.get(name)]
    return [*replaces, *updates], replaces
