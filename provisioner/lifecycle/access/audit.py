"""Who was given access, who lost it and what changed for whom: one line an event, never rewritten.

The file is ``<home>/audit/<cohort>.jsonl``. It holds ids, fingerprints and moments, and
neither a name of a student nor a secret. It tells what was done from this folder; what
stands on the cluster is the same for every operator.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from threading import Lock
from typing import Literal

from ... import private_file
from ...settings import Settings

Event = Literal[
    "issued",
    "renewed",
    "revoked",
    "reinstated",
    "key-replaced",
    "swept",
    "access-granted",
    "access-revoked",
    "added",
    "dropped",
    "renamed",
    "suspended",
    "resumed",
    "extended",
    "resized",
]


class AuditLog:
    """An audit file that is open for adding. Threads may share it."""

    def __init__(self, descriptor: int, path: Path, whoami: Callable[[], str]) -> None:
        self._descriptor, self._path, self._whoami = descriptor, path, whoami
        self._lock = Lock()
        self._operator: str | None = None

    def note(
        self,
        event: Event,
        id: str,
        *,
        fingerprint: str = "",
        expires: datetime | None = None,
        ends: date | None = None,
        was: str = "",
    ) -> None:
        """Add one event.

        Args:
            event: What was done.
            id: The student's id, or the account of an assistant.
            fingerprint: Of the key that the kubeconfig is, or was, encrypted to.
            expires: When the access ends.
            ends: The student's own last day, where they have one.
            was: The id that the student had before.

        Raises:
            InputError: If the file cannot be written.
            ClusterError: If the cluster cannot be asked who we are.
        """
        with self._lock:
            if self._operator is None:  # one request a run, and none where nothing happens
                self._operator = self._whoami()
            line = {
                "time": _text(datetime.now(UTC)),
                "event": event,
                "id": id,
                "fingerprint": fingerprint,
                "expires": _text(expires) if expires else None,
                "operator": self._operator,
                **({"ends": ends.isoformat()} if ends else {}),
                **({"was": was} if was else {}),
            }
            text = (json.dumps(line) + "\n").encode()
            private_file.append(self._descriptor, self._path, text)


@contextmanager
def opened(settings: Settings, cohort: str, whoami: Callable[[], str]) -> Iterator[AuditLog]:
    """Open a cohort's audit file before anything is done that it must tell.

    Args:
        settings: Folders.
        cohort: The cohort's name.
        whoami: Says who the operator is; asked once, when the first line is written.

    Raises:
        InputError: If it cannot be opened.
    """
    path = private_file.make_folder(settings.home / "audit") / f"{cohort}.jsonl"
    descriptor = private_file.open_to_append(path)
    try:
        yield AuditLog(descriptor, path, whoami)
    finally:
        os.close(descriptor)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
