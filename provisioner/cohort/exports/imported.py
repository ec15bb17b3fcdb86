"""What is asked of an export, and what it says."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..students import Student
from .formats import Format
from .id_digits import Digits


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What an export says of the course's students."""

    students: tuple[Student, ...]

    columns: frozenset[str] = frozenset()
    """Which of our columns the export has; of the others it says nothing."""

    rows: int = 0
    """How many rows were read, so that the others can be counted against them."""

    skipped: tuple[tuple[int, str], ...] = ()
    """Line and reason of each row that is no student."""

    notes: tuple[str, ...] = ()
    """What had to be assumed, for a person to look at."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a person says of a file beyond who wrote it."""

    encoding: str | None = None
    """What its text is in; found out when None."""

    digits: Digits = None
    """How many digits an id has; None: be suspicious of shorter ones."""

    section_column: str | None = None
    """The header of the section; the platform's own when None."""

    group_column: str | None = None
    """The header of the group; the platform's own, if it has one, when None."""

    def applied(self, form: Format) -> Format:
        """Return a format with the columns that were named."""
        named = {"section": self.section_column, "group": self.group_column}
        said = {ours: (theirs,) for ours, theirs in named.items() if theirs}
        needed = (*form.needed, *((ours,) for ours in said))
        return replace(form, columns={**form.columns, **said}, needed=needed)
