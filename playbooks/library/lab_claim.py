"""Hold a host for one run on a cohort: another operator's run is refused meanwhile.

The claim is a file beside what the last run wrote down. It ends with the run that made it, or
when no run can be that old any more. A run from the place that made it takes it over: there it
is known that the earlier run lives no more. Only the host's own clock counts.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

FOLDER = Path("/var/lib/practicum")
MOST = 4096
"""Bytes of a claim."""


def holder_of(standing: dict[str, Any], place: str, now: float) -> str:
    """Say who else holds a host; nothing where nobody does.

    Args:
        standing: The claim that is there.
        place: Where we run.
        now: The host's time.
    """
    until = standing.get("until")
    if not isinstance(until, float | int) or until <= now or standing.get("place") == place:
        return ""
    ends = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(until))
    return f"{standing.get('holder')}, since {standing.get('since')}, until {ends} at the latest"


def read(file: int) -> dict[str, Any]:
    """Read a claim; what is none stands for nobody."""
    try:
        found = json.loads(os.pread(file, MOST, 0))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """Open the file of a claim, for us alone as long as that takes."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            if _is_at(file, path):
                yield file
                return
        finally:
            os.close(file)


def _is_at(file: int, path: Path) -> bool:
    """Say whether it is the file of that name: whoever let go has removed it, at any moment."""
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


def write(file: int, path: Path, mine: dict[str, Any], *, held: bool) -> None:
    """Write down that we hold the host, or that nobody does any more."""
    os.ftruncate(file, 0)
    if not held:
        path.unlink()
        return
    now = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime())
    claim = {**mine, "since": now, "until": time.time() + float(mine["seconds"])}
    os.pwrite(file, json.dumps(claim).encode(), 0)


ARGUMENTS = {
    "cohort": {"type": "str", "required": True},
    "claim": {"type": "dict", "required": True},
    "held": {"type": "bool", "required": True},
}


def main() -> None:
    """Take the claim or let it go."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    mine, held = module.params["claim"], module.params["held"]
    path = FOLDER / f"{module.params['cohort']}.claim"
    # Who only looks, or lets go, writes nothing: also not on a host that was refused.
    if (module.check_mode or not held) and not path.exists():
        module.exit_json(changed=False)
    FOLDER.mkdir(mode=0o711, exist_ok=True)
    with opened(path) as file:
        other = holder_of(read(file), mine["place"], time.time())
        if not other and not module.check_mode:
            write(file, path, mine, held=held)
    if other and held:
        module.fail_json(
            msg=f"another run holds this host: {other}; where that one lives no more, delete {path}",
            holder=other,
        )
    module.exit_json(changed=False)


if __name__ == "__main__":
    main()
