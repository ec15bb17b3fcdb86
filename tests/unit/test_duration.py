"""How long: what is taken, and what good form a person is shown."""

from __future__ import annotations

from datetime import timedelta

import pytest

from provisioner.cohort import duration
from provisioner.errors import InputError

GOOD = {
    "24h": timedelta(hours=24),
    "2h30m": timedelta(hours=2, minutes=30),
    "7d": timedelta(days=7),
    "1d12h5m": timedelta(days=1, hours=12, minutes=5),
    "90m": timedelta(minutes=90),
    "366d": timedelta(days=366),
}
BAD = {
    "": "write it as 24h, 2h30m or 7d",
    "24": "write it as 24h, 2h30m or 7d",
    "24 h": "write it as 24h, 2h30m or 7d",
    "-1h": "write it as 24h, 2h30m or 7d",
    "1.5h": "write it as 24h, 2h30m or 7d",
    "30m2h": "write it as 24h, 2h30m or 7d",
    "24H": "write it as 24h, 2h30m or 7d",
    "1h\n": "write it as 24h, 2h30m or 7d",
    "٢h": "write it as 24h, 2h30m or 7d",
    "1h1h": "write it as 24h, 2h30m or 7d",
    "0h": "the duration is zero",
    "367d": "longer than 366 days",
    "999999d": "write it as 24h, 2h30m or 7d",
}


@pytest.mark.parametrize("text", GOOD)
def test_a_duration_is_read_and_written_back(text):
    found = duration.parse(text, "--overlap")

    assert found == GOOD[text]
    assert duration.parse(duration.show(found), "--overlap") == found


@pytest.mark.parametrize("text", BAD)
def test_a_bad_duration_is_told_with_its_place(text):
    with pytest.raises(InputError, match=BAD[text]) as caught:
        duration.parse(text, "--overlap")

    assert caught.value.message.startswith("--overlap: ")
