"""How long something is to last, and until when, as people write it: ``24h``, ``2h30m``, ``7d``."""

from __future__ import annotations

import re
from datetime import date, timedelta

from ..errors import InputError

LONGEST = timedelta(days=366)

_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_FORM = re.compile(r"(?:([0-9]{1,5})d)?(?:([0-9]{1,5})h)?(?:([0-9]{1,5})m)?", re.ASCII)


def parse(text: str, where: str) -> timedelta:
    """Read a duration of days, hours and minutes.

    >>> parse("2h30m", "--overlap")
    datetime.timedelta(seconds=9000)

    Args:
        text: What was written.
        where: The option or the key, for the message.

    Raises:
        InputError: If it is none, is nothing, or is longer than a year.
    """
    match = _FORM.fullmatch(text)
    if not (text and match):
        raise InputError(f"{where}: this is no duration; write it as 24h, 2h30m or 7d.")
    days, hours, minutes = (int(number or 0) for number in match.groups())
    duration = timedelta(days=days, hours=hours, minutes=minutes)
    if not duration:
        raise InputError(f"{where}: the duration is zero; write it as 24h, 2h30m or 7d.")
    if duration > LONGEST:
        raise InputError(f"{where}: the duration is longer than {LONGEST.days} days.")
    return duration


def show(duration: timedelta) -> str:
    """Write a duration as `parse` reads it.

    >>> show(timedelta(days=1, minutes=5))
    '1d5m'
    """
    minutes = int(duration.total_seconds()) // 60
    parts = {"d": minutes // 1440, "h": minutes // 60 % 24, "m": minutes % 60}
    return "".join(f"{number}{unit}" for unit, number in parts.items() if number) or "0m"


def day(text: str, where: str) -> date:
    """Read a day that a person has typed.

    >>> day("2026-12-31", "--until")
    datetime.date(2026, 12, 31)

    Args:
        text: What was written.
        where: The option, for the message.

    Raises:
        InputError: If it is none.
    """
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise InputError(f"{where}: this is no day; write it as 2026-12-31.")
