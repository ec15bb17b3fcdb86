"""Run the bench: ``python -m bench``, or ``make bench``."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from provisioner import toolchain
from provisioner.errors import PracticumError

from . import chart, descendants, hosts, kind, machine, options, report, units
from .cases import Round
from .cohort import Cohort, program
from .control_plane import ControlPlane
from .results import NETWORKS, HostRun, KindRun, Results
from .stage import CaseError, Stage, networks

HELPS = 7
WARM_UP = 2
"""Students of the first round, which nobody looks at: it brings programs into memory."""


def main() -> int:
    """Measure, and write the report.

    Returns:
        0 when everything worked, whatever the figures; 1 when something did not, 130 or
        143 when it was stopped.
    """
    wishes = options.read(__doc__)
    signal.signal(signal.SIGTERM, _stop)
    wishes.out.mkdir(parents=True, exist_ok=True)
    try:
        before = Results.load(wishes.out / "last.json")
        results = before if wishes.redraw else _measured(wishes, before)
        _write(results, wishes.out)
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


def _measured(wishes: argparse.Namespace, before: Results) -> Results:
    """Measure what is asked for: on the control plane, and on lab hosts, which need none."""
    done = _measure(wishes, before) if set(wishes.only) & set(options.PARTS) else before
    for part, runs in (("hosts", _host_runs), ("kind", _kind_runs)):
        for one in runs(wishes) if part in wishes.only else ():
            done = done.then(one)
            done.save(wishes.out / "last.json")
    return done


def _kind_runs(wishes: argparse.Namespace) -> Iterator[Results]:
    """Yield each unit of the kind clusters as it ends."""
    session, runs = machine.session(), list[KindRun]()
    home = wishes.home.resolve() / "kind"
    try:
        for one in kind.run(home, wishes.clusters, wishes.repeats):
            runs = [*(run for run in runs if run.unit == one.unit), one]
            measured = {one.unit: session}
            yield Results(machine={}, objects={}, units=measured, kind=tuple(runs))
    except (CaseError, PracticumError) as error:
        yield Results(machine={}, objects={}, failures=(f"kind: {error}",))


def _host_runs(wishes: argparse.Namespace) -> Iterator[Results]:
    """Yield each unit of the lab hosts as it ends."""
    session, runs = machine.session(), list[HostRun]()
    try:
        home = wishes.home.resolve() / "hosts"
        for one in hosts.run(home, wishes.repeats, wishes.host_sizes):
            runs = [*(run for run in runs if run.unit == one.unit), one]
            measured = {one.unit: session}
            yield Results(machine={}, objects={}, units=measured, hosts=tuple(runs))
    except CaseError as error:
        yield Results(machine={}, objects={}, failures=(f"hosts: {error}",))


def _measure(wishes: argparse.Namespace, before: Results) -> Results:
    """Set the stage, play every unit, keep each as it ends, and clear up on any end."""
    tools = toolchain.find(say=lambda line: print(line, flush=True))
    descendants.adopt_orphans()
    home = wishes.home.resolve()
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        stack.callback(descendants.stop_all)
        stage = _set_up(stack, home, tools)
        stack.callback(_ignore_signals)  # the first of the callbacks: they are to finish
        _warm_up(stage)
        results = before
        for unit in units.wanted(wishes):
            session = machine.session()
            done = before.units.get(unit.name)
            same = done is not None and done.commit == session.commit
            if wishes.resume and same and not results.failed(unit.name):
                stage.say(f"{unit.name} is there already")
                continue
            results = results.then(units.play(stage, unit, session, machine.describe(tools)))
            results.save(wishes.out / "last.json")
        return replace(results, help_seconds=_helps(stage))


def _set_up(stack: ExitStack, home: Path, tools: Mapping[str, toolchain.Tool]) -> Stage:
    """Start what lasts for the whole run, and have the stack end it."""
    stack.callback(ControlPlane.clear, home)
    control_plane = ControlPlane.start(home)
    stack.callback(control_plane.log.close)
    shutil.rmtree(home / "bench", ignore_errors=True)
    (home / "bench").mkdir()
    ways = stack.enter_context(networks(control_plane, home / "bench"))
    return Stage(home / "bench", control_plane, ways, tools)


def _warm_up(stage: Stage) -> None:
    """Play a round that nobody looks at.

    Raises:
        PracticumError: If not even that works.
    """
    try:
        for name in NETWORKS:
            cohort = Cohort(f"warm-{units.word(name)}", WARM_UP, stage.networks[name], stage)
            for _ in Round.prepare(cohort).run():
                pass
    except CaseError as error:
        raise PracticumError(str(error)) from None


def _helps(stage: Stage) -> tuple[float, ...]:
    runs = [stage.run([program(), "--help"]) for _ in range(HELPS)]
    return tuple(round(run.seconds, 3) for run in runs)


def _write(results: Results, folder: Path) -> None:
    results.save(folder / "last.json")
    (folder / "last.md").write_text(report.render(results), encoding="utf-8")
    if results.measurements:  # lab hosts alone have no charts
        chart.draw(results, folder / "last.png")
        chart.draw_peers(results, folder / "peers.png")
    print(f"wrote {folder / 'last.md'}, last.json and the charts", flush=True)


if __name__ == "__main__":
    sys.exit(main())
