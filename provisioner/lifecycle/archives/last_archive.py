"""The archive before a deletion: nobody adds to what is counted, and who stays loses nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ...manifest import Manifest
from ...settings import Settings
from ..doors import Doors
from ..progress import Progress
from ..reading import Reading
from . import archiving
from .kept import Archived


def before_deletion(
    settings: Settings, reading: Reading, namespaces: list[Manifest], progress: Progress
) -> Archived:
    """Archive what lies in namespaces that are to go, after their students were shut out.

    Who cannot be archived is let in again; so is everybody where it comes to nothing.

    Args:
        settings: Folders.
        reading: The cohort.
        namespaces: Of students, as they were read.
        progress: Told what happens.

    Returns:
        The archives that are whole, and why the others are not there.

    Raises:
        InputError: If there is no course key, or the folder cannot be used.
        ClusterError: If not even the types can be listed: then nobody's archive is complete.
    """
    namespaces = archiving.there(namespaces)
    archiving.refuse_without_key(reading.cohort, namespaces, otherwise="")
    doors = Doors.of(reading, namespaces)
    try:
        open_ = _by_subject(namespaces, doors.shut())
        still = [live for live in namespaces if archiving.subject_of(live) not in open_]
        kept = archiving.keep(settings, reading, still, progress)
    except BaseException:
        doors.reopen()
        raise
    kept = _not_kept(reading, kept, namespaces, open_, "was not archived, for access stays")
    stays = [live for live in namespaces if archiving.subject_of(live) in kept.failed]
    shut = _by_subject(stays, doors.reopen({live["metadata"]["name"] for live in stays}))
    return _not_kept(reading, kept, stays, shut, "nor was access put back, which `up` does")


def _by_subject(namespaces: Iterable[Manifest], why: Mapping[str, str]) -> dict[str, str]:
    """Return reasons by whose the namespaces are, of reasons by namespace."""
    named = ((archiving.subject_of(live), live["metadata"]["name"]) for live in namespaces)
    return {subject: why[place] for subject, place in named if place in why}


def _not_kept(
    reading: Reading,
    kept: Archived,
    namespaces: Iterable[Manifest],
    why: Mapping[str, str],
    what: str,
) -> Archived:
    """Add whose work is not kept, with the reasons, by the student's name."""
    ids = {archiving.subject_of(live): archiving.whose(reading, live) for live in namespaces}
    told = {
        subject: "; ".join([*filter(None, [kept.failed.get(subject)]), f"{what}: {reason}"])
        for subject, reason in why.items()
    }
    return replace(
        kept,
        failed={**kept.failed, **told},
        failed_ids={**kept.failed_ids, **{ids[subject]: text for subject, text in told.items()}},
    )
