"""Ctrl-C, SIGTERM and a closed terminal: what is in flight finishes, nothing new starts."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from ..errors import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
IN_ORDER = "Stopping: what is in flight finishes. Once more ends it at once."


@contextmanager
def stopping(
    stop: Callable[[], None], say: Callable[[str], None], *, first: str = IN_ORDER
) -> Iterator[None]:
    """Leave the block in order when a signal comes.

    The first signal calls ``stop`` and raises: on the way out every pool of threads waits
    for what it has in flight and drops the rest. A second one calls ``stop`` again, which
    then ends the workers at once.

    Args:
        stop: Ends what goes on.
        say: Tells a person.
        first: What is said after the first signal.

    Raises:
        Interrupted: If a signal came while the block ran.
    """
    came: list[int] = []

    def on_signal(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        stop()
        if len(came) > 1:
            say("Ended at once; the next run repairs what is half done.")
            return
        say(first)
        raise Interrupted("Stopped before the end; nothing is lost.", signal=number)

    # One that is ignored stays so: whoever says nohup means it.
    heeded = [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, on_signal) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
