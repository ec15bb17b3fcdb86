"""The account of a term as lines, a table, CSV and JSON. Ids are shown, names are not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import csv_table, private_file
from ..lifecycle.usage import Sampled
from ..usage import StudentUse, Usage

GIB = 2.0**30
UNIT = {"cpu": 1.0, "memory": GIB, "storage": GIB, "gpu": 1.0, "pods": 1.0}
"""What an amount is divided by before a person sees it."""

COLUMNS = ("id", "known h", "cpu h", "memory GiB h", "storage GiB h", "pods, most", "fullest", "")

SPARE = ("known h", "storage GiB h", "memory GiB h", "pods, most", "fullest")
"""Columns that a narrow terminal goes without, the first one first."""

CSV_COLUMNS = (
    "id", "in_roster", "samples", "known_hours", "cpu_hours", "memory_gib_hours",
    "storage_gib_hours", "gpu_hours", "pod_hours", "cpu_peak", "memory_gib_peak",
    "storage_gib_peak", "gpu_peak", "pods_peak", "fullest_percent", "fullest_of", "idle",
    "near_limit", "cost", "currency",
)  # fmt: skip


def lines(found: Usage) -> Iterator[str]:
    """Yield what the account is based on, the totals, and who is to be looked at."""
    yield basis(found)
    if not found.samples:
        yield f"Take a sample, best every hour: practicum report {found.cohort} --sample"
        return
    total = found.total
    used = ", ".join(
        f"{amount(total, measure):,.1f} {name}"
        for measure, name in [("cpu", "CPU hours"), ("memory", "GiB hours of memory")]
    )
    yield f"All students: {used} reserved" + (f"; {money(found, total)}" if total.cost else "")
    for title, ids in [("idle", idle(found)), ("near a limit", near_limit(found))]:
        if ids:
            yield f"  {title} in the last 7 days: {', '.join(ids)}"
    if not found.prices.given:
        yield "Nothing is said of cost: give prices with --prices FILE."


def basis(found: Usage) -> str:
    """Say on how much the account stands."""
    if not (found.first and found.last):
        return f"{found.cohort}: no sample was taken yet, so nothing is known of its use."
    return (
        f"{found.cohort}: {found.samples} sample(s) from {_time(found.first)} to"
        f" {_time(found.last)}; {found.known_hours} of {found.hours} hours are known"
        + (f", {found.missing_hours} are not and are not counted" if found.missing_hours else "")
    )


def idle(found: Usage) -> list[str]:
    """Return the ids of those who had no pod lately."""
    return [student.id for student in found.students if student.idle]


def near_limit(found: Usage) -> list[str]:
    """Return the ids of those who were near a ceiling lately, each with which."""
    return [
        f"{student.id} ({student.fullest:.0%} of {student.fullest_of})"
        for student in found.students
        if student.near_limit
    ]


def row(found: Usage, student: StudentUse) -> tuple[str, ...]:
    """Return one row of the table."""
    notes = note(student)
    if student.cost is not None:
        notes = ", ".join(filter(None, [money(found, student), notes]))
    if not student.hours:
        return (student.id, "0", *["unknown"] * 5, notes)
    return (
        student.id,
        str(student.hours),
        *(f"{amount(student, measure):.1f}" for measure in ("cpu", "memory", "storage")),
        f"{student.peaks['pods']:.0f}",
        f"{student.fullest:.0%} {student.fullest_of}" if student.fullest_of else "",
        notes,
    )


def note(student: StudentUse) -> str:
    """Say in a word what is to be noticed of a student."""
    words = {
        "has left": not student.here,
        "idle": student.idle,
        "near a limit": student.near_limit,
    }
    return ", ".join(word for word, holds in words.items() if holds)


def amount(student: StudentUse, measure: str) -> float:
    """Return unit-hours as people read them: of memory and storage in GiB."""
    return student.amounts.get(measure, 0.0) / UNIT[measure]


def money(found: Usage, student: StudentUse) -> str:
    """Return a cost with its currency; empty where there is none."""
    return "" if student.cost is None else f"{student.cost:,.2f} {found.prices.currency}"


def write_csv(path: Path, found: Usage, *, bom: bool) -> None:
    """Write a row a student.

    Raises:
        InputError: If the file cannot be written.
    """
    rows = [_csv_row(found, student) for student in found.students]
    private_file.write(path, csv_table.table(CSV_COLUMNS, rows, bom=bom))


def _csv_row(found: Usage, student: StudentUse) -> list[object]:
    known = student.hours > 0
    measures = ("cpu", "memory", "storage", "gpu", "pods")
    return [
        student.id,
        _yes(student.here),
        student.samples,
        student.hours,
        *(round(amount(student, m), 3) if known else None for m in measures),
        *(round(student.peaks[m] / UNIT[m], 3) if known else None for m in measures),
        round(100 * student.fullest, 1) if known else None,
        student.fullest_of,
        _yes(student.idle),
        _yes(student.near_limit),
        student.cost,
        found.prices.currency if student.cost is not None else None,
    ]


def document(found: Usage) -> dict[str, Any]:
    """Return what ``report --json`` prints."""
    return {
        "cohort": found.cohort,
        "time": _time(found.time),
        "first": _time(found.first) if found.first else None,
        "last": _time(found.last) if found.last else None,
        "samples": found.samples,
        "known_hours": found.known_hours,
        "hours": found.hours,
        "currency": found.prices.currency or None,
        "total": _plain(found.total),
        "students": [
            {
                "id": student.id,
                "in_roster": student.here,
                **_plain(student),
                "fullest": {"share": round(student.fullest, 4), "of": student.fullest_of or None},
                "idle": student.idle,
                "near_limit": student.near_limit,
            }
            for student in found.students
        ],
    }


def _plain(student: StudentUse) -> dict[str, Any]:
    names = {
        "cpu": "cpu_hours",
        "memory": "memory_gib_hours",
        "storage": "storage_gib_hours",
        "gpu": "gpu_hours",
        "pods": "pod_hours",
    }
    known = student.hours > 0
    return {
        "samples": student.samples,
        "known_hours": student.hours,
        **{name: round(amount(student, m), 4) if known else None for m, name in names.items()},
        "cost": str(student.cost) if student.cost is not None else None,
    }


def sampled(found: Sampled) -> str:
    """Say what one sample found."""
    if found.students is None:
        return f"{found.cohort}: no sample was kept, for the last one is less than a minute old."
    if not found.students:
        return f"{found.cohort}: no student has an environment whose use is counted."
    return f"{found.cohort}: sampled {found.students} student(s)"


def sampled_document(found: Sampled) -> dict[str, Any]:
    """Return what ``report --sample --json`` prints."""
    return {
        "cohort": found.cohort,
        "time": _time(found.time),
        "students": found.students,
        "taken": bool(found.students),
    }


def _yes(holds: bool) -> str:  # noqa: FBT001  (a value of a cell)
    return "yes" if holds else "no"


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
