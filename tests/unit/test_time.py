"""REL-24: every time is UTC, whatever zone, season or year the machine is in."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta

import pytest
from pydantic import ValidationError

from provisioner.errors import InputError
from provisioner.lifecycle import journal
from provisioner.lifecycle.access import audit, terms
from provisioner.settings import Settings

from ..sample import cohort

ZONES = ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "America/New_York", "Asia/Seoul"]


@pytest.fixture(params=ZONES)
def zone(request, monkeypatch):
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def at(monkeypatch):
    """Stop the clock of what is asked at a moment."""

    def at(moment):
        class Stopped(datetime):
            @classmethod
            def now(cls, tz=None):
                return moment.astimezone(tz) if tz else moment.replace(tzinfo=None)

        monkeypatch.setattr(terms, "datetime", Stopped)

    return at


def ending(last, grace=0):
    return cohort(term={"starts": date(2026, 9, 1), "ends": last, "grace_days": grace})


def test_access_ends_with_the_last_day_in_utc_in_every_zone(zone, at):
    at(datetime(2026, 12, 1, tzinfo=UTC))

    assert terms.expiry(ending(date(2026, 12, 19))) == datetime(
        2026, 12, 19, 23, 59, 59, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("last", "grace", "end"),
    [
        (date(2028, 2, 28), 1, date(2028, 2, 29)),  # a leap day
        (date(2027, 2, 28), 1, date(2027, 3, 1)),  # none
        (date(2026, 12, 31), 1, date(2027, 1, 1)),  # the year ends
        (date(2027, 3, 27), 1, date(2027, 3, 28)),  # an hour is left out in Europe
        (date(2026, 10, 31), 1, date(2026, 11, 1)),  # one comes twice in New York
    ],
)
def test_days_of_grace_are_days_of_the_calendar(zone, at, last, grace, end):
    at(datetime(2026, 9, 2, tzinfo=UTC))

    expires = terms.expiry(ending(last, grace))

    assert (expires.date(), expires.utcoffset()) == (end, timedelta(0))


def test_a_term_is_over_at_the_same_moment_everywhere(zone, at):
    course = ending(date(2026, 12, 19))
    at(datetime(2026, 12, 19, 23, 30, tzinfo=UTC))
    assert terms.expiry(course)

    for late in (datetime(2026, 12, 20, 0, 0, 1, tzinfo=UTC), datetime(2027, 12, 1, tzinfo=UTC)):
        at(late)
        with pytest.raises(InputError, match="is over: its grace ended on 2026-12-19"):
            terms.expiry(course)


def test_a_leap_day_is_a_day_in_leap_years_alone():
    assert ending(date(2028, 2, 29)).term.ends.day == 29
    for text in ("2027-02-29", "2100-02-29"):
        with pytest.raises(ValidationError):
            cohort(term={"starts": "2026-09-01", "ends": text})


def test_what_is_written_down_is_utc(zone, tmp_path):
    moment = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    assert audit._text(moment) == "2026-11-01T05:30:00+00:00"
    settings = Settings(stacks=tmp_path, home=tmp_path)
    before = datetime.now(UTC)

    with journal.kept(settings, "mls26", "up", ["mls26.guard"]):
        began = journal.unfinished(settings, "mls26").began

    assert began.utcoffset() == timedelta(0)
    assert before <= began <= datetime.now(UTC)
