"""Run the bench: ``python -m bench``, or ``make bench``."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from provisioner import toolchain
from provisioner.errors import PracticumError

from . import chart, descendants, machine, report
from .cases import Round
from .cohort import Cohort, program
from .control_plane import ControlPlane
from .results import NETWORKS, Measurement, Results
from .stage import CaseError, Stage, networks

SIZES = (10, 100, 300)
QUICK = (10, 30)
HELPS = 7
WARM_UP = 2
"""Students of the first round, which nobody looks at: it brings programs into memory."""


def main() -> int:
    """Measure, and write the report.

    Returns:
        0 when everything worked, whatever the figures; 1 when something did not, 130 or
        143 when it was stopped.
    """
    options = _options()
    signal.signal(signal.SIGTERM, _stop)
    try:
        results = Results.load(options.out / "last.json") if options.redraw else _measure(options)
        _write(results, options.out)
    except PracticumError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench: stopped; nothing is left running", file=sys.stderr)
        return 130
    for failure in results.failures:
        print(f"bench: {failure}", file=sys.stderr)
    return 1 if results.failures else 0


def _stop(number: int, _frame: object) -> None:
    sys.exit(128 + number)


def _ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--sizes", type=_sizes, default=SIZES, help="cohorts, as in 10,100,300")
    parser.add_argument(
        "--quick", dest="sizes", action="store_const", const=QUICK, help="only 10 and 30"
    )
    parser.add_argument(
        "--repeats",
        type=int,
        help="rounds of each size and network; without it 3 up to 30 students, 1 above",
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


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def _measure(options: argparse.Namespace) -> Results:
    """Set the stage, play every round, and clear up on any end."""
    tools = toolchain.find(say=lambda line: print(line, flush=True))
    described = machine.describe(tools)
    descendants.adopt_orphans()
    home = options.home.resolve()
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        stack.callback(descendants.stop_all)
        stage = _set_up(stack, home, tools[toolchain.KUBECTL].path)
        stack.callback(_ignore_signals)  # the first of the callbacks: they are to finish
        measurements: list[Measurement] = []
        failures: list[str] = []
        objects: dict[str, dict[str, int]] = {}
        for played in _rounds(stage, options, failures):
            objects[str(played.cohort.students)] = dict(played.everything.kinds)
            try:
                measurements += played.run()
            except CaseError as error:
                failures.append(f"{played.cohort.name}: {error}")
                stage.say(failures[-1])
        return Results(
            machine=described | {"took": f"{(time.monotonic() - stage.began) / 60:.0f} minutes"},
            objects=objects,
            help_seconds=_helps(stage),
            measurements=tuple(measurements),
            failures=tuple(failures),
        )


def _set_up(stack: ExitStack, home: Path, kubectl: Path) -> Stage:
    """Start what lasts for the whole run, and have the stack end it."""
    stack.callback(ControlPlane.clear, home)
    control_plane = ControlPlane.start(home)
    shutil.rmtree(home / "bench", ignore_errors=True)
    (home / "bench").mkdir()
    ways = stack.enter_context(networks(control_plane, home / "bench"))
    return Stage(home / "bench", control_plane, kubectl, ways)


def _rounds(stage: Stage, options: argparse.Namespace, failures: list[str]) -> Iterator[Round]:
    """Warm up, then prepare one round after another: networks alternate."""
    try:
        for name in NETWORKS:
            warm_up = Cohort(f"warm-{WARM_UP}-{_word(name)}", WARM_UP, stage.networks[name], stage)
            for _ in Round.prepare(warm_up).run():
                pass
        for size in options.sizes:
            for number in range(1, (options.repeats or _repeats(size)) + 1):
                for name in NETWORKS:
                    cohort = f"bench-{size}-{number}-{_word(name)}"
                    yield Round.prepare(Cohort(cohort, size, stage.networks[name], stage))
    except CaseError as error:
        failures.append(str(error))


def _word(network: str) -> str:
    return network.replace(" ", "")


def _repeats(size: int) -> int:
    """Small cohorts vary more, and cost less."""
    return 3 if size <= 30 else 1


def _helps(stage: Stage) -> tuple[float, ...]:
    runs = [stage.run([program(), "--help"]) for _ in range(HELPS)]
    return tuple(round(run.seconds, 3) for run in runs)


def _write(results: Results, folder: Path) -> None:
    results.save(folder / "last.json")
    (folder / "last.md").write_text(report.render(results), encoding="utf-8")
    chart.draw(results, folder / "last.png")
    print(f"wrote {folder / 'last.md'}, last.png and last.json", flush=True)


if __name__ == "__main__":
    sys.exit(main())
