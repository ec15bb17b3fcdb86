"""Whether a class fits, for a terminal and for other programs."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from .. import quantity

if TYPE_CHECKING:  # a command pays for no other's modules
    from ..capacity import Answer, Line
    from ..lifecycle.capacity import Capacity

SHOWN = 10
"""Nodes that are named one by one; the JSON document has all."""

BYTES = ("memory", "ephemeral-storage", "requests.storage")
FIELDS = {
    "requests.cpu": "cpu",
    "requests.memory": "memory",
    "requests.ephemeral-storage": "ephemeral",
    "pods": "pods",
}
"""Quota keys, as the cohort file has them."""


def document(found: Capacity) -> dict[str, Any]:
    """Return what ``capacity --json`` prints."""
    answer = found.answer
    return {
        "cohort": found.cohort,
        "fits": answer.fits,
        "students": found.students,
        "suspended": found.suspended,
        "at_once": answer.at_once,
        "groups": answer.groups,
        "most_at_once": answer.most,
        "simulated": found.simulated,
        "resources": [_line_document(line) for line in answer.lines],
        "largest_pod": {
            "requests": {key: _number(amount) for key, amount in answer.largest.items()},
            "nodes": answer.homes,
            "times": answer.times,
        },
        "nodes": [
            {"name": place.name, "counted": not place.left_out, "why": place.left_out}
            for place in found.room.places
        ],
        "advice": list(_advice(found)),
    }


def _line_document(line: Line) -> dict[str, Any]:
    told = line.has is not None
    return {
        "resource": line.key,
        "one_student": _number(line.each),
        "need": _number(line.need),
        "has": _number(line.has) if line.has is not None else None,
        "others": _number(line.used) if told else None,
        "free": _number(line.free) if told else None,
        "enough_for": line.enough_for,
        "verdict": _verdict(line),
    }


def _verdict(line: Line) -> str:
    if line.has is None:
        return "unknown"
    if not line.short:
        return "enough"
    return "short" if line.counts else "over"


def _number(amount: Decimal) -> int | float:
    return int(amount) if amount == int(amount) else float(amount)


def columns(found: Capacity) -> tuple[str, ...]:
    """Return the heads of the columns."""
    has = f"{found.words.place}s have"
    return ("resource", "one student", "the class", has, "others take", "free", "enough for")


def rows(found: Capacity) -> Iterator[tuple[str, ...]]:
    """Yield a row for each resource."""
    for line in found.answer.lines:
        told = line.has is not None
        yield (
            line.key,
            _amount(line.key, line.each, up=True),
            _amount(line.key, line.need, up=True),
            _amount(line.key, line.has) if line.has is not None else "not known",
            _amount(line.key, line.used, up=True) if told else "",
            _amount(line.key, line.free) if told else "",
            _enough(line),
        )


def _enough(line: Line) -> str:
    if line.enough_for is None:
        return ""
    mark = {"short": "  too few", "over": "  see below"}.get(_verdict(line), "")
    return f"{line.enough_for}{mark}"


def _amount(key: str, amount: Decimal, *, up: bool = False) -> str:
    return quantity.written(amount, binary=key.endswith(BYTES), up=up)


def lines(found: Capacity) -> Iterator[str]:
    """Yield what was left out, what to know, the answer, and what to do."""
    answer = found.answer
    yield from _left_out(found)
    if found.suspended:
        yield f"not counted: {found.suspended} suspended student(s), and whatever they left running"
    yield from _notes(found)
    if found.simulated:
        yield "This is a rehearsal: its nodes are simulated, and no machine stands behind them."
    groups = f" and {answer.groups} group(s)" if answer.groups else ""
    yield (
        f"{found.cohort}, {answer.at_once} student(s){groups} at once:"
        f" {'yes, it fits' if answer.fits else 'no, it does not fit'};"
        f" there is room for {answer.most} at once"
    )
    yield from (f"  - {line}" for line in _advice(found))


def _left_out(found: Capacity) -> Iterator[str]:
    what = found.words.place
    out = [place for place in found.room.places if place.left_out]
    counted = len(found.room.counted)
    if out:
        named = ", ".join(f"{place.name} {place.left_out}" for place in out[:SHOWN])
        more = f", and {len(out) - SHOWN} more" if len(out) > SHOWN else ""
        yield f"{counted} {what}(s) counted; left out: {named}{more}"
    else:
        yield f"{counted} {what}(s) counted, none left out"


def _notes(found: Capacity) -> Iterator[str]:
    answer, words = found.answer, found.words
    over = [line.key for line in answer.lines if _verdict(line) == "over"]
    if over:
        yield (
            f"{', '.join(over)}: pods start, but not everybody can use all they may at the same"
            " time; above their memory, nodes end pods"
        )
    part = _part(answer)
    yield (
        f"{words.part} ({part}) fits on {answer.homes} {words.place}(s),"
        f" {answer.times} time(s) in all"
    )
    if words.note:
        yield words.note
    if any(line.has is None for line in answer.lines):
        yield "volumes: the cluster does not say how much there is; ask whoever runs the storage"


def _part(answer: Answer) -> str:
    return ", ".join(
        f"{_amount(key, amount, up=True)} {key.removeprefix('requests.')}"
        for key, amount in answer.largest.items()
        if key != "pods"
    )


def _advice(found: Capacity) -> Iterator[str]:
    """Yield what would make it fit; each of the lines is a way of its own."""
    answer = found.answer
    if answer.fits:
        return
    if 0 < answer.most < answer.at_once:
        yield (
            f"fewer at once: {answer.most}, with nothing left running by the others"
            f" (practicum suspend {found.cohort} STUDENT…)"
        )
    if found.words.ways:
        yield from _ways(found)
        return
    smaller = {key: _at_most(key, amount) for key, amount in answer.smaller.items()}
    if smaller and "0" not in smaller.values():
        fields = ", ".join(f"{_field(key)} {text}" for key, text in smaller.items())
        yield f"a smaller quota for everybody: {fields} at most"
    if not answer.homes:
        yield (
            "smaller pods: no node has room for the largest one; set environment.limits.max, or"
            " take a larger node"
        )
    if answer.more:
        yield f"more nodes: {answer.more} like {answer.like}, empty"
    if out := len(found.room.places) - len(found.room.counted):
        yield f"the {out} node(s) that were left out, if they can be had"


def _ways(found: Capacity) -> Iterator[str]:
    """Yield what to do about each thing that is short, where no quota is to blame."""
    for line in found.answer.lines:
        if line.counts and line.short and line.key in found.words.ways:
            yield f"{line.key}: {found.words.ways[line.key]}"
    if out := len(found.room.places) - len(found.room.counted):
        yield f"the {out} {found.words.place}(s) that were left out, if they can be had"


def _field(key: str) -> str:
    return f"environment.quota.{FIELDS[key]}" if key in FIELDS else key


def _at_most(key: str, amount: Decimal) -> str:
    return _amount(key, amount if key.startswith("requests.") else Decimal(int(amount)))
