"""Write a run down for people: what was to be reached, every figure, and what each means."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

from .results import KUBECTL, NO_OP, PLAN, PRACTICUM, RAW, Measurement, Results
from .targets import SIZE, Verdict, judge

INTRODUCTION = """\
Written by `make bench`. Every figure is of a whole process, from its start to its end, and
all are of one run on one rehearsal control plane, which shares the machine's cores with
what is measured. The yardsticks get the very objects that `practicum render` prints:

* **kubectl**: `kubectl apply --server-side --force-conflicts -f -` of all of them, namespaces
  first; *no-op up* is the same again, *add one* the objects of one more student.
* **raw**: one asynchronous process with 32 requests in flight, *cold up* by server-side apply,
  *down* by deleting all namespaces and watching until they are gone: what the cluster's own
  namespace controller takes.

*loopback* is the API server itself, *25 ms* the same behind a proxy that holds every byte for
half of that in each direction, and a new connection for all of it."""

COLUMNS = """\
* **wall**: seconds, the median where a case was repeated (n).
* **÷ kubectl**, **÷ raw**: Practicum's seconds as a multiple of the yardstick's, at the same size
  on the same network. A plan compares with kubectl's *no-op up*.
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
        _table(("figure", "to reach", "found", ""), map(_verdict, judge(results))),
        *_smaller(results),
        "## Every case",
        _table(HEAD, _rows(results)),
        COLUMNS,
        "## Where Practicum's CPU and memory go",
        _table(PROGRAMS_HEAD, _programs(results)),
        "*processes*, *CPU* (seconds) and *largest* (resident MiB of the largest process) of each "
        "program, as sampled; `worker` is Practicum's own Python that Pulumi calls back.",
        "## The machine",
        "\n".join(f"* {name}: {value}" for name, value in results.machine.items()),
        *_failures(results),
    ]
    return "\n\n".join(parts) + "\n"


def _smaller(results: Results) -> list[str]:
    if not results.sizes or SIZE in results.sizes:
        return []
    return [f"They are meant for {SIZE} students, and this run went up to {results.sizes[-1]}."]


def _verdict(verdict: Verdict) -> tuple[str, ...]:
    word = {True: "reached", False: "**not reached**", None: ""}[verdict.reached]
    return verdict.target, verdict.wanted, verdict.found, word


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
    yield f"{median(item.seconds for item in found):.2f}"
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
        if subject != PRACTICUM or case in (PLAN, NO_OP):
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
