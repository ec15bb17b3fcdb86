"""Standard input and output where there are none: daemons, ``pythonw``, ``practicum … >&-``."""

from __future__ import annotations

import os
import sys
from typing import IO

STREAMS = {"stdin": os.O_RDONLY, "stdout": os.O_WRONLY, "stderr": os.O_WRONLY}
"""In the order of their numbers, each with how it is opened."""


def ensure() -> None:
    """Have all three, so that nobody has to ask whether they are there.

    A missing one leads nowhere. Else the next file that is opened would take its number, and a
    program that we start would write into it.
    """
    for name, how in STREAMS.items():
        stream = getattr(sys, name)
        if stream is None or stream.closed:
            setattr(sys, name, _nowhere(how))


def _nowhere(how: int) -> IO[str]:
    file = os.open(os.devnull, how)  # of all numbers the lowest that is free
    os.set_inheritable(file, file <= 2)
    return os.fdopen(file, "r" if how == os.O_RDONLY else "w", encoding="utf-8")
