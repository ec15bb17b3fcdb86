"""Lines for people about archives: what was kept, what is in one, what came back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # a command pays for no other's modules
    from ..archive import Contents
    from ..lifecycle.archives.kept import Archive, Archived
    from ..lifecycle.archives.restored import Restored

FEW = 10


def to_archive(folder: Path, namespaces: int, *, wanted: bool) -> Iterator[str]:
    """Yield what is archived before it is deleted, and where; nothing where nothing goes."""
    if namespaces and wanted:
        yield f"{namespaces} environment(s) are archived first, encrypted, in {folder}"
    elif namespaces:
        yield f"Nothing is kept of what is in {namespaces} environment(s) (--no-archive)."


@dataclass(frozen=True, kw_only=True)
class Goes:
    """What ``down --dry-run`` shows."""

    cohort: str
    names: tuple[str, ...]
    """Of what would be deleted."""

    students: int
    folder: Path | None
    """Where their work would be archived first; None where no copy is wanted."""

    protected: bool
    course_key: bool
    """Whether there is a key that work can be archived with."""

    def lines(self) -> Iterator[str]:
        """Yield what would be deleted, what is kept of it, and whether `down` refuses."""
        yield from (f"  - {name}" for name in self.names)
        folder = self.folder or Path()
        yield from to_archive(folder, self.students, wanted=self.folder is not None)
        if self.protected:
            yield "It is protected: `down` refuses until protect is false in cohort.yaml."
        if self.folder and self.students and not self.course_key:
            yield (
                "It has no course_key: `down` refuses until cohort.yaml has the line that this"
                f" prints, or with --no-archive: practicum archive key {self.cohort}"
            )

    def to_json(self) -> dict[str, Any]:
        """Return the document of ``--json``."""
        return {
            "cohort": self.cohort,
            "dry_run": True,
            "deletes": list(self.names),
            "students": self.students,
            "archive": self.folder is not None,
            "protected": self.protected,
            "course_key": self.course_key,
        }


def kept(made: Sequence[Archive]) -> Iterator[str]:
    """Yield where the work of those who left lies; nothing where nothing was kept."""
    if made:
        yield f"  {len(made)} archived in {made[0].path.parent}, each read back"


def archived(found: Archived) -> Iterator[str]:
    """Yield whose work could not be archived, what has no copy, and the totals."""
    for id, why in sorted(found.failed_ids.items()):
        yield f"  ! {id}: {why}"
    if not (found.made or found.failed):
        return
    failed = f", {len(found.failed)} failed" if found.failed else ""
    size = sum(one.size for one in found.made)
    yield f"{len(found.made)} archived in {found.folder}, {size} bytes, each read back{failed}"
    without = [one.id for one in found.made if one.no_copy]
    if without:
        yield f"  no copy of their own, for want of a key: {', '.join(without[:FEW])}" + (
            f" and {len(without) - FEW} more" if len(without) > FEW else ""
        )
    if volumes := sum(one.volumes for one in found.made):
        yield f"  the content of {volumes} volume(s) is in them"
    claims = sum(len(one.claims) for one in found.made)
    if claims:
        yield f"  {claims} volume(s) are listed, but their content is not included"


def restored(found: Restored) -> Iterator[str]:
    """Yield what became of each object, and the totals."""
    for one in found.results:
        if one.state != "skipped":
            planned = found.dry_run and one.state == "restored"
            state = "restore" if planned else one.state
            yield f"  {state:<8} {one.type} {one.name}" + (f": {one.why}" if one.why else "")
    counts = Counter(one.state for one in found.results)
    would = "would be restored" if found.dry_run else "restored"
    yield (
        f"{found.student}: {counts['restored']} {would} into {found.namespace},"
        f" {counts['same']} there already, {counts['other'] + counts['refused']} not,"
        f" {counts['skipped']} make themselves"
    )


def contents(found: Contents) -> Iterator[str]:
    """Yield what is in an archive and what is not."""
    about = found.about
    yield f"{about.cohort}: {about.student}, {about.time}, Kubernetes {about.kubernetes}"
    for one in found.lists:
        if one.count:
            yield f"  {one.count:>4}  {one.type} in {one.namespace}"
    for left in found.left_out:
        what = f"{left.type} {left.name}".strip()
        yield f"  not in it: {left.count or ''} {what}: {left.why}".replace("  ", " ")
    for volume in found.volumes:
        yield f"  {volume.size} bytes of the volume {volume.claim} in {volume.namespace}"
    yield f"{found.objects} object(s), each as its sha256 in manifest.json says"
