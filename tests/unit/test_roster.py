"""INP-01 to INP-13: a roster is read whole and exact, or refused with every mistake."""

from __future__ import annotations

import contextlib
import csv
import time
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from provisioner.cohort import csv_file, difference, roster, text_file
from provisioner.cohort.students import Student
from provisioner.cohort.text_file import Text
from provisioner.errors import InputError


@pytest.fixture
def read(tmp_path):
    def read(data):
        path = tmp_path / "roster.csv"
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return roster.load(path)

    return read


def student(id, name="Ada", section="", email=""):
    return Student(id=id, name=name, section=section, email=email)


def test_columns_come_in_any_order_and_others_are_named(read):
    result = read("학년,name,email,id\n2,Ada,ada@example.org,20260001\n")

    assert result.students == (student("20260001", email="ada@example.org"),)
    assert result.ignored == ("학년",)


def test_an_id_is_exactly_what_was_typed(read):
    ids = ["0042", "kim_b.2@example.org", "A+b", "s5", "5", "1e5", "00420042"]

    result = read("id,name\n" + "".join(f"{id},Ada\n" for id in ids))

    assert [one.id for one in result.students] == ids


def test_names_are_composed_and_their_spaces_are_plain(read):
    decomposed = unicodedata.normalize("NFD", "김민준")

    result = read(f"id,name\n1,{decomposed}\n2,\u3000Ada\u00a0  Lovelace \n3,علی\u200cرضا\n")

    assert [one.name for one in result.students] == ["김민준", "Ada Lovelace", "علی\u200cرضا"]


def test_what_would_be_obeyed_elsewhere_is_only_a_name_here(read):
    names = [
        "{{ lookup('pipe') }}",
        "${HOME}",
        "$(id)",
        "`id`",
        "=1+1",
        "<b>",
        "a::b",
        "Robert'); --",
    ]

    result = read("id,name\n" + "".join(f"{n},{name}\n" for n, name in enumerate(names)))

    assert [one.name for one in result.students] == names


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp949"])
def test_korean_is_read_in_each_encoding(read, encoding):
    result = read("id,name\n1,김민준\n2,똠방각하\n".encode(encoding))

    assert [one.name for one in result.students] == ["김민준", "똠방각하"]
    shown = any("1,김민준" in note for note in result.notes)
    assert shown == (encoding in ("utf-16", "cp949"))


def test_ten_thousand_students_take_no_more_than_seconds(read):
    data = "id,name,section,email\n" + "".join(
        f"{2026_0000 + n},Ada Example {n},A,a{n}@example.org\n" for n in range(10_000)
    )
    started = time.process_time()

    assert len(read(data).students) == 10_000
    assert time.process_time() - started < 5


def test_a_written_roster_reads_the_same(tmp_path):
    path = tmp_path / "roster.csv"
    several = (
        student("1", 'Example, "Ada"', "A, B, and C", "ada@example.org"),
        student("0042", "=cmd|' /C calc'!A0"),
        student("kim", "김민준"),
    )

    roster.write_roster(path, several)

    assert roster.load(path).students == several
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


cell = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n\ufffd"), max_size=12)


@settings(deadline=None, max_examples=150)
@given(st.lists(st.text('a,;"\t =é', max_size=12), min_size=1, max_size=4), st.sampled_from(",;\t"))
@example(['a"b'], ",")
@example(['"a"b'], ",")
@example(['="1"'], ",")
def test_whatever_is_read_pythons_strict_reader_reads_the_same(tmp_path_factory, lines, delimiter):
    text = Text(path=tmp_path_factory.getbasetemp() / "any.csv", lines=tuple(lines))

    for row in csv_file.rows(text, delimiter, []):
        line = lines[row.line - 1]
        theirs = next(csv.reader([line], delimiter=delimiter, strict=True), []) or [""]
        assert list(row.cells) == theirs
        assert [line[column - 1 :][:1] in ('"', cell[:1], delimiter) for cell, column in
                zip(row.cells, row.columns, strict=True)]  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(st.lists(st.lists(cell, min_size=2, max_size=2), max_size=4))
def test_what_python_writes_is_read_as_it_was(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    rows = [["id", "name"], *rows]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    problems = []

    with contextlib.suppress(InputError):
        read = csv_file.rows(text_file.read(path), ",", problems)
        expected = [[unicodedata.normalize("NFC", value) for value in row] for row in rows]
        if not problems:
            assert [list(row.cells) for row in read] == expected


@settings(deadline=None, max_examples=150)
@given(st.one_of(st.binary(max_size=60), st.binary(max_size=60).map(b"id,name\n1,".__add__)))
def test_any_bytes_are_a_roster_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(data)

    with contextlib.suppress(InputError):
        assert roster.load(path).students


def test_a_difference_is_found_by_id():
    before = [student("1"), student("2", "Bo"), student("3", "Cy", "A"), student("4")]
    after = [student("5"), student("3", "Cy", "B"), student("2", "Beau"), student("1")]

    found = difference.diff(before, after)

    assert [one.id for one in found.joins] == ["5"]
    assert [one.id for one in found.leaves] == ["4"]
    assert [(old.name, new.name) for old, new in found.renames] == [("Bo", "Beau")]
    assert [(old.section, new.section) for old, new in found.section_moves] == [("A", "B")]
    assert [one.id for one in found.same] == ["1"]
    assert not found.is_empty
    assert difference.diff(after, after).is_empty


@pytest.mark.parametrize(("before", "after"), [("0042", "42"), ("ada", "Ada")])
def test_an_id_that_was_mangled_on_the_way_is_not_two_people(before, after):
    with pytest.raises(InputError, match="in case or in leading zeros") as caught:
        difference.diff([student(before)], [student(after)])

    assert str(caught.value.problems[0]) == f"{after}: this was {before} before"


@pytest.mark.parametrize(
    ("before", "dropped", "allow"),
    [(30, 0, None), (30, 3, None), (300, 30, None), (30, 4, 4), (3, 3, None), (30, 30, 30)],
)
def test_few_leavers_pass_and_many_with_their_number(before, dropped, allow):
    difference.check_shrink(before, dropped, allow)


@pytest.mark.parametrize(
    ("before", "dropped", "allow"),
    [(30, 4, None), (300, 31, None), (30, 4, 5), (30, 5, 4), (30, 30, None), (4, 4, 0)],
)
def test_many_leavers_are_refused_without_their_exact_number(before, dropped, allow):
    with pytest.raises(InputError, match=f"{dropped} of {before} students would be") as caught:
        difference.check_shrink(before, dropped, allow)

    assert caught.value.hint.endswith(f"--allow-drop {dropped}")


def test_who_leaves_and_joins_under_one_email_or_name_may_be_one_person():
    before = [student("1", "Ada", email="ada@example.org"), student("2", "Bo"), student("3", "Cy")]
    after = [student("7", "A.", email="ADA@example.org"), student("8", "Bo"), student("9", "Di")]

    found = difference.diff(before, after)

    assert [(old.id, new.id, what) for old, new, what in found.likely_new_ids] == [
        ("1", "7", "email"),
        ("2", "8", "name"),
    ]
    assert {"7", "8", "9"} == {one.id for one in found.joins}


def test_a_name_that_two_have_says_nothing_of_who_is_who():
    before, after = [student("1", "김민준")], [student("7", "김민준"), student("8", "김민준")]

    assert difference.diff(before, after).likely_new_ids == ()


def test_a_change_of_group_is_told():
    old, new = replace(student("1"), group="Alpha"), replace(student("1"), group="Beta")

    found = difference.diff([old], [new])

    assert found.group_moves == ((old, new),)
    assert not found.is_empty
    assert found.same == ()


def test_groups_that_a_person_would_take_for_one_are_refused(read):
    with pytest.raises(InputError) as caught:
        read("id,name,group\n1,Ada,Alpha\n2,Bo,ALPHA\n3,Cy,\n")

    assert [problem.what for problem in caught.value.problems] == [
        "the group of line 2 is written in another way"
    ]
