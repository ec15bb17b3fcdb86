"""See what has come of a run; where the cluster does not tell, say what is known without it."""

from __future__ import annotations

from collections.abc import Collection

from ..errors import ClusterError
from ..plan import Action
from ..settings import Settings
from . import removal
from .reading import Reading, read


def read_again(settings: Settings, before: Reading, failed: Collection[str]) -> Reading:
    """Read a cohort after a run.

    Args:
        settings: Folders and state backend.
        before: What the run went by.
        failed: Names of those of whom it is known that they are not through.

    Raises:
        ClusterError: If the cluster does not answer any more; it says what is through.
    """
    try:
        return _shut_again(settings, read(settings, before.cohort.name))
    except ClusterError as error:
        raise _unseen(before, failed, error) from error


def _shut_again(settings: Settings, after: Reading) -> Reading:
    """Take away the bindings of who was revoked while we worked: we had planned them before."""
    parts = after.plan.having("change")
    back = [part for part in parts if part.record and part.record.revoked and part.surplus]
    if not back:
        return after
    removal.remove_surplus(after.client, back, None)
    return read(settings, after.cohort.name)


def _unseen(before: Reading, failed: Collection[str], error: ClusterError) -> ClusterError:
    differed: tuple[Action, ...] = ("create", "change", "remove")
    parts = [*before.plan.having(*differed), *before.plan.shared(*differed)]
    left = sum(part.name in failed for part in parts)
    rest = f"; what has come of the other {left} is unknown" if left else ""
    return ClusterError(
        f"{len(parts) - left} of {len(parts)} environments are through{rest}: the cluster could"
        f" not be read again. {error.message}",
        hint="Nothing is lost. When it answers, run the same again; it does what is left:"
        f" practicum up {before.cohort.name}",
    )
