"""The one door to other programs: nothing else in the package imports subprocess.

Programs are started in list form, never through a shell, with the environment that
the caller gives; what they print on failure goes into ``details``, not the message.
"""

from __future__ import annotations

from subprocess import Popen as Process

from .command import TAIL, run
from .process import ends_within, follow, lives, start, start_worker
from .streams import feed, pour

__all__ = [
    "TAIL",
    "Process",
    "ends_within",
    "feed",
    "follow",
    "lives",
    "pour",
    "run",
    "start",
    "start_worker",
]
