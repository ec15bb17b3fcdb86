"""The figures that Practicum is to reach, and whether it does. Nothing here fails a run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from .results import ADD, FAR, KUBECTL, LOOPBACK, NO_OP, PLAN, PRACTICUM, UP, Results

SIZE = 300
"""The cohort that the figures are about."""

PAGE = 500
"""Objects a LIST returns at most."""

MEMORY_MIB = 1024
HELP_SECONDS = 0.3


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One figure to reach, and what was found."""

    target: str
    wanted: str
    found: str
    reached: bool | None
    """None when it was not measured."""


def judge(results: Results) -> list[Verdict]:
    """Compare a run with the figures to reach.

    At the largest size that was measured; the target says so when that is not 300.
    """
    size = SIZE if SIZE in results.sizes else max(results.sizes, default=0)
    return [
        *_no_op_times(results, size),
        _no_op_requests(results),
        _no_op_processes(results),
        _most(f"cold up of {size} on loopback", results.ratio(KUBECTL, UP, size, LOOPBACK), 4),
        _most(f"cold up of {size} at 25 ms", results.ratio(KUBECTL, UP, size, FAR), 0.5),
        _memory(results, size),
        *_additions(results, size),
        _help(results),
    ]


def _no_op_times(results: Results, size: int) -> Iterator[Verdict]:
    for case in (PLAN, NO_OP):
        for network in (LOOPBACK, FAR):
            own = results.middle(PRACTICUM, case, size, network)
            # Both ways to apply the same objects count; the quicker one is the yardstick.
            times = [results.middle(KUBECTL, again, size, network) for again in (UP, NO_OP)]
            best = min((time for time in times if time), default=None)
            ratio = own / best if own is not None and best else None
            yield _most(f"{case} of {size}, {network}", ratio, 0.1)


def _most(target: str, ratio: float | None, limit: float) -> Verdict:
    return Verdict(
        target=target,
        wanted=f"at most {limit:g} of kubectl apply",
        found="not measured" if ratio is None else f"{ratio:.2g}",
        reached=None if ratio is None else ratio <= limit,
    )


def pages(objects: dict[str, int]) -> int:
    """Return how many LISTs it takes to read a cohort: a page or more of every kind.

    >>> pages({"Namespace": 301, "RoleBinding": 600, "PriorityClass": 0})
    4
    """
    return sum(max(1, ceil(count / PAGE)) for count in objects.values())


def _no_op_requests(results: Results) -> Verdict:
    no_ops = [found for found in results.measurements if _is_no_op(found.subject, found.case)]
    extra = {
        found.requests.reading - pages(dict(results.objects[str(found.students)]))
        for found in no_ops
    }
    mutating = sum(found.requests.mutating for found in no_ops)
    each = sorted({(found.students, found.requests.reading) for found in no_ops})
    counts = ", ".join(f"{reading} at {students}" for students, reading in each)
    return Verdict(
        target="requests of a no-op",
        wanted="the pages of 500 of each kind and a constant, none that changes",
        found=f"{counts}: constant {_range(extra)}, {mutating} changing"
        if no_ops
        else "not measured",
        reached=len(extra) == 1 and not mutating if no_ops else None,
    )


def _is_no_op(subject: str, case: str) -> bool:
    return subject == PRACTICUM and case in (PLAN, NO_OP)


def _range(numbers: set[int]) -> str:
    return " to ".join(str(number) for number in sorted({min(numbers), max(numbers)}))


def _no_op_processes(results: Results) -> Verdict:
    no_ops = [found for found in results.measurements if _is_no_op(found.subject, found.case)]
    more = [sum(program.processes for program in found.programs.values()) - 1 for found in no_ops]
    return Verdict(
        target="processes that a no-op starts",
        wanted="0",
        found=str(max(more)) if no_ops else "not measured",
        reached=max(more) == 0 if no_ops else None,
    )


def _memory(results: Results, size: int) -> Verdict:
    peaks = [
        found.peak_mib
        for found in results.measurements
        if found.subject == PRACTICUM and found.students == size
    ]
    return Verdict(
        target=f"peak memory at {size}, Pulumi with it",
        wanted=f"at most {MEMORY_MIB} MiB",
        found=f"{max(peaks):.0f} MiB" if peaks else "not measured",
        reached=max(peaks) <= MEMORY_MIB if peaks else None,
    )


def _additions(results: Results, size: int) -> Iterator[Verdict]:
    for network in (LOOPBACK, FAR):
        up = results.middle(PRACTICUM, UP, size, network)
        add = results.middle(PRACTICUM, ADD, size, network)
        ratio = add / up if add is not None and up else None
        yield Verdict(
            target=f"adding one to {size}, {network}",
            wanted="at most 0.2 of its cold up",
            found="not measured" if ratio is None else f"{ratio:.2g}",
            reached=None if ratio is None else ratio <= 0.2,
        )


def _help(results: Results) -> Verdict:
    times = sorted(results.help_seconds)
    middle = times[len(times) // 2] if times else None
    return Verdict(
        target="practicum --help",
        wanted=f"at most {HELP_SECONDS} s",
        found="not measured" if middle is None else f"{middle:.2f} s",
        reached=None if middle is None else middle <= HELP_SECONDS,
    )
