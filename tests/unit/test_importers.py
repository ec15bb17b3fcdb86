"""INP-10: what each platform writes, and which of its rows are students."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioner.cohort.exports import importers
from provisioner.cohort.exports.importers import Asked
from provisioner.errors import InputError

DEMO = Path(__file__).parents[2] / "stacks" / "demo"
CANVAS = "Student,ID,SIS User ID,SIS Login ID,Section,Final Score\n"


@pytest.fixture
def read(tmp_path):
    def read(source, data, encoding=None, **asked):
        path = tmp_path / "export.csv"
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return importers.read(path, source, Asked(encoding=encoding, **asked))

    return read


def test_the_demos_gradebook_has_thirty_students():
    result = importers.read(DEMO / "canvas-gradebook.csv", "canvas")

    assert len(result.students) == 30
    assert [why for _, why in result.skipped] == ["Points Possible", "Canvas' Test Student"]
    assert all(one.id.startswith("2026") for one in result.students)
    assert {"김서연", "Inés García López", "Saoirse O'Brien"} <= {o.name for o in result.students}
    assert "MLS 01 and MLS 02" in {one.section for one in result.students}


def test_by_week_six_one_joined_one_left_and_one_has_another_name():
    first, later = (
        {one.id: one for one in importers.read(DEMO / f"canvas-{name}.csv", "canvas").students}
        for name in ("gradebook", "gradebook-week6")
    )

    assert len(later.keys() - first.keys()) == len(first.keys() - later.keys()) == 1
    assert sum(first[id].name != later[id].name for id in first.keys() & later.keys()) == 1


def test_the_id_of_canvas_is_never_canvas_own(read):
    result = read("canvas", CANVAS + "Ada,48210,20260001,ada,A,\nBo,48211,,bo,A,\n")

    assert [one.id for one in result.students] == ["20260001", "bo"]
    assert result.notes == ("line 3: no id, so the login name is the id",)


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("Lovelace, Ada", "Ada Lovelace"),
        ("van den Berg, Noor", "Noor van den Berg"),
        ("김, 민준", "김민준"),
        ("김민준", "김민준"),
        ("Cher", "Cher"),
        ("King, Martin, Jr.", "Martin, Jr. King"),
    ],
)
def test_a_name_is_said_as_people_say_it(read, typed, name):
    result = read("canvas", f'{CANVAS}"{typed}",1,20260001,a,A,\n')

    assert [one.name for one in result.students] == [name]


def test_rows_that_are_no_student_are_skipped_by_name_and_told(read):
    rows = (
        ",,,,,Manual Posting\n"
        "    Points Possible,,,,,(read only)\n"
        "Ada,48210,20260001,ada,A,\n"
        ",,,,,\n"
        '"Student, Test",48399,,5c0f2d1b,A,\n'
    )

    result = read("canvas", CANVAS + rows)

    assert len(result.students) == 1
    assert result.skipped == (
        (2, "Manual Posting"),
        (3, "Points Possible"),
        (5, "empty"),
        (6, "Canvas' Test Student"),
    )


def test_a_real_student_who_is_named_like_the_test_student_stays(read):
    result = read("canvas", CANVAS + '"Student, Test",48399,20260009,test,A,\n')

    assert [one.name for one in result.students] == ["Test Student"]


def test_a_person_in_two_sections_is_one_student(read):
    rows = "Ada,1,20260001,a,A,\nBo,2,20260002,b,A,\nAda,1,20260001,a,B,\n"

    result = read("canvas", CANVAS + rows)

    assert [(one.id, one.section) for one in result.students] == [
        ("20260001", "A, B"),
        ("20260002", "A"),
    ]
    assert result.skipped == ((4, "the student of line 2, another section"),)


def test_the_same_line_twice_is_no_second_section(read):
    with pytest.raises(InputError) as caught:
        read("canvas", CANVAS + "Ada,1,20260001,a,A,\n" * 2)

    assert [problem.what for problem in caught.value.problems] == [
        "this id stands in line 2 already"
    ]


def test_two_people_of_one_name_stay_two(read):
    result = read("canvas", CANVAS + "김민준,1,20260001,a,A,\n김민준,2,20260002,b,A,\n")

    assert len(result.students) == 2


@pytest.mark.parametrize(
    "header",
    [
        "First name,Last name,ID number,Email address,Groups",
        "Firstname,Surname,idnumber,email,Group",
        "이름,성,학번,이메일 주소,모둠",
    ],
)
def test_moodle_is_read_in_english_and_korean(read, header):
    result = read("moodle", f"{header}\n민준,김,20260001,kim@example.org,A\n")

    (one,) = result.students
    assert (one.id, one.name, one.section) == ("20260001", "김민준", "A")
    assert one.email == "kim@example.org"


def test_moodles_user_name_is_the_id_where_there_is_no_number(read):
    header = "First name,Last name,Username,ID number\n"

    result = read("moodle", header + "Ada,Lovelace,ada,\nBo,Example,bo,20260002\n")

    assert [one.id for one in result.students] == ["ada", "20260002"]


def test_a_portals_titles_above_the_header_are_skipped(read):
    text = "2026 수강생 명단\n담당: 김보기,,\n학번,성명,학과\n20260001,김민준,컴퓨터\n"

    result = read("csv", text.encode("cp949"))

    assert [one.name for one in result.students] == ["김민준"]
    assert result.skipped == ((1, "above the header"), (2, "above the header"))
    assert result.notes[0].startswith("read as cp949; is this right? ")


def test_the_delimiter_is_told_and_not_guessed(read):
    result = read("csv", "id;name\n1;Example, Ada\n")

    assert [one.name for one in result.students] == ["Ada Example"]
    assert result.notes == ("columns are separated by semicolons",)


def test_an_encoding_that_is_named_is_used(read):
    text = "id,name\n1,José\n".encode("latin-1")

    assert read("csv", text, "latin-1").students[0].name == "José"
    with pytest.raises(InputError, match="cannot be read") as caught:
        read("csv", text)
    assert "--encoding" in caught.value.hint


def test_an_encoding_that_does_not_exist_is_refused(read):
    with pytest.raises(InputError, match="no encoding named 'klingon'"):
        read("csv", "id,name\n1,Ada\n", "klingon")
