"""Keep samples of a cohort in one SQLite file, which does not grow for ever.

By the hour for two weeks, then by the day: 300 students over a term are about 20 MB.
It holds ids and numbers, and no names of people.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from .. import private_file
from ..errors import InputError
from . import rollup
from .rollup import DAY, HOUR, Row, Taken
from .sample import MEASURES, Sample

VERSION = 1
BUSY = 10.0
"""Seconds to wait for another run that is writing."""

APART = 60
"""Seconds between two samples: ten looks in a minute must not outweigh the hour."""

_AMOUNTS = [f"{measure}_hours" for measure in MEASURES]
_PEAKS = [f"{measure}_peak" for measure in MEASURES]
_COLUMNS = ["start", "span", "student", "samples", "hours", *_AMOUNTS, *_PEAKS, "fullest"]
_COLUMNS += ["fullest_of"]
_TAKEN = ["start", "span", "samples", "hours", "first", "last"]

_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS used ({", ".join(_COLUMNS)}, PRIMARY KEY (start, student, span)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS taken ({", ".join(_TAKEN)}, PRIMARY KEY (start, span)) WITHOUT ROWID;
PRAGMA user_version = {VERSION};
COMMIT;
"""


class Store:
    """The samples of one cohort."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def record(self, moment: datetime, samples: Iterable[Sample]) -> int | None:
        """Add one sample of the whole cohort; rolls up what has become old.

        Args:
            moment: When it was taken.
            samples: One a student whose use is known; not gone through where it is not kept.

        Returns:
            How many students are in it; None where the last one is less than a minute old.

        Raises:
            InputError: If the file cannot be written, or is damaged.
        """
        now = int(moment.timestamp())
        with self._open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            [last] = connection.execute("SELECT max(last) FROM taken").fetchone()
            if last is not None and abs(now - last) < APART:
                return None
            found = list(samples)
            if not found:
                return 0
            start = now - now % HOUR
            before = {
                row.student: row
                for row in _rows(connection, "start = ?", start)
                if row.span == HOUR
            }
            _put(connection, [rollup.with_sample(before.get(s.student), s, start) for s in found])
            _count(connection, start, now)
            _roll_up(connection, rollup.oldest_hour(now))
        return len(found)

    def read(self) -> tuple[list[Row], list[Taken]]:
        """Return every row, and how many samples were taken when; none where there is no file.

        Raises:
            InputError: If the file cannot be read, or is damaged.
        """
        if not self._path.exists():
            return [], []
        with self._open() as connection:
            return list(_rows(connection)), list(_taken(connection))

    def rename(self, old: str, new: str) -> None:
        """Let the samples of a student follow an id that was corrected.

        Raises:
            InputError: If the file cannot be written, or is damaged.
        """
        if not self._path.exists():
            return
        with self._open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            moved = [replace(row, student=new) for row in _rows(connection, "student = ?", old)]
            there = {(one.start, one.span): one for one in _rows(connection, "student = ?", new)}
            connection.execute("DELETE FROM used WHERE student = ?", (old,))
            _put(connection, [rollup.met(row, there.get((row.start, row.span))) for row in moved])

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Open the file in one transaction.

        Raises:
            InputError: If it cannot be used.
        """
        private_file.make_folder(self._path.parent)
        os.close(private_file.open_to_append(self._path))  # SQLite would make it open to others
        try:
            connection = sqlite3.connect(self._path, timeout=BUSY, isolation_level=None)
            try:
                self._check(connection)
                yield connection
                if connection.in_transaction:
                    connection.execute("COMMIT")
            finally:
                connection.close()  # rolls back what was not committed
        except sqlite3.Error as error:
            raise InputError(
                f"{self._path} cannot be used: {error}.",
                hint="If it is damaged, move it away: samples begin anew, nothing else needs it.",
            ) from None

    def _check(self, connection: sqlite3.Connection) -> None:
        [version] = connection.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise InputError(
                f"{self._path} was written by a later Practicum.", hint="Use that one."
            )
        if version == 0:
            connection.executescript(_SCHEMA)


def _put(connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
    places = ", ".join("?" * len(_COLUMNS))
    values = [
        (
            row.start, row.span, row.student, row.samples, row.hours,
            *(row.amounts[m] for m in MEASURES), *(row.peaks[m] for m in MEASURES),
            row.fullest, row.fullest_of,
        )
        for row in rows
    ]  # fmt: skip
    connection.executemany(f"INSERT OR REPLACE INTO used VALUES ({places})", values)


def _put_taken(connection: sqlite3.Connection, rows: Iterable[Taken]) -> None:
    values = [(one.start, one.span, one.samples, one.hours, one.first, one.last) for one in rows]
    connection.executemany("INSERT OR REPLACE INTO taken VALUES (?, ?, ?, ?, ?, ?)", values)


def _count(connection: sqlite3.Connection, start: int, now: int) -> None:
    before = [one for one in _taken(connection, "start = ?", start) if one.span == HOUR]
    samples = sum(one.samples for one in before)
    moments = [now, *(one.first for one in before), *(one.last for one in before)]
    first, last = min(moments), max(moments)
    one = Taken(start=start, span=HOUR, samples=samples + 1, hours=1, first=first, last=last)
    _put_taken(connection, [one])


def _roll_up(connection: sqlite3.Connection, before: int) -> None:
    """Put days in the place of the hours before a moment."""
    taken = list(_taken(connection, "start < ?", before))
    if all(one.span == DAY for one in taken):
        return
    rows = list(_rows(connection, "start < ?", before))
    connection.execute("DELETE FROM used WHERE start < ?", (before,))
    connection.execute("DELETE FROM taken WHERE start < ?", (before,))
    _put(connection, rollup.daily(rows))
    _put_taken(connection, rollup.daily_taken(taken))


def _rows(connection: sqlite3.Connection, where: str = "1", *values: int | str) -> Iterator[Row]:
    found = connection.execute(f"SELECT * FROM used WHERE {where} ORDER BY start, student", values)
    count = len(MEASURES)
    for start, span, student, samples, hours, *rest in found:
        yield Row(
            start=start,
            span=span,
            student=student,
            samples=samples,
            hours=hours,
            amounts=dict(zip(MEASURES, rest, strict=False)),
            peaks=dict(zip(MEASURES, rest[count:], strict=False)),
            fullest=rest[-2],
            fullest_of=rest[-1],
        )


def _taken(connection: sqlite3.Connection, where: str = "1", *values: int) -> Iterator[Taken]:
    found = connection.execute(f"SELECT * FROM taken WHERE {where} ORDER BY start", values)
    for start, span, samples, hours, first, last in found:
        yield Taken(start=start, span=span, samples=samples, hours=hours, first=first, last=last)
