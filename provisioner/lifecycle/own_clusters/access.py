"""What students of kind clusters have of access."""

from __future__ import annotations

from collections.abc import Mapping

from ...credential import Standing
from ...settings import Settings
from .reading import ClustersReading


def standings(_settings: Settings, _reading: ClustersReading) -> Mapping[str, Standing]:
    """Return the access that students have, by the student's name."""
    return {}
