"""Run the bench: ``python -m bench``, or ``make bench``."""

from __future__ import annotations

import argparse
import itertools
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from provisioner import toolchain
from provisioner.errors import PracticumError

from . import chart, descendants, hosts, kind, machine, peers, report
from .access import Access
from .cases import Round
from .cohort import Cohort, program
from .control_plane import ControlPlane
from .results import (
    FAR,
    LOOPBACK,
    NETWORKS,
    HostRun,
    KindRun,
    Measurement,
    Results,
    Revocation,
    Session,
)
from .stage import CaseError, Stage, networks

SIZES = (10, 100, 300, 1000)
FAR_SIZES = (10, 300)
"""Those that are also measured far away, where kubectl takes a minute for 300 students."""

QUICK = (10, 30)
PARTS = ("rounds", "peers", "access")
REPEATS = 3
HELPS = 7
WARM_UP = 2
"""Students of the first round, which nobody looks at: it brings programs into memory."""

VERIFIED = {30: False, 300: True}
"""Cohorts whose access is measured, and whether more of it than a verification is."""


def main() -> int:
    """Measure, and write the report.

    Returns:
        0 when everything worked, whatever the figures; 1 when something did not, 130 or
        143 when it was stopped.
    """
    options = _options()
    signal.signal(signal.SIGTERM, _stop)
    options.out.mkdir(parents=True, exist_ok=True)
    try:
        before = Results.load(options.out / "last.json")
        results = before if options.redraw else _measured(options, before)
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


def _measured(options: argparse.Namespace, before: Results) -> Results:
    """Measure what is asked for: on the control plane, and on lab hosts, which need none."""
    done = _measure(options, before) if set(options.only) & set(PARTS) else before
    for part, runs in (("hosts", _host_runs), ("kind", _kind_runs)):
        for one in runs(options) if part in options.only else ():
            done = done.then(one)
            done.save(options.out / "last.json")
    return done


def _kind_runs(options: argparse.Namespace) -> Iterator[Results]:
    """Yield each unit of the kind clusters as it ends."""
    session, runs = machine.session(), list[KindRun]()
    home = options.home.resolve() / "kind"
    try:
        for one in kind.run(home, options.clusters, options.repeats):
            runs = [*(run for run in runs if run.unit == one.unit), one]
            units = {one.unit: session}
            yield Results(machine={}, objects={}, units=units, kind=tuple(runs))
    except (CaseError, PracticumError) as error:
        yield Results(machine={}, objects={}, failures=(f"kind: {error}",))


def _host_runs(options: argparse.Namespace) -> Iterator[Results]:
    """Yield each unit of the lab hosts as it ends."""
    session, runs = machine.session(), list[HostRun]()
    try:
        home = options.home.resolve() / "hosts"
        for one in hosts.run(home, options.repeats, options.host_sizes):
            runs = [*(run for run in runs if run.unit == one.unit), one]
            units = {one.unit: session}
            yield Results(machine={}, objects={}, units=units, hosts=tuple(runs))
    except CaseError as error:
        yield Results(machine={}, objects={}, failures=(f"hosts: {error}",))


def _measure(options: argparse.Namespace, before: Results) -> Results:
    """Set the stage, play every unit, keep each as it ends, and clear up on any end."""
    tools = toolchain.find(say=lambda line: print(line, flush=True))
    descendants.adopt_orphans()
    home = options.home.resolve()
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        stack.callback(descendants.stop_all)
        stage = _set_up(stack, home, tools)
        stack.callback(_ignore_signals)  # the first of the callbacks: they are to finish
        _warm_up(stage)
        results = before
        for unit in _units(options):
            session = machine.session()
            done = before.units.get(unit.name)
            same = done is not None and done.commit == session.commit
            if options.resume and same and not results.failed(unit.name):
                stage.say(f"{unit.name} is there already")
                continue
            results = results.then(_play(stage, unit, session, machine.describe(tools)))
            results.save(options.out / "last.json")
        return replace(results, help_seconds=_helps(stage))


def _set_up(stack: ExitStack, home: Path, tools: Mapping[str, toolchain.Tool]) -> Stage:
    """Start what lasts for the whole run, and have the stack end it."""
    stack.callback(ControlPlane.clear, home)
    control_plane = ControlPlane.start(home)
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
            cohort = Cohort(f"warm-{_word(name)}", WARM_UP, stage.networks[name], stage)
            for _ in Round.prepare(cohort).run():
                pass
    except CaseError as error:
        raise PracticumError(str(error)) from None


def _units(options: argparse.Namespace) -> Iterator[Unit]:
    """Everything that is to be measured; the repeats of one thing lie far apart."""
    for repeat in range(1, options.repeats + 1):
        for what, size, network in _things(options):
            if what in options.only or (what in peers.SIZES and "peers" in options.only):
                yield Unit(what, size, network, repeat)


def _things(options: argparse.Namespace) -> Iterator[tuple[str, int, str]]:
    for size, network in itertools.product(options.sizes, options.networks):
        if network != FAR or size in (*FAR_SIZES, *QUICK):
            yield "rounds", size, network
    for subject, size in peers.SIZES.items():
        yield subject, size, LOOPBACK
    for size in VERIFIED:
        yield "access", size, LOOPBACK


def _play(stage: Stage, unit: Unit, session: Session, described: dict[str, str]) -> Results:
    """Play one unit; what breaks off counts with what it had come to."""
    stage.unit = unit.name
    objects: dict[str, dict[str, int]] = {}
    found: list[Measurement | Revocation] = []
    failures: list[str] = []
    cohort = Cohort(unit.cohort, unit.size, stage.networks[unit.network], stage)
    try:
        for one in _act(unit, cohort, objects):
            found.append(one)
    except CaseError as error:
        failures.append(f"{unit.name}: {error}")
        stage.say(failures[-1])
    return Results(
        machine=described,
        objects=objects,
        units={unit.name: session},
        measurements=tuple(one for one in found if isinstance(one, Measurement)),
        revocations=tuple(one for one in found if isinstance(one, Revocation)),
        failures=tuple(failures),
    )


def _act(
    unit: Unit, cohort: Cohort, objects: dict[str, dict[str, int]]
) -> Iterator[Measurement | Revocation]:
    if unit.what == "rounds":
        played = Round.prepare(cohort)
        objects[str(unit.size)] = dict(played.everything.kinds)
        yield from played.run()
    elif unit.what == "access":
        yield from Access(cohort).run(hand_out=VERIFIED[unit.size])
    else:
        yield from peers.Peer.prepare(unit.what, cohort).run()


@dataclass(frozen=True)
class Unit:
    """What is measured in one go, from an empty cluster to an empty cluster."""

    what: str
    size: int
    network: str
    repeat: int

    @property
    def name(self) -> str:
        """What tells it from every other unit."""
        return f"{self.what} of {self.size}, {self.network}, {self.repeat}"

    @property
    def cohort(self) -> str:
        """The name of its cohort."""
        what = self.what.lower().replace(" ", "")
        return f"{what}-{self.size}-{_word(self.network)}-{self.repeat}"


def _word(network: str) -> str:
    return network.replace(" ", "")


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
