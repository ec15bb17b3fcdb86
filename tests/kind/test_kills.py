"""A run that is killed at any moment, with all that it started, is finished by a plain one.

At one moment a quick test kills one as well: that of a cluster of one's own, in test_work.py.
"""

from __future__ import annotations

import random
import sys
import time
import uuid
from collections.abc import Iterator

import pytest

from ..both.life import OnKind
from ..cluster import runs

# The image takes 13 minutes to make where it is not cached.
pytestmark = [pytest.mark.kind, pytest.mark.soak, pytest.mark.timeout(1800)]

SAME = 8
"""Of the short one: what fails must be the change's, so it hits the same moments each time."""

LONGEST = 14.0
"""Seconds after which a first `up` of one student is through, or nearly so."""


@pytest.fixture
def life(engine, node_image, tmp_path) -> Iterator[OnKind]:
    made = OnKind.make(f"kk{uuid.uuid4().hex[:6]}", tmp_path, engine, node_image)
    made.course.write(["1"], **made.settings)
    yield made
    made.end()


@pytest.mark.parametrize("kills", [1, 10], ids=["short", "long"])
def test_a_run_killed_at_random_moments_is_finished_by_one_plain_run(life: OnKind, kills: int):
    course, seed = life.course, SAME if kills == 1 else random.randrange(10**6)
    sys.stderr.write(f"the seed is {seed}\n")  # shown where the test fails
    moments = random.Random(seed)
    for _ in range(kills):
        run = runs.start_up(course)
        until = time.monotonic() + moments.uniform(1.0, LONGEST)
        while run.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
        runs.kill_all(course, run)
        run.communicate()

        if kills > 1 and moments.random() < 0.5:
            continue  # several in a row

        converges(life)
        life.destroy("1")
    converges(life)
    receipt = course.down("--no-archive")
    assert receipt["proved"], receipt["remaining"]
    assert life.left() == []


def converges(life: OnKind) -> None:
    done = life.course.up()
    assert done["failed"] == []
    assert life.found("1").complete
    assert life.is_running("1")
    assert life.course.actions() == {"1": "same"}
    again = life.course.up()
    assert (again["same"], again["processes"]) == (1, 0)
    assert life.course.json("status", life.course.name)["unfinished"] is None
