"""What a run of the bench is asked for."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import hosts, kind
from .results import NETWORKS

SIZES = (10, 100, 300, 1000)
QUICK = (10, 30)
PARTS = ("rounds", "peers", "access")
REPEATS = 3


def read(description: str | None) -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=description)
    parser.add_argument(
        "--only",
        type=_words,
        default=PARTS,
        help="parts of the run, as in rounds,peers,access,hosts,kind",
    )
    parser.add_argument(
        "--sizes", type=_numbers, default=SIZES, help="cohorts of the rounds, as in 10,100,300"
    )
    parser.add_argument(
        "--host-sizes", type=_numbers, default=hosts.SIZES, help="students on one lab host"
    )
    parser.add_argument(
        "--quick", dest="sizes", action="store_const", const=QUICK, help="only 10 and 30"
    )
    parser.add_argument(
        "--clusters", type=_numbers, default=kind.SIZES, help="courses of kind clusters: 1,3,6"
    )
    parser.add_argument("--networks", type=_words, default=NETWORKS, help="as in loopback")
    parser.add_argument("--repeats", type=int, default=REPEATS, help=f"of each ({REPEATS})")
    parser.add_argument(
        "--resume", action="store_true", help="leave out what last.json has of this commit"
    )
    parser.add_argument(
        "--home",
        type=Path,
        default=Path(".practicum/bench"),
        help="folder of the rehearsal, emptied before and after (.practicum/bench)",
    )
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent, help="where last.* is written (bench/)"
    )
    parser.add_argument(
        "--redraw", action="store_true", help="measure nothing: report from last.json again"
    )
    return parser.parse_args()


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))
