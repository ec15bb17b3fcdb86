"""REL-26: how often the state is written does not grow with how many change. The kernel counts."""

from __future__ import annotations

import ctypes
import os
import struct
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from . import runs

pytestmark = pytest.mark.cluster

CLOSED_AFTER_WRITING, MOVED_HERE, TOO_MANY = 0x8, 0x80, 0x4000
EVENT = struct.Struct("iIII")
"""inotify_event: watch, mask, cookie, and the length of the name that follows."""


@contextmanager
def writes(folder: Path) -> Iterator[Counter[str]]:
    """Count what is written or put into a folder, by name; known when the block is left."""
    system = ctypes.CDLL(None, use_errno=True)
    queue = system.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    assert queue >= 0, os.strerror(ctypes.get_errno())
    try:
        wanted = CLOSED_AFTER_WRITING | MOVED_HERE
        assert system.inotify_add_watch(queue, os.fsencode(folder), wanted) >= 0
        found: Counter[str] = Counter()
        yield found
        found.update(_names(queue))
    finally:
        os.close(queue)


def _names(queue: int) -> Iterator[str]:
    while True:
        try:
            events = os.read(queue, 1 << 16)
        except BlockingIOError:
            return
        while events:
            _, mask, _, length = EVENT.unpack_from(events)
            assert not mask & TOO_MANY, "the kernel has let go of some"
            yield os.fsdecode(events[EVENT.size : EVENT.size + length].rstrip(b"\0"))
            events = events[EVENT.size + length :]


def test_the_state_is_written_as_often_for_twelve_who_join_as_for_two(new_course):
    ids = [str(number) for number in range(1, 16)]
    course = new_course(ids[:1])
    course.up()
    state = runs.state_of(course)

    def times(roster, joining):
        course.roster(roster)
        with writes(state.parent) as written:
            assert course.up()["created"] == joining
        return written[state.name]

    few, many = times(ids[:3], 2), times(ids, 12)

    assert few == many > 0
