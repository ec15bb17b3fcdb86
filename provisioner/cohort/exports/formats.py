"""How each learning platform writes its exports: columns, and rows that are no student.

The rules are exact, because a rule that guesses skips a student one day.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from ..csv_file import Row
from .headers import DEPARTMENT, EMAIL, FIRST, FULL, GROUPS, LAST, LOGIN, NUMBER
from .table import Kind

Source = Literal["canvas", "moodle", "classroom", "korean", "csv", "xlsx"]


@dataclass(frozen=True, kw_only=True)
class Format:
    """How one platform writes: its columns, and its rows that are no student."""

    columns: Mapping[str, tuple[str, ...]]
    """Our name of a column, and the headers it can have; the first that is there counts."""

    needed: tuple[tuple[str, ...], ...]
    """Of each of these groups one column must be there."""

    skip: Callable[[Mapping[str, str], Row], str | None]
    """Say why a row is no student."""

    kinds: tuple[Kind, ...] = ("text", "HTML", "workbook")
    """Kinds of file that are taken, whatever they are called."""

    by_spreadsheet: bool = False
    """Whether it most often went through a spreadsheet, which takes leading zeros away."""


def _canvas_skip(cells: Mapping[str, str], row: Row) -> str | None:
    name = cells.get("name", "")
    if row.cells[0] == "    Points Possible":
        return "Points Possible"
    said = {cell.strip() for cell in row.cells if cell.strip()}
    if said == {"Manual Posting"}:
        return "Manual Posting"
    is_test = name == "Student, Test" or (cells.get("last"), cells.get("first")) == (
        "Student",
        "Test",
    )
    if is_test and not cells.get("id", "").strip():
        return "Canvas' Test Student"
    return None


_AVERAGES = {
    "Overall average", "Group average", "전체 평균", "모둠 평균", "Gesamtdurchschnitt",
    "Gruppendurchschnitt", "Moyenne générale", "Moyenne du groupe", "Promedio general",
    "全体平均", "总平均分",
}  # fmt: skip


def _moodle_skip(cells: Mapping[str, str], row: Row) -> str | None:
    ids = cells.get("id", "").strip() or cells.get("login", "").strip()
    return "average" if not ids and row.cells[0].strip() in _AVERAGES else None


_CLASSROOM_ROWS = {
    "Date", "Due date", "Points", "Class average", "날짜", "기한", "점수", "학급 평균",
}  # fmt: skip


def _classroom_skip(cells: Mapping[str, str], row: Row) -> str | None:
    """Skip what Classroom writes between its header and the first student."""
    first = row.cells[0].strip()
    return first if first in _CLASSROOM_ROWS and not cells.get("id", "").strip() else None


_KOREAN_FOOTER = re.compile(
    r"(총원|총계|합계|소계|계|인원|총인원|수강인원|총)[ :\uff1a]*([0-9]+ ?명?)?|-*이하 ?여백-*"
)
_LEFT = {"수강취소", "수강철회", "수강포기", "취소", "철회"}


def _korean_skip(cells: Mapping[str, str], row: Row) -> str | None:
    said = [cell.strip() for cell in row.cells if cell.strip()]
    no_person = not cells.get("name", "").strip()
    # In a total the number may stand in a cell of its own.
    if no_person and _KOREAN_FOOTER.fullmatch(" ".join(said)):
        return "a total"
    status = cells.get("status", "").strip()
    # Or it stands below the names.
    return f"has left: {status}" if status in _LEFT else _list_skip(cells, row)


_SUMMARY = re.compile(
    r"(grand |sub)?totals?|sum|count|average|mean|summe|gesamt|insgesamt|anzahl|durchschnitt"
    r"|mittelwert|총원|총계|합계|소계|계|총인원|인원|평균",
    re.IGNORECASE,
)
_FIGURE = re.compile(r"[0-9][0-9.,]* ?(%|명)?")


def _list_skip(cells: Mapping[str, str], row: Row) -> str | None:
    """Skip what a spreadsheet reckons below its columns: a word for it, and figures alone."""
    first, *others = [cell.strip() for cell in row.cells if cell.strip()]
    word, _, figure = first.partition(":")
    figures = [*others, *([figure.strip()] if figure.strip() else [])]
    if _SUMMARY.fullmatch(word.strip()) and figures and all(map(_FIGURE.fullmatch, figures)):
        return "a total"
    return None


_GROUP = ("Group", "Team", "조", "팀", "모둠")
_LIST = {
    "id": ("id", "student id", "student number", *NUMBER),
    "name": ("name", "student name", "이름", *FULL),
    "section": ("section", "class", "분반", "반"),
    "group": _GROUP,
    "email": EMAIL,
}
"""Our own columns, and what people call them in a list of their own."""

FORMATS: dict[Source, Format] = {
    "canvas": Format(
        columns={
            "id": ("sis user id",),
            "login": ("sis login id",),
            "name": ("student",),
            "last": ("lastname",),
            "first": ("firstname",),
            "section": ("section",),
        },
        needed=(("name", "last"), ("id", "login"), ("section",)),
        skip=_canvas_skip,
        kinds=("text",),
    ),
    "moodle": Format(
        columns={
            "id": NUMBER,
            "login": LOGIN,
            "first": FIRST,
            "last": LAST,
            "name": FULL,
            "email": EMAIL,
            "section": (*GROUPS, *DEPARTMENT),
        },
        needed=(("first", "name"), ("id", "login")),
        skip=_moodle_skip,
    ),
    "classroom": Format(
        columns={
            "id": EMAIL,
            "first": FIRST,
            "last": LAST,
            "name": ("Name", *FULL),
            "email": EMAIL,
        },
        needed=(("id",), ("first", "name")),
        skip=_classroom_skip,
        kinds=("text", "workbook"),
    ),
    "korean": Format(
        columns={
            "id": ("학번", "학생번호", "학번(ID)", "수험번호"),
            "name": ("성명", "이름", "학생명", "성명(한글)", "한글성명", "한글명"),
            "section": ("분반", "반", "수강반", "강좌분반"),
            "group": _GROUP,
            "email": EMAIL,
            "status": ("수강상태", "수강구분", "신청상태", "상태"),
        },
        needed=(("id",), ("name",)),
        skip=_korean_skip,
        by_spreadsheet=True,
    ),
    "csv": Format(columns=_LIST, needed=(("id",), ("name",)), skip=_list_skip, kinds=("text",)),
    "xlsx": Format(
        columns=_LIST,
        needed=(("id",), ("name",)),
        skip=_list_skip,
        kinds=("workbook",),
        by_spreadsheet=True,
    ),
}
