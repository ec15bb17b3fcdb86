"""Draw a run: seconds by case, size and network, Practicum beside the yardsticks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .peers import SIZES as PEERS
from .results import (
    ADD,
    DOWN,
    KUBECTL,
    LOOPBACK,
    NETWORKS,
    NO_OP,
    PLAN,
    PRACTICUM,
    RAW,
    UP,
    Results,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Bar = tuple[str, str, str, str]
"""Subject, case, name in the legend, colour."""

BLUE, SKY, ORANGE, GREY = "#1f5fa8", "#8fc1ea", "#e08214", "#8a8a8a"
"""Told apart by people who do not see red and green, and in print."""

PANELS: dict[str, list[Bar]] = {
    "cold up": [
        (PRACTICUM, UP, "practicum", BLUE),
        (KUBECTL, UP, "kubectl apply", ORANGE),
        (RAW, UP, "raw requests", GREY),
    ],
    "nothing to do": [
        (PRACTICUM, PLAN, "practicum plan", SKY),
        (PRACTICUM, NO_OP, "practicum", BLUE),
        (KUBECTL, NO_OP, "kubectl apply", ORANGE),
    ],
    "add one student": [
        (PRACTICUM, ADD, "practicum", BLUE),
        (KUBECTL, ADD, "kubectl apply", ORANGE),
    ],
    "down": [
        (PRACTICUM, DOWN, "practicum", BLUE),
        (RAW, DOWN, "raw requests", GREY),
    ],
}


def draw(results: Results, path: Path) -> None:
    """Write the chart as a PNG."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot, ticker

    figure, grid = pyplot.subplots(
        len(NETWORKS), len(PANELS), figsize=(15, 7.5), sharey=True, layout="constrained"
    )
    for row, network in zip(grid, NETWORKS, strict=True):
        for axes, (title, bars) in zip(row, PANELS.items(), strict=True):
            _panel(axes, results, network, bars)
            axes.set_title(f"{title}, {network}", loc="left", fontsize=11, fontweight="bold")
        row[0].set_ylabel("seconds (log scale)")
        row[0].yaxis.set_major_formatter(ticker.FormatStrFormatter("%g"))
    # From every panel, by name: no single one has all the bars.
    legend = {
        name: handle
        for axes in grid.flat
        for handle, name in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(legend.values(), legend, loc="outside upper right", ncols=4, frameon=False)
    figure.suptitle("Wall time of the whole command", x=0.01, ha="left", fontsize=13)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def draw_peers(results: Results, path: Path) -> None:
    """Write the chart of students a second, by what brings them up, as a PNG."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    sizes = {PRACTICUM: 300, KUBECTL: 300, RAW: 300} | PEERS
    speeds = {
        f"{subject}, {size}": size / seconds
        for subject, size in sizes.items()
        if (seconds := results.middle(subject, UP, size, LOOPBACK))
    }
    ordered = sorted(speeds.items(), key=lambda item: item[1])
    figure, axes = pyplot.subplots(figsize=(9, 3.2), layout="constrained")
    colours = [BLUE if name.startswith(PRACTICUM) else GREY for name, _ in ordered]
    drawn = axes.barh([name for name, _ in ordered], [speed for _, speed in ordered], color=colours)
    axes.bar_label(drawn, [f"{speed:.1f}" for _, speed in ordered], padding=3, fontsize=9)
    axes.set_xlabel("students a second, cold, on loopback")
    axes.margins(x=0.1)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _panel(axes: Axes, results: Results, network: str, bars: list[Bar]) -> None:
    width = 0.84 / len(bars)
    sizes = [n for n in results.sizes if results.middle(PRACTICUM, UP, n, network)]
    for place, (subject, case, name, colour) in enumerate(bars):
        shift = (place - (len(bars) - 1) / 2) * width
        heights = [results.middle(subject, case, n, network) or 0 for n in sizes]
        drawn = axes.bar(
            [index + shift for index in range(len(heights))],
            heights,
            width * 0.94,
            label=name,
            color=colour,
        )
        labels = [f"{height:.2g}" if 0 < height < 10 else f"{height:.0f}" for height in heights]
        axes.bar_label(drawn, labels, padding=2, fontsize=7)
    axes.set_yscale("log")
    axes.margins(y=0.15)
    axes.set_xticks(range(len(sizes)), [f"{size:,}" for size in sizes])
    axes.set_xlabel("students")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.25)
    axes.set_axisbelow(True)
