"""Write a run down for people: what was to be reached, every figure, and what each means."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

from . import host_table, kind_table
from .peers import SIZES as PEERS
from .results import (
    HANDOUT,
    KUBECTL,
    LOOPBACK,
    NO_OP,
    PLAN,
    PRACTICUM,
    RAW,
    ROTATE,
    UP,
    VERIFY,
    Measurement,
    Results,
)
from .targets import Verdict, judge

INTRODUCTION = """\
Written by `make bench`. Every figure is of a whole process, from its start to its end, on a
rehearsal control plane which shares the machine's cores with what is measured. When each part
was measured stands at the end. The yardsticks get the very objects that `practicum render` prints:

* **kubectl**: `kubectl apply --server-side --force-conflicts -f -` of all of them, namespaces
  first; *no-op up* is the same again, *add one* the objects of one more student.
* **raw**: one asynchronous process with 32 requests in flight, *cold up* by server-side apply,
  *down* by deleting all namespaces and watching until they are gone: what the cluster's own
  namespace controller takes.

*loopback* is the API server itself, *25 ms* the same behind a proxy that holds every byte for
half of that in each direction, and a new connection for all of it."""

COLUMNS = """\
* **wall**: seconds; where a case was repeated (n) the median, and the range in brackets.
* **÷ kubectl**, **÷ raw**: Practicum's seconds as a multiple of the yardstick's, at the same size
  on the same network. A plan compares with kubectl's *no-op up*. At 25 ms that is not measured, since
  it takes the round trips of the first time again: there plan and no-op up have no multiple, and the
  figures to reach compare them with kubectl's *cold up*, as they say. On loopback they compare with
  the quicker of the two.
* **CPU**: user and system seconds of the command with everything that it started.
* **server**: CPU seconds of kube-apiserver and etcd meanwhile.
* **others**: CPU seconds of programs that have nothing to do with the bench; large ones mean
  that the machine was not quiet, and the wall time too long.
* **PSS**, **RSS**: MiB, greatest sum of proportional and of resident memory over the command's
  process tree, looked at every 50 ms. Pages that processes share count once in PSS, and in each
  process in RSS. PSS is read again whenever RSS has grown by 3 %, and is what the target is about.
* **reads**, **writes**: requests in the audit log, without the controllers' own. Dry runs and
  questions about rights change nothing and count as reads.
* **workers**: worker processes, one a Pulumi stack; for `up`, as it says itself.
* **etcd**: MiB of etcd's file afterwards; it grows until old revisions are compacted."""


def render(results: Results) -> str:
    """Return the whole report as Markdown."""
    parts = [
        "# What Practicum costs",
        INTRODUCTION,
        "![Seconds by case, size and network](last.png)",
        "## Figures to reach",
        _table(
            ("figure", "must", "aim", "found", "", ""),
            map(_verdict, _judged(results)),
        ),
        "## Beside what people do without it",
        PEERS_INTRODUCTION,
        _table(("by", "students", "n", "seconds", "students/s"), _peers(results)),
        "![Students a second](peers.png)",
        "## Access",
        _table(
            ("case", "students", "n", "seconds", "students/s", "requests a student"),
            _access(results),
        ),
        *_revocations(results),
        *_hosts(results),
        *_kind(results),
        "## Every case",
        _table(HEAD, _rows(results)),
        COLUMNS,
        "## Where Practicum's CPU and memory go",
        _table(PROGRAMS_HEAD, _programs(results)),
        "*processes*, *CPU* (seconds) and *largest* (resident MiB of the largest process) of each "
        "program, as sampled; `worker` is Practicum's own Python that Pulumi calls back.",
        "## The machine",
        "\n".join(f"* {name}: {value}" for name, value in results.machine.items()),
        _table(("part", "date", "commit", "load before"), _units(results)),
        *_failures(results),
    ]
    return "\n\n".join(parts) + "\n"


PEERS_INTRODUCTION = """\
Cold, on loopback. *kubectl loop* is the script that people write, one `kubectl apply` a student;
*official client* is the Python client with server-side apply in 16 threads; *plain Pulumi* is one
stack of the same typed resources with every default (a checkpoint at each step, the provider's own
rate). Loop and plain Pulumi are measured with fewer students; the one takes as long for each of
more, the other longer."""


def _peers(results: Results) -> Iterable[tuple[str, ...]]:
    sizes = {PRACTICUM: 300, KUBECTL: 300, RAW: 300} | PEERS
    for subject, students in sizes.items():
        if found := results.find(subject, UP, students, LOOPBACK):
            middle = median(item.seconds for item in found)
            speed = f"{students / middle:.1f}"
            yield _strong(subject), str(students), str(len(found)), _spread(found), speed


def _access(results: Results) -> Iterable[tuple[str, ...]]:
    for case in (HANDOUT, ROTATE, VERIFY):
        for students in (30, 300):
            if found := results.find(PRACTICUM, case, students, LOOPBACK):
                middle = sorted(found, key=lambda item: item.seconds)[len(found) // 2]
                requests = middle.requests.reading + middle.requests.mutating
                yield (
                    *(case, str(students), str(len(found)), _spread(found)),
                    f"{students / middle.seconds:.1f}",
                    f"{requests / students:.1f}",
                )


def _hosts(results: Results) -> list[str]:
    if not results.hosts:
        return []
    rows = host_table.rows(results)
    return ["## Lab hosts", host_table.INTRODUCTION, _table(host_table.HEAD, rows)]


def _kind(results: Results) -> list[str]:
    if not results.kind:
        return []
    rows = kind_table.rows(results)
    return ["## kind clusters", kind_table.INTRODUCTION, _table(kind_table.HEAD, rows)]


def _judged(results: Results) -> list[Verdict]:
    return [*judge(results), *host_table.verdicts(results), *kind_table.verdicts(results)]


def _revocations(results: Results) -> list[str]:
    times = [found.seconds for found in results.revocations]
    if not times:
        return []
    return [
        f"A revoked token, in use all the time, was refused after {median(times):.1f} s "
        f"({min(times):.1f} to {max(times):.1f} s, {len(times)} trials), counted from the start of "
        "`practicum revoke`; the API server remembers for 10 s that a token was good."
    ]


def _spread(found: Sequence[Measurement]) -> str:
    """Return median and range."""
    times = [item.seconds for item in found]
    middle = f"{median(times):.2f}"
    return middle if len(times) == 1 else f"{middle} ({min(times):.2f} to {max(times):.2f})"


def _units(results: Results) -> Iterable[tuple[str, ...]]:
    for name, session in results.units.items():
        yield name, session.date, session.commit, session.load


def _verdict(verdict: Verdict) -> tuple[str, ...]:
    must = {True: "reached", False: "**not reached**", None: ""}[verdict.reached]
    aim = {True: "aim reached", False: "aim not reached", None: ""}[verdict.aimed]
    return verdict.figure, verdict.must, verdict.aim, verdict.found, must, aim


HEAD = (
    *("network", "students", "case", "who", "n", "wall", "÷ kubectl", "÷ raw", "CPU"),
    *("server", "others", "PSS", "RSS", "reads", "writes", "workers", "etcd"),
)


def _rows(results: Results) -> Iterable[tuple[str, ...]]:
    for network, students, case, subject in results.rows():
        found = results.find(subject, case, students, network)
        own = subject == PRACTICUM
        ratios = [
            _ratio(results.ratio(yardstick, case, students, network) if own else None)
            for yardstick in (KUBECTL, RAW)
        ]
        yield network, str(students), case, _strong(subject), *_figures(found, ratios)


def _strong(subject: str) -> str:
    return f"**{subject}**" if subject == PRACTICUM else subject


def _figures(found: Sequence[Measurement], ratios: list[str]) -> Iterable[str]:
    middle = sorted(found, key=lambda item: item.seconds)[len(found) // 2]
    yield str(len(found))
    yield _spread(found)
    yield from ratios
    yield f"{median(item.cpu for item in found):.1f}"
    yield f"{median(item.server_cpu for item in found):.1f}"
    yield f"{median(item.others_cpu for item in found):.1f}"
    yield f"{max(item.peak_mib for item in found):.0f}"
    yield f"{max(item.resident_mib for item in found):.0f}"
    yield str(middle.requests.reading)
    yield str(middle.requests.mutating)
    yield str(middle.workers) if middle.subject == PRACTICUM else ""
    yield f"{middle.etcd_mib:.0f}"


def _ratio(ratio: float | None) -> str:
    """Two significant digits, and never 1e+01.

    >>> _ratio(0.0123), _ratio(3.456), _ratio(12.3), _ratio(None)
    ('0.012', '3.5', '12', '')
    """
    if ratio is None:
        return ""
    return f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.2g}"


PROGRAMS_HEAD = ("network", "students", "case", "program", "processes", "CPU", "largest")


def _programs(results: Results) -> Iterable[tuple[str, ...]]:
    """The first repetition of each case; a no-op has one program, and stands above."""
    for network, students, case, subject in results.rows():
        if subject != PRACTICUM or case in (PLAN, NO_OP, HANDOUT, ROTATE, VERIFY):
            continue
        found = results.find(subject, case, students, network)[0]
        for name, program in found.programs.items():
            figures = str(program.processes), f"{program.cpu:.1f}", f"{program.peak_mib:.0f}"
            yield network, str(students), case, name, *figures


def _failures(results: Results) -> list[str]:
    if not results.failures:
        return []
    return ["## What did not work", *(f"```\n{failure}\n```" for failure in results.failures)]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
