"""What is to be done with cohorts that are past their end: lines and a document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

from ..lifecycle.reap import Case


def lines(cases: Iterable[Case]) -> Iterator[str]:
    """Yield a line a cohort."""
    cases = list(cases)
    yield from map(_line, cases)
    if not cases:
        yield "There is no cohort."


def _line(case: Case) -> str:
    name, over = case.cohort, case.over
    held = f" (for {', '.join(case.held_by)})" if case.held_by else ""
    said = {
        "running": f"  = {name}: is not over, with access until {over}{held}",
        "gone": f"  = {name}: is down already",
        "warn": f"  ! {name}: over since {over}{held}, with {case.students} namespace(s). This is the"
        f" warning: from {case.due} on, the next reap archives it and takes it down",
        "waiting": f"  ! {name}: over since {over}{held}, warned on {case.warned}; it goes from"
        f" {case.due} on",
        "due": f"  - {name}: over since {over}{held}, warned on {case.warned}; it goes now, with"
        f" {case.students} namespace(s)",
        "protected": f"  ! {name}: over since {over}{held}, and refused: {case.why}",
        "unreadable": f"  ! {name}: cannot be looked at: {case.why}",
        "failed": f"  ! {name}: is not down: {case.why}",
        "down": f"  - {name}: is down, and nothing is left."
        + (f" Receipt: {case.receipt.path}" if case.receipt else ""),
    }
    return said[case.verdict]


def advice(cases: Iterable[Case]) -> Iterator[str]:
    """Say how a cohort that was warned is kept."""
    if any(case.verdict in ("warn", "waiting") for case in cases):
        yield "To keep one, set term.ends in its cohort.yaml, or protect: true."


def document(cases: Iterable[Case], today: date) -> dict[str, Any]:
    """Return what ``reap --json`` prints."""
    return {"today": str(today), "cohorts": [_plain(case) for case in cases]}


def _plain(case: Case) -> dict[str, Any]:
    receipt = case.receipt
    return {
        "cohort": case.cohort,
        "verdict": case.verdict,
        "over": _text(case.over),
        "held_by": list(case.held_by),
        "warned": _text(case.warned),
        "due": _text(case.due),
        "namespaces": case.students,
        "why": case.why or None,
        "receipt": str(receipt.path) if receipt and receipt.path else None,
    }


def _text(day: date | None) -> str | None:
    return day.isoformat() if day else None
