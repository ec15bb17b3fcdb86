"""Make the account of a term from what was sampled; nothing here does I/O."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from .prices import NO_PRICES, Prices, cost
from .rollup import DAY, HOUR, Row, Taken, together
from .sample import MEASURES

RECENT_DAYS = 7
"""Days before the last sample that say who is idle and who is near a limit."""

NEAR = 0.9
"""Share of a ceiling from which somebody is near it."""


@dataclass(frozen=True, kw_only=True)
class StudentUse:
    """What one student used in the hours that are known."""

    id: str
    here: bool
    """Whether the student is in the roster."""

    samples: int = 0
    hours: int = 0
    """Known hours; 0 means that nothing is known, not that nothing was used."""

    amounts: Mapping[str, float] = field(default_factory=dict)
    """Core-hours, byte-hours, device-hours and pod-hours by measure."""

    peaks: Mapping[str, float] = field(default_factory=dict)
    fullest: float = 0.0
    """The highest share of any ceiling in the last days, 0 to 1."""

    fullest_of: str = ""
    idle: bool = False
    """Known in the last days, and without a pod all the time."""

    near_limit: bool = False
    cost: Decimal | None = None
    """None where no prices were given, or nothing is known."""


@dataclass(frozen=True, kw_only=True)
class Day:
    """The whole cohort on one day in UTC."""

    day: date
    hours: int
    """Known hours; 0 is a gap."""

    means: Mapping[str, float]
    """What all students together had reserved, on average over the known hours."""


@dataclass(frozen=True, kw_only=True)
class Usage:
    """The account of a cohort."""

    cohort: str
    course: str
    time: datetime
    prices: Prices
    students: tuple[StudentUse, ...]
    days: tuple[Day, ...]
    """Every day from the first sample to the last one."""

    total: StudentUse
    samples: int
    known_hours: int
    hours: int
    """From the hour of the first sample to that of the last one."""

    first: datetime | None = None
    last: datetime | None = None

    @property
    def missing_hours(self) -> int:
        """Hours between the first and the last sample of which nothing is known."""
        return self.hours - self.known_hours


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What an account is about."""

    cohort: str
    course: str
    """The course's title."""

    roster: frozenset[str]
    """The ids of those who are in it; others are shown as having left."""

    time: datetime
    """When the account is made."""


def account(
    rows: Collection[Row],
    taken: Collection[Taken],
    subject: Subject,
    prices: Prices = NO_PRICES,
) -> Usage:
    """Return what each student used, and what it costs.

    Args:
        rows: What was sampled of the students, by hour and by day.
        taken: When samples of the cohort were taken.
        subject: What the account is about.
        prices: What things cost.
    """
    moments = [moment for one in taken for moment in (one.first, one.last)]
    first, last = (min(moments), max(moments)) if moments else (0, 0)
    students = _students(rows, subject.roster, last - RECENT_DAYS * DAY, prices)
    return Usage(
        cohort=subject.cohort,
        course=subject.course,
        time=subject.time,
        prices=prices,
        students=students,
        days=tuple(_days(rows, taken)),
        total=_total(students, prices),
        samples=sum(one.samples for one in taken),
        known_hours=sum(one.hours for one in taken),
        hours=(last - last % HOUR - (first - first % HOUR)) // HOUR + 1 if moments else 0,
        first=_moment(first) if moments else None,
        last=_moment(last) if moments else None,
    )


def _students(
    rows: Iterable[Row], roster: frozenset[str], since: int, prices: Prices
) -> tuple[StudentUse, ...]:
    by_student = _by_student(rows)
    return tuple(
        _student(id, by_student.get(id, []), here=id in roster, since=since, prices=prices)
        for id in sorted(roster | by_student.keys())
    )


def _by_student(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.student].append(row)
    return found


def _student(id: str, rows: list[Row], *, here: bool, since: int, prices: Prices) -> StudentUse:
    if not rows:
        return StudentUse(id=id, here=here)
    whole = together(rows, start=0, span=0)
    late = [row for row in rows if row.start + row.span > since]
    recent = together(late, start=0, span=0) if late else None
    return StudentUse(
        id=id,
        here=here,
        samples=whole.samples,
        hours=whole.hours,
        amounts=whole.amounts,
        peaks=whole.peaks,
        fullest=recent.fullest if recent else 0.0,
        fullest_of=recent.fullest_of if recent else "",
        idle=bool(here and recent and not recent.peaks["pods"]),
        near_limit=bool(here and recent and recent.fullest >= NEAR),
        cost=cost(prices, dict(whole.amounts)) if prices.given else None,
    )


def _total(students: Iterable[StudentUse], prices: Prices) -> StudentUse:
    known = [student for student in students if student.hours]
    amounts = {m: sum(student.amounts[m] for student in known) for m in MEASURES}
    costs = [student.cost for student in known if student.cost is not None]
    return StudentUse(
        id="",
        here=True,
        samples=sum(student.samples for student in known),
        hours=sum(student.hours for student in known),
        amounts=amounts,
        cost=sum(costs, Decimal(0)) if prices.given and known else None,
    )


def _days(rows: Iterable[Row], taken: Collection[Taken]) -> Iterable[Day]:
    hours: dict[int, int] = defaultdict(int)
    for one in taken:
        hours[one.start // DAY] += one.hours
    sums: dict[int, dict[str, float]] = defaultdict(lambda: dict.fromkeys(MEASURES, 0.0))
    for row in rows:
        for measure in MEASURES:
            sums[row.start // DAY][measure] += row.amounts[measure]
    for number in range(min(hours), max(hours) + 1) if hours else ():
        known = hours.get(number, 0)
        means = {m: sums[number][m] / known for m in MEASURES} if known else {}
        yield Day(day=date(1970, 1, 1) + timedelta(days=number), hours=known, means=means)


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
