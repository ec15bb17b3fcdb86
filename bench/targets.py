"""The figures that Practicum is to reach, and whether it does. Nothing here fails a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil
from statistics import median

from .results import (
    ADD,
    DOWN,
    FAR,
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

PAGE = 500
"""Objects a LIST returns at most."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One figure: what it must be, what it may be at best, and what was found."""

    figure: str
    must: str
    aim: str = ""
    found: str = "not measured"
    reached: bool | None = None
    """Whether it is as it must be; None when it was not measured."""

    aimed: bool | None = None
    """Whether it is as good as it was meant to be."""


def judge(results: Results) -> list[Verdict]:
    """Compare what was measured with the figures to reach."""
    return [
        _up(results, LOOPBACK, 3, 2),
        _up(results, FAR, 1 / 3, 1 / 5),
        *_no_ops(results),
        _no_op_requests(results),
        _no_op_processes(results),
        _addition(results),
        _addition_beside_up(results),
        _down(results),
        _growth(results),
        _memory(results, 1000, 1.2, 0.6),
        _memory(results, 300, 1.0),
        _help(results),
        _verified(results),
        *(_per_second(results, case) for case in (HANDOUT, ROTATE)),
        _revoked(results),
    ]


def _at_most(
    figure: str, value: float | None, must: float, aim: float | None, show: Callable[[float], str]
) -> Verdict:
    """Judge a figure of which less is better."""
    if value is None:
        verdict = Verdict(figure=figure, must=f"≤ {show(must)}")
    else:
        verdict = Verdict(
            figure=figure,
            must=f"≤ {show(must)}",
            found=show(value),
            reached=value <= must,
            aimed=None if aim is None else value <= aim,
        )
    return verdict if aim is None else _with_aim(verdict, f"≤ {show(aim)}")


def _with_aim(verdict: Verdict, aim: str) -> Verdict:
    return Verdict(**{**vars(verdict), "aim": aim})


def _times(number: float) -> str:
    """Show a multiple; one below a half as the share it is.

    >>> _times(2.96), _times(0.2), _times(1 / 20), _times(12.3)
    ('3 x', '1/5.0', '1/20', '12 x')
    """
    if number < 0.5:
        part = 1 / number
        return f"1/{part:.0f}" if part >= 10 else f"1/{part:.1f}"
    return f"{number:.0f} x" if number >= 10 else f"{number:.2g} x"


def _fine(number: float) -> str:
    return f"{number:.2f} x"


def _quotient(one: float | None, other: float | None) -> float | None:
    return one / other if one is not None and other else None


def _up(results: Results, network: str, must: float, aim: float) -> Verdict:
    ratio = results.ratio(KUBECTL, UP, 300, network)
    figure = f"cold up of 300, {network}, against kubectl"
    return _at_most(figure, ratio, must, aim, _times)


def _no_ops(results: Results) -> Iterator[Verdict]:
    for network in (LOOPBACK, FAR):
        for size in (300, 1000) if network == LOOPBACK else (300,):
            # Both ways to apply the same objects count; the quicker one is the yardstick.
            times = [results.middle(KUBECTL, again, size, network) for again in (UP, NO_OP)]
            best = min((time for time in times if time), default=None)
            for case in (PLAN, NO_OP):
                ratio = _quotient(results.middle(PRACTICUM, case, size, network), best)
                # There the same again is one round trip after another, as the first time was.
                whose = "kubectl's cold up" if network == FAR else "kubectl"
                figure = f"{case} of {size}, {network}, against {whose}"
                yield _at_most(figure, ratio, 1 / 20, 1 / 50, _times)


def pages(objects: dict[str, int]) -> int:
    """Return how many LISTs it takes to read a cohort: a page or more of every kind.

    >>> pages({"Namespace": 301, "RoleBinding": 600, "PriorityClass": 0})
    4
    """
    return sum(max(1, ceil(count / PAGE)) for count in objects.values())


def _no_op_requests(results: Results) -> Verdict:
    no_ops = _all_no_ops(results)
    constants: dict[str, int] = {}
    for found in no_ops:
        extra = _beyond_pages(results, found)
        constants[found.case] = min(extra, constants.get(found.case, extra))
    as_told = all(
        0 <= _beyond_pages(results, found) - constants[found.case] <= _full(results, found)
        for found in no_ops
    )
    mutating = sum(found.requests.mutating for found in no_ops)
    told = ", ".join(f"{case} {number}" for case, number in sorted(constants.items()))
    return Verdict(
        figure="requests of a no-op",
        must="pages of 500 of each kind, and a constant; none that changes",
        found=f"constant: {told}; {mutating} changing" if no_ops else "not measured",
        reached=as_told and not mutating if no_ops else None,
    )


def _beyond_pages(results: Results, found: Measurement) -> int:
    return found.requests.reading - pages(dict(results.objects[str(found.students)]))


def _full(results: Results, found: Measurement) -> int:
    """Count the kinds whose last page is full: an empty one may follow."""
    counts = results.objects[str(found.students)].values()
    return sum(1 for count in counts if count and count % PAGE == 0)


def _all_no_ops(results: Results) -> list[Measurement]:
    return [
        found
        for found in results.measurements
        if found.subject == PRACTICUM and found.case in (PLAN, NO_OP)
    ]


def _no_op_processes(results: Results) -> Verdict:
    more = [
        sum(program.processes for program in found.programs.values()) - 1
        for found in _all_no_ops(results)
    ]
    value = float(max(more)) if more else None
    return _at_most("processes that a no-op starts", value, 0, None, lambda n: f"{n:.0f}")


def _addition(results: Results) -> Verdict:
    few, many = (results.middle(PRACTICUM, ADD, size, LOOPBACK) for size in (10, 1000))
    figure = "adding one to 1000, against adding one to 10"
    return _at_most(figure, _quotient(many, few), 1.5, 1.2, _fine)


def _addition_beside_up(results: Results) -> Verdict:
    add, up = (results.middle(PRACTICUM, case, 300, LOOPBACK) for case in (ADD, UP))
    return _at_most(
        "adding one to 300, against its cold up", _quotient(add, up), 1 / 5, None, _times
    )


def _down(results: Results) -> Verdict:
    own, alone = (
        results.middle(subject, DOWN, 300, LOOPBACK, lambda found: found.deleting)
        for subject in (PRACTICUM, RAW)
    )
    figure = "down of 300, first delete to last namespace gone, against bare deletes"
    return _at_most(figure, _quotient(own, alone), 1.25, 1.1, _fine)


def _growth(results: Results) -> Verdict:
    few, many = (results.middle(PRACTICUM, UP, size, LOOPBACK) for size in (100, 1000))
    ratio = _quotient(many, few)
    figure = "cold up of 1000, time a student against 100"
    return _at_most(figure, ratio / 10 if ratio else None, 1.3, None, _fine)


def _memory(results: Results, size: int, must: float, aim: float | None = None) -> Verdict:
    peaks = [
        found.peak_mib / 1024
        for found in results.measurements
        if found.subject == PRACTICUM and found.students == size
    ]
    figure = f"peak memory at {size}, Pulumi with it"
    return _at_most(figure, max(peaks, default=None), must, aim, lambda n: f"{n:.2f} GiB")


def _help(results: Results) -> Verdict:
    middle = median(results.help_seconds) if results.help_seconds else None
    return _at_most("practicum --help", middle, 0.3, None, lambda n: f"{n:.2f} s")


def _verified(results: Results) -> Verdict:
    middle = results.middle(PRACTICUM, VERIFY, 30, LOOPBACK)
    return _at_most("verify of 30", middle, 60, None, lambda n: f"{n:.0f} s")


def _per_second(results: Results, case: str) -> Verdict:
    middle = results.middle(PRACTICUM, case, 300, LOOPBACK)
    speed = 300 / middle if middle else None
    return Verdict(
        figure=f"{case} at 300",
        must="≥ 50 students/s",
        found="not measured" if speed is None else f"{speed:.0f} students/s",
        reached=None if speed is None else speed >= 50,
    )


def _revoked(results: Results) -> Verdict:
    times = [found.seconds for found in results.revocations]
    figure = f"a token dies after revoke, slowest of {len(times) or 20}"
    return _at_most(figure, max(times, default=None), 15, None, lambda n: f"{n:.1f} s")
