"""Two kinds of chart as SVG that needs no script: columns over time, and bars by name.

Colours are the page's: the shapes carry classes. A gap is drawn as a gap, hatched, and
never as a column of no height.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 720
LEFT, RIGHT, TOP, BOTTOM = 56, 8, 12, 28
HEIGHT = 220
LINE = 22
"""Height of one bar with its space."""

NAME = 150
"""Room for a name beside a bar."""

HATCH = (
    '<defs><pattern id="gap" width="6" height="6" patternUnits="userSpaceOnUse"'
    ' patternTransform="rotate(45)"><line class="hatch" x1="0" y1="0" x2="0" y2="6"/>'
    "</pattern></defs>"
)


@dataclass(frozen=True, kw_only=True)
class Point:
    """One column or bar."""

    name: str
    value: float | None
    """None where nothing is known."""

    told: str
    """What is shown when somebody points at it, and read aloud."""


def columns(points: Sequence[Point], *, title: str, what: str) -> str:
    """Draw values over time.

    Args:
        points: In the order of time.
        title: What the chart is of.
        what: What it shows, in a sentence, for who does not see it.
    """
    most = _ceiling(max((point.value or 0.0 for point in points), default=0.0))
    wide = (WIDTH - LEFT - RIGHT) / max(1, len(points))
    shapes = [_column(point, LEFT + wide * n, wide, most) for n, point in enumerate(points)]
    names = [
        f'<text class="axis" x="{LEFT + wide * (n + 0.5):.1f}" y="{HEIGHT - 10}"'
        f' text-anchor="middle">{escape(points[n].name)}</text>'
        for n in _some(len(points), wide)
    ]
    inside = [HATCH, *_lines(most), *shapes, *names]
    return _svg(HEIGHT, inside, title=title, what=what)


def bars(points: Sequence[Point], *, digits: int, title: str, what: str) -> str:
    """Draw values by name, one below the other.

    Args:
        points: From the top.
        digits: After the point of a value.
        title: What the chart is of.
        what: What it shows, in a sentence, for who does not see it.
    """
    most = max((point.value or 0.0 for point in points), default=0.0) or 1.0
    room = WIDTH - NAME - 90
    inside = []
    for number, point in enumerate(points):
        y, wide = LINE * number + 4, max(1.0, room * (point.value or 0.0) / most)
        inside.append(
            f'<text class="name" x="{NAME - 8}" y="{y + 12}" text-anchor="end">'
            f"{escape(_short(point.name))}</text>"
            f'<rect class="bar" x="{NAME}" y="{y}" width="{wide:.1f}" height="{LINE - 6}" rx="2">'
            f"<title>{escape(point.told)}</title></rect>"
            f'<text class="axis" x="{NAME + wide + 6:.1f}" y="{y + 12}">'
            f"{point.value or 0.0:,.{digits}f}</text>"
        )
    return _svg(LINE * len(points) + 8, inside, title=title, what=what)


def _svg(height: int, inside: Sequence[str], *, title: str, what: str) -> str:
    return (
        f'<svg role="img" viewBox="0 0 {WIDTH} {height}" aria-label="{escape(title)}. '
        f'{escape(what)}">\n' + "\n".join(inside) + "\n</svg>"
    )


def _column(point: Point, x: float, wide: float, most: float) -> str:
    gap = min(2.0, wide / 5)
    told = f"<title>{escape(point.told)}</title>"
    place = f'x="{x + gap / 2:.1f}" width="{wide - gap:.1f}"'
    floor = HEIGHT - BOTTOM
    if point.value is None:
        return f'<rect class="gap" {place} y="{TOP}" height="{floor - TOP}">{told}</rect>'
    high = (floor - TOP) * point.value / most
    return f'<rect class="bar" {place} y="{floor - high:.1f}" height="{high:.1f}">{told}</rect>'


def _lines(most: float) -> list[str]:
    found = []
    for share in (0.0, 0.5, 1.0):
        y = HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * share
        found.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="axis" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">'
            f"{most * share:g}</text>"
        )
    return found


def _ceiling(value: float) -> float:
    """Return the next round number.

    >>> _ceiling(0.0), _ceiling(3.2), _ceiling(51.0), _ceiling(0.03)
    (1.0, 4.0, 60.0, 0.03)
    """
    if value <= 0:
        return 1.0
    size = 10.0 ** math.floor(math.log10(value))
    return next(size * step for step in (1, 2, 3, 4, 5, 6, 8, 10) if size * step >= value)


def _some(count: int, wide: float) -> range:
    """Name so many columns that the names do not run into each other."""
    return range(0, count, max(1, round(52 / wide + 0.5)))


def _short(name: str) -> str:
    return name if len(name) <= 20 else name[:19] + "…"
