"""The files in which Pulumi keeps its state where the backend is a folder.

A state that cannot be used is never written over: it is renamed, so that it can be looked at.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from . import stale
from .state import PROJECT, DamagedStateError, NewerStateError, Saved, parse

SCHEME = "file://"

KEPT_RUNS = 3
"""Runs of a stack of which Pulumi's history is kept."""


def path_of(url: str, stack: str) -> Path | None:
    """Return the file of a stack's state; None where the backend is no folder."""
    if not url.startswith(SCHEME):
        return None
    return Path(url.removeprefix(SCHEME)) / ".pulumi" / "stacks" / PROJECT / f"{stack}.json"


def trouble(url: str, stack: str, *, provider: str) -> str:
    """Say why a stack's saved state cannot be used; empty when it can, or is not here to see."""
    path = path_of(url, stack)
    try:
        if path is not None:
            read(path, stack, provider=provider)
    except (DamagedStateError, NewerStateError) as error:
        return str(error)
    return ""


def backup_of(path: Path) -> Path:
    """Return where Pulumi keeps the state as it was one save earlier."""
    return path.with_name(path.name + ".bak")


def read(path: Path, stack: str, *, provider: str) -> Saved | None:
    """Read a stack's state; None where there is none.

    Raises:
        DamagedStateError: If it cannot be used.
        NewerStateError: If a later Pulumi or provider wrote it.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DamagedStateError(f"it cannot be read: {error.strerror}") from None
    return parse(content, stack, provider=provider)


def restore(path: Path, stack: str, *, provider: str) -> Path | None:
    """Put the state of one save earlier in the place of one that is damaged.

    An earlier state is as good as that of a killed run: the same objects are applied again.

    Returns:
        Where the damaged one is kept; None when there is no backup that can be used, and
        nothing was done.
    """
    backup = backup_of(path)
    try:
        if read(backup, stack, provider=provider) is None:
            return None
    except DamagedStateError:
        return None
    kept = set_aside(path)
    part = path.with_name(f".{path.name}.restored")
    shutil.copyfile(backup, part)
    part.chmod(0o600)
    part.replace(path)
    return kept


def set_aside(path: Path) -> Path:
    """Rename a state that cannot be used, with what belongs to it; returns the new name."""
    kept = path.with_name(f"{path.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}")
    path.rename(kept)
    # Of the folder's own bookkeeping: it describes a file that is no longer there.
    with suppress(OSError):
        path.with_name(path.name + ".attrs").unlink()
    return kept


def remove_backup(path: Path) -> None:
    """Remove what Pulumi keeps of a stack that is gone."""
    for one in (backup_of(path), backup_of(path).with_name(f"{backup_of(path).name}.attrs")):
        one.unlink(missing_ok=True)


def shorten_history(url: str, stack: str) -> None:
    """Remove what Pulumi keeps of all but the last runs: each time, the whole state once more.

    Nothing reads it but ``pulumi stack history``; over a term it would be most of the disk.
    """
    if not url.startswith(SCHEME):
        return
    folder = Path(url.removeprefix(SCHEME)) / ".pulumi" / "history" / PROJECT / stack
    runs: dict[str, list[Path]] = {}
    for path in folder.glob(f"{stack}-*"):
        runs.setdefault(path.name.removeprefix(f"{stack}-").partition(".")[0], []).append(path)
    for run in sorted(runs)[:-KEPT_RUNS]:
        for path in runs[run]:
            path.unlink(missing_ok=True)


def clear_garbled_locks(url: str, stack: str) -> list[str]:
    """Remove locks that hold nobody's name; returns which.

    Pulumi writes a lock in one step, so whoever holds one has a whole one: what is empty
    or cut off was left by a power cut. Pulumi itself would stop at it for ever.
    """
    if not url.startswith(SCHEME):
        return []
    root = Path(url.removeprefix(SCHEME)) / ".pulumi" / "locks" / "organization" / PROJECT
    garbled = [one for one in (root / stack).glob("*.json") if stale.is_garbled(_content(one))]
    for one in garbled:
        one.unlink(missing_ok=True)
    return [one.name for one in garbled]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b"{}"
