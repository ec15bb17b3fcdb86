"""REL-26: how often the state is written does not grow with how many change.

That it is written once where one joins is shown by ``test_changes`` in passing.
"""

from __future__ import annotations

import pytest

from . import runs
from .writes import writes

pytestmark = [pytest.mark.cluster, pytest.mark.soak]


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
