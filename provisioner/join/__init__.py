"""What a student does with a hand-out: open it, put it where kubectl looks, try it.

It stands alone: it needs the base install, and works where there is no `pwd` and no `fcntl`.
"""

from __future__ import annotations

from .identity import find, open_file
from .merge import Clash, Merged, place, put
from .private_key import Ask
from .trial import Trial, tried

__all__ = ["Ask", "Clash", "Merged", "Trial", "find", "open_file", "place", "put", "tried"]
