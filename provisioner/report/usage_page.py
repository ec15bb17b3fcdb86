"""The account of a term as one page, to print or to hand on; it needs no other file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from html import escape
from pathlib import Path
from string import Template

from .. import private_file
from ..usage import Day, StudentUse, Usage
from . import chart, usage_text
from . import page as frame
from .chart import Point

DAYS = 31
"""So many days are shown one by one; more are shown by the week."""

SHOWN = 25
"""Students in the chart; the table has all."""

STYLE = """\
:root { --bar: #0a58ca; --hatch: #8c959f; --warn: #8a3c00; }
@media (prefers-color-scheme: dark) { :root { --bar: #6cb0ff; --hatch: #6e7681; --warn: #ffb37c; } }
figure { margin: 0; display: grid; grid-template-columns: minmax(0, 5fr) minmax(18rem, 2fr);
  gap: 1.5rem; align-items: start; }
@media (max-width: 48rem) { figure { grid-template-columns: 1fr; } }
svg { width: 100%; height: auto; } .bar { fill: var(--bar); } .gap { fill: url(#gap); }
.hatch { stroke: var(--hatch); stroke-width: 2; } .grid { stroke: var(--line); }
.axis { fill: var(--faint); font-size: 12px; } .name { fill: var(--ink); font-size: 12px; }
.wide { overflow-x: auto; } .tall { max-height: 24rem; overflow-y: auto; }
table { font-size: .875rem; }
th, td { text-align: right; padding: .3rem .6rem .3rem 0; font-variant-numeric: tabular-nums; }
th:first-child, td:first-child, th.text, td.text { text-align: left; }
tbody th, td { white-space: nowrap; } tfoot th, tfoot td { border-top: 2px solid var(--line);
  font-weight: 600; }
.warn { color: var(--warn); font-weight: 600; }
@media print { :root { --bar: #0a58ca; --hatch: #888; --warn: #8a3c00; }
  .tall { max-height: none; overflow: visible; } .wide { overflow: visible; }
  svg { break-inside: avoid; } .bar { print-color-adjust: exact; } }
"""

BODY = Template("""\
<h1>Use of the course “$course”</h1>
<p class="faint">What the students of $cohort had reserved on the cluster: what their pods
request and their volumes ask for, as the cluster counts it against their quotas. It is not what
programs really used.</p>
$facts
$sections
<h2>How to read it</h2>
<ul>
<li>An hour in which a sample was taken is known, and counts with the mean of its samples. An
hour without one is unknown: it is not counted, and not guessed.</li>
<li>Idle: known in the last 7 days before the last sample, and without a pod all the time.</li>
<li>Near a limit: at 90 % or more of one of the quota's ceilings in these days.</li>
$cost_note
</ul>
<p class="faint">Written by Practicum on $time. All times are UTC.</p>
""")


def write(path: Path, found: Usage) -> None:
    """Write the page whole or not at all.

    Raises:
        InputError: If the file cannot be written.
    """
    private_file.write(path, page(found).encode())


def page(found: Usage) -> str:
    """Return the page of an account; everything that is put in is escaped."""
    body = BODY.substitute(
        cohort=escape(found.cohort),
        course=escape(found.course),
        facts=frame.facts(_facts(found)),
        sections="\n".join(_sections(found)),
        cost_note=f"<li>{escape(_prices(found))}</li>",
        time=f"{found.time:%Y-%m-%d %H:%M}",
    )
    return frame.whole(f"Use of {found.cohort}", STYLE, body)


def _facts(found: Usage) -> Iterator[tuple[str, str]]:
    here = sum(student.here for student in found.students)
    left = len(found.students) - here
    yield "Students", f"{here}" + (f", and {left} who have left" if left else "")
    if not (found.first and found.last):
        yield "Samples", "none yet: nothing is known"
        return
    yield "Samples", f"{found.samples:,}"
    yield "From, to", f"{found.first:%Y-%m-%d %H:%M}, {found.last:%Y-%m-%d %H:%M}"
    missing = f"; {found.missing_hours:,} are missing" if found.missing_hours else ""
    yield "Known hours", f"{found.known_hours:,} of {found.hours:,}{missing}"
    yield "CPU reserved", f"{usage_text.amount(found.total, 'cpu'):,.1f} core-hours"
    yield "Memory reserved", f"{usage_text.amount(found.total, 'memory'):,.1f} GiB-hours"
    if found.total.cost is not None:
        yield "Cost", usage_text.money(found, found.total)
    yield "Idle", ", ".join(usage_text.idle(found)) or "nobody"
    yield "Near a limit", ", ".join(usage_text.near_limit(found)) or "nobody"


def _prices(found: Usage) -> str:
    prices = found.prices
    if not prices.given:
        return "No prices were given, so nothing is said of cost."
    return (
        f"Prices in {prices.currency}: {prices.cpu_hour} a core-hour,"
        f" {prices.memory_gib_hour} a GiB-hour of memory, {prices.storage_gib_month} a GiB of"
        f" volumes for 730 hours, {prices.gpu_hour} a device-hour. Unknown hours cost nothing here."
    )


def _sections(found: Usage) -> Iterator[str]:
    if found.samples:
        yield _over_time(found)
        yield _by_student(found)
    yield _table(found)


@dataclass(frozen=True, kw_only=True)
class _Span:
    """A day or a week of the chart."""

    name: str
    hours: int
    cpu: float | None
    memory: float | None


def _spans(found: Usage) -> tuple[str, list[_Span]]:
    """Return what a column stands for, and the columns."""
    weekly = len(found.days) > DAYS
    groups: dict[date, list[Day]] = {}
    for day in found.days:
        begin = day.day - timedelta(days=day.day.weekday()) if weekly else day.day
        groups.setdefault(begin, []).append(day)
    spans = [
        _Span(
            name=f"{begin:%m-%d}",
            hours=sum(day.hours for day in days),
            cpu=_mean(days, "cpu"),
            memory=_mean(days, "memory"),
        )
        for begin, days in groups.items()
    ]
    return ("week from" if weekly else "day"), spans


def _mean(days: Sequence[Day], measure: str) -> float | None:
    """Return the mean over the known hours of some days; None where there are none."""
    known = [day for day in days if day.hours]
    if not known:
        return None
    whole = sum(day.means[measure] * day.hours for day in known)
    return whole / sum(day.hours for day in known) / usage_text.UNIT[measure]


def _over_time(found: Usage) -> str:
    word, spans = _spans(found)
    points = [Point(name=span.name, value=span.cpu, told=_told(span)) for span in spans]
    title = "Cores reserved by all students together"
    drawn = chart.columns(
        points, title=title, what="The table beside it has the same numbers; hatched is unknown."
    )
    rows = [(span.name, str(span.hours), _number(span.cpu), _number(span.memory)) for span in spans]
    side = _rows((word, "hours", "cores", "GiB memory"), rows)
    gap = " Hatched: no sample was taken." if any(span.cpu is None for span in spans) else ""
    return (
        f'<h2>{title}</h2>\n<p class="faint">Mean over the known hours of each {word.split()[0]}.'
        f"{gap}</p>\n<figure>{drawn}\n{_scrolled('tall', title, side)}</figure>"
    )


def _told(span: _Span) -> str:
    if span.cpu is None:
        return f"{span.name}: no sample"
    return f"{span.name}: {span.cpu:.1f} cores, {span.hours} hours known"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.1f}"


def _by_student(found: Usage) -> str:
    priced = found.prices.given

    def value(student: StudentUse) -> float:
        return float(student.cost or 0) if priced else usage_text.amount(student, "cpu")

    unit, digits = (found.prices.currency, 2) if priced else ("core-hours", 1)
    known = sorted((s for s in found.students if s.hours), key=value, reverse=True)
    shown = known[:SHOWN]
    points = [
        Point(
            name=student.id,
            value=value(student),
            told=f"{student.id}: {value(student):,.{digits}f} {unit}",
        )
        for student in shown
    ]
    title = "Cost by student" if priced else "CPU reserved by student"
    what = "The table beside it has the same numbers."
    drawn = chart.bars(points, digits=digits, title=title, what=what)
    side = _rows(("id", unit), [(point.name, f"{point.value:,.{digits}f}") for point in points])
    part = f"The {len(shown)} highest of {len(known)}, in " if len(shown) < len(known) else "In "
    return (
        f'<h2>{title}</h2>\n<p class="faint">{part}{escape(unit)}.</p>\n'
        f"<figure>{drawn}\n{_scrolled('tall', title, side)}</figure>"
    )


def _table(found: Usage) -> str:
    heads = ("Id", "Known hours", "Core-hours", "GiB-hours of memory", "GiB-hours of volumes",
             "Device-hours", "Most pods", "Fullest", "Cost", "Note")  # fmt: skip
    rows = [_cells(found, student) for student in found.students]
    total = found.total
    foot = ("All", "", *(f"{usage_text.amount(total, m):,.1f}" for m in _SUMMED), "", "",
            usage_text.money(found, total), "")  # fmt: skip
    table = _rows(heads, rows, foot=foot, texts=(7, 9))
    return f"<h2>Students</h2>\n{_scrolled('wide', 'Students', table)}"


def _scrolled(how: str, name: str, table: str) -> str:
    """Wrap a table that may be larger than its place, so that the keyboard can move it."""
    return f'<div class="{how}" role="region" tabindex="0" aria-label="{name}">{table}</div>'


_SUMMED = ("cpu", "memory", "storage", "gpu")


def _cells(found: Usage, student: StudentUse) -> tuple[str, ...]:
    if not student.hours:
        return (student.id, "0", *["unknown"] * 6, "", usage_text.note(student))
    return (
        student.id,
        f"{student.hours:,}",
        *(f"{usage_text.amount(student, measure):,.1f}" for measure in _SUMMED),
        f"{student.peaks['pods']:.0f}",
        f"{student.fullest:.0%} {student.fullest_of}" if student.fullest_of else "",
        usage_text.money(found, student),
        usage_text.note(student),
    )


def _rows(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    foot: Sequence[str] = (),
    texts: Sequence[int] = (),
) -> str:
    """Write a table; everything in it is escaped. The first column heads its row."""
    left = ['class="text"' if number in texts else "" for number in range(len(heads))]
    head = "".join(
        f'<th scope="col" {kind}>{escape(text)}</th>'
        for text, kind in zip(heads, left, strict=True)
    )
    body = "\n".join(_row(row, left) for row in rows)
    last = f"\n<tfoot>{_row(foot, left)}</tfoot>" if foot else ""
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>{last}\n</table>"


def _row(row: Sequence[str], kinds: Sequence[str]) -> str:
    cells = "".join(
        f"<td {kind}>{escape(text)}</td>" for text, kind in zip(row[1:], kinds[1:], strict=True)
    )
    return f'<tr><th scope="row">{escape(row[0])}</th>{cells}</tr>'
