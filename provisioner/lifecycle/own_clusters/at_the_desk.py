"""What is done at the desk, where students get their access: by name, for nothing was read yet."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from ...settings import Settings
from ..progress import Progress

if TYPE_CHECKING:  # a command pays for no other's modules
    from ..access.giving import HandoutResult
    from ..access.handout import Wishes
    from ..access.revoke import RevokeResult
    from ..backend import Ids
    from .reading import ClustersReading


class Desk:
    """Hands out clusters, and takes access back where that can be done."""

    def handout(
        self, settings: Settings, name: str, ids: Ids, *, progress: Progress, wishes: Wishes
    ) -> HandoutResult:
        """Seal admins' kubeconfigs, or mint tokens of a scoped role."""
        from . import handing_out

        reading = _read(settings, name)
        return handing_out.handout(settings, reading, ids, progress=progress, wishes=wishes)

    def rotate(
        self, settings: Settings, name: str, ids: Ids, *, progress: Progress, overlap: timedelta
    ) -> HandoutResult:
        """Mint new tokens of a scoped role."""
        from . import scoped

        reading = _read(settings, name)
        scoped.refuse_admins(reading, "rotate", ids)
        pairs = scoped.chosen(reading, ids)
        return scoped.rotate(settings, reading, pairs, progress=progress, overlap=overlap)

    def sweep_access(self, settings: Settings, name: str) -> tuple[str, ...]:
        """End old tokens of a scoped role."""
        from . import scoped

        reading = _read(settings, name)
        return scoped.sweep(settings, reading)

    def revoke(
        self, settings: Settings, name: str, ids: Ids, *, progress: Progress
    ) -> RevokeResult:
        """Kill tokens of a scoped role."""
        from ..access import desk
        from . import scoped

        reading = _read(settings, name)
        scoped.refuse_admins(reading, "revoke", ids)
        pairs = desk.chosen(reading, tuple(ids))  # also whose cluster does not run: they fail
        return scoped.revoke(settings, reading, pairs, progress=progress)

    def reinstate(
        self, settings: Settings, name: str, ids: Ids, *, progress: Progress, replace_key: bool
    ) -> HandoutResult:
        """Mint tokens for those who had been revoked."""
        from . import scoped

        reading = _read(settings, name)
        scoped.refuse_admins(reading, "reinstate", ids)
        return scoped.reinstate(
            settings,
            reading,
            scoped.chosen(reading, ids),
            progress=progress,
            replace_key=replace_key,
            named=bool(ids),
        )


def _read(settings: Settings, name: str) -> ClustersReading:
    from ... import cohort as cohorts
    from . import reading

    return reading.read(cohorts.load(settings.stacks, name))
