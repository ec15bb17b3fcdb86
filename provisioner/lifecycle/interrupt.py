"""Ctrl-C and SIGTERM: what is in flight finishes, nothing new starts."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from ..errors import Interrupted


@contextmanager
def stopping(stop: Callable[[], None], say: Callable[[str], None]) -> Iterator[None]:
    """Call ``stop`` on a signal, let the block end by itself, then raise Interrupted.

    Raises:
        Interrupted: If a signal came while the block ran.
    """
    came: list[int] = []

    def on_signal(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        stop()
        say(
            "Stopping: what is in flight finishes. Once more ends it at once."
            if len(came) == 1
            else "Ended at once; the next run repairs what is half done."
        )

    before = {
        number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            raise Interrupted("Stopped before the end; nothing is lost.", signal=came[0])
