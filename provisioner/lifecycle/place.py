"""What tells a home from every other, on whatever machine it lies.

Machines that were made from one image have one name, and homes one path. So a home has a
random id, which the first who asks writes down. A copy of a home is still told from it by
the machine's name and the path.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import socket
from pathlib import Path

from .. import private_file

FILE = "place"
_ID = re.compile(rb"[0-9a-f]{32}")


def of(home: Path) -> str:
    """Return what tells this home from every other; it says nothing else.

    Raises:
        InputError: If the id cannot be written.
    """
    where = f"{_id(home)}:{socket.gethostname()}:{home.resolve()}"
    return hashlib.sha256(where.encode()).hexdigest()[:32]


def _id(home: Path) -> str:
    path = private_file.make_folder(home) / FILE
    if not _ID.fullmatch(_read(path)):
        private_file.write(path, secrets.token_hex(16).encode())
    return _read(path).decode()  # of two at once, the later one's


def _read(path: Path) -> bytes:
    """Read the id; one that is damaged is none, and the home is then taken for another."""
    try:
        return path.read_bytes().strip()
    except OSError:
        return b""
