"""Ask the cluster while the rest of us is still being imported and the files are read.

Of a `plan` of hundreds, the cluster's answers take as long as the schema of the cohort file
takes to import; one after the other they would be a quarter of it. Whatever is wrong is told
later, by the reading that all of this is for.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .. import cluster, names
from ..cohort import yaml_file
from ..errors import PracticumError
from ..settings import Settings
from . import target as targets
from .target import Target


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The lists of a cohort that are on their way."""

    target: Target
    client: cluster.Client
    listing: cluster.Listing


def ask(settings: Settings, name: str) -> Asked | None:
    """Ask a cohort's cluster for its lists; None where something about it is wrong."""
    try:
        target = _target(settings, name)
        if target is None:
            return None
        client = cluster.Client(cluster.load(target.kubeconfig, target.context))
    except (PracticumError, OSError, RuntimeError, ValueError):
        return None  # a path may have nobody's home in it, or what no path may have
    return Asked(target=target, client=client, listing=cluster.Listing(client, name))


def _target(settings: Settings, name: str) -> Target | None:
    """Return what a cohort file says of the cluster, before anything else of it is looked at.

    Raises:
        InputError: If it cannot be read.
    """
    if names.cohort_mistake(name):
        return None
    file = yaml_file.read(settings.stacks / name / "cohort.yaml").value
    said = file.get("cluster") if isinstance(file, dict) else None
    if said == "rehearsal":
        return targets.rehearsal(settings.home)
    path, context = (
        (said.get("kubeconfig"), said.get("context")) if isinstance(said, dict) else ("", "")
    )
    if isinstance(path, str) and isinstance(context, str) and path:
        return targets.own(Path(path), context)
    return None
