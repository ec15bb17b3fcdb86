"""One at a time a cluster: by a file on this machine, and by a name on the cluster for others.

The file says nothing of what another machine does on the same engine. So whoever makes a
cluster writes on it which locks they hold. Half a cluster that was made under ours is nobody's
work any more, since we hold the lock now. Of another's it is not known whether its maker is
still at it; but nobody makes one for longer than kind and the nodes are let.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

from ..errors import ToolError
from ..toolchain import cache, lock
from .docker import Engine
from .found import MAKER, Found
from .nodes import READY

LONGEST = 600.0
"""Seconds after which kind itself is given up."""

GIVEN_UP = timedelta(seconds=LONGEST + READY)
"""After this nobody is making a cluster any more that is not whole."""


@contextmanager
def held(engine: Engine, name: str, say: Callable[[str], None]) -> Iterator[int]:
    """Hold the lock of a cluster; yields the descriptor, with which a child holds it too.

    Raises:
        OSError: If the file cannot be written.
    """
    path = _file(engine, name)
    with lock.held(path, say=say, what=f"working on the cluster {name}") as descriptor:
        yield descriptor


def left(engine: Engine, names: Iterable[str], *, remove: bool = False) -> list[Path]:
    """Return what the locks of clusters left on disk; on request, take it away.

    To take it away is for who knows that nobody works on these clusters.
    """
    found = [path for path in (_file(engine, name) for name in names) if path.exists()]
    for path in found if remove else ():
        path.unlink(missing_ok=True)
    return found


def whose(engine: Engine) -> str:
    """Name this machine's locks for an engine: the same each time, and nobody else's.

    Raises:
        OSError: If the name cannot be kept.
    """
    path = _folder() / "whose"
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent) as file:
            file.write(secrets.token_hex(8))
            file.flush()
            with suppress(FileExistsError):  # of two, the first one's holds
                os.link(file.name, path)
    return f"{path.read_text()}-{_where(engine)}"


def refuse_what_another_makes(engine: Engine, found: Found) -> None:
    """Stop where somebody may be making a cluster at this moment; its lock is held.

    Raises:
        ToolError: If that is so, or the engine does not say what time it is.
    """
    if found.complete or found.since is None or (found.labels or {}).get(MAKER) == whose(engine):
        return
    left = found.since + GIVEN_UP - engine.now()
    if left > timedelta():
        raise ToolError(
            f"Somebody else is just making the cluster {found.name}; it was not touched.",
            hint="Wait until they are done, and run the same command again. If their run was cut"
            f" off, it is taken for what it is in {left / timedelta(minutes=1):.0f} minutes.",
        )


def _file(engine: Engine, name: str) -> Path:
    return _folder() / f"{_where(engine)}-{name}"


def _where(engine: Engine) -> str:
    return hashlib.sha256(engine.address.encode()).hexdigest()[:8]


def _folder() -> Path:
    return cache.root().with_name("kind-locks")
