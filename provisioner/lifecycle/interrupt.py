"""Ctrl-C, SIGTERM and a closed terminal: what is in flight finishes, nothing new starts."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import ParamSpec, TypeVar

from ..errors import Interrupted

Given = ParamSpec("Given")
Result = TypeVar("Result")

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
IN_ORDER = "Stopping: what is in flight finishes. Once more ends it at once."


def ending_in_order(say: Callable[[str], None], *, go_on: str = "") -> AbstractContextManager[None]:
    """Leave a block in order when a signal comes, where no process but this one is at work.

    Args:
        say: Tells a person.
        go_on: What to do after it, where that is not the same command again.
    """
    return stopping(lambda: None, say, leave=True, go_on=go_on)


@dataclass
class _Shield:
    """Whether a signal has to wait, and the one that does."""

    up: bool = False
    late: Interrupted | None = None


_shield = _Shield()
"""Of the main thread, which is the only one that signals reach."""


def finished(call: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs) -> Result:
    """Make a call that a first signal does not cut off: it counts once the call is done.

    Raises:
        Interrupted: If one came inside a block that is left in order.
    """
    if _shield.up or threading.current_thread() is not threading.main_thread():
        return call(*args, **kwargs)
    _shield.up = True
    try:
        return call(*args, **kwargs)
    finally:
        late, _shield.late, _shield.up = _shield.late, None, False
        if late:
            raise late


@contextmanager
def stopping(
    stop: Callable[[], None],
    say: Callable[[str], None],
    *,
    first: str = IN_ORDER,
    leave: bool = False,
    go_on: str = "",
) -> Iterator[None]:
    """Leave the block in order when a signal comes.

    The first signal calls ``stop`` and raises: on the way out every pool of threads waits
    for what it has in flight and drops the rest. A second one calls ``stop`` again, which
    then ends the workers at once.

    Args:
        stop: Ends what goes on.
        say: Tells a person.
        first: What is said after the first signal.
        leave: Whether a second signal waits for nothing, since ``stop`` ends nothing.
        go_on: What to do after it, where that is not the same command again.

    Raises:
        Interrupted: If a signal came while the block ran.
    """
    came: list[int] = []

    def on_signal(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        stop()
        why = "Stopped before the end; nothing is lost."
        interrupted = Interrupted(why, signal=number, go_on=go_on)
        if len(came) > 1:
            say("Ended at once; the next run repairs what is half done.")
            if not leave:
                return
        else:
            say(first)
            if _shield.up:
                _shield.late = interrupted
                return
        raise interrupted

    # One that is ignored stays so: whoever says nohup means it.
    heeded = [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, on_signal) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
