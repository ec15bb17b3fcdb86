"""How each learning platform writes its exports: columns, and rows that are no student.

The rules are exact, because a rule that guesses skips a student one day.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from .csv_file import Row

Source = Literal["canvas", "moodle", "csv"]


@dataclass(frozen=True, kw_only=True)
class Format:
    """How one platform writes: its columns, and its rows that are no student."""

    columns: Mapping[str, tuple[str, ...]]
    """Our name of a column, and the headers it can have; the first that is there counts."""

    needed: tuple[tuple[str, ...], ...]
    """Of each of these groups one column must be there."""

    skip: Callable[[Mapping[str, str], Row], str | None]
    """Say why a row is no student."""


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


def _moodle_skip(cells: Mapping[str, str], row: Row) -> str | None:
    ids = cells.get("id", "").strip() or cells.get("login", "").strip()
    if not ids and row.cells[0].strip() in ("Overall average", "Group average", "전체 평균"):
        return "average"
    return None


def _csv_skip(cells: Mapping[str, str], row: Row) -> str | None:
    return None


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
    ),
    "moodle": Format(
        columns={
            "id": ("id number", "idnumber", "학번", "개인번호", "개인 번호", "id 번호"),
            "login": ("username", "사용자 아이디", "사용자아이디", "아이디", "사용자명"),
            "first": ("first name", "firstname", "이름"),
            "last": ("last name", "surname", "lastname", "성"),
            "name": ("full name", "fullname", "성명"),
            "email": ("email address", "email", "이메일 주소", "이메일"),
            "section": ("groups", "group", "모둠", "그룹", "department", "학과"),
        },
        needed=(("first", "name"), ("id", "login")),
        skip=_moodle_skip,
    ),
    "csv": Format(
        columns={
            "id": ("id", "student id", "student number", "학번"),
            "name": ("name", "full name", "이름", "성명"),
            "section": ("section", "class", "분반", "반"),
            "email": ("email", "email address", "이메일", "이메일 주소"),
        },
        needed=(("id",), ("name",)),
        skip=_csv_skip,
    ),
}
