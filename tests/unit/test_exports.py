"""INP-03, 09, 10: the kinds of file that platforms and portals write, read as they are."""

from __future__ import annotations

import re
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.cohort.exports import formats, headers, html_table, id_digits, importers
from provisioner.cohort.exports.importers import Asked
from provisioner.errors import InputError

FILES = Path(__file__).parents[1] / "bad_input"


def people(name, source, **asked):
    result = importers.read(FILES / source / name, source, Asked(**asked))
    return [(one.id, one.name, one.section) for one in result.students]


def why(name, source):
    return [reason for _, reason in importers.read(FILES / source / name, source).skipped]


@pytest.fixture
def sheet(tmp_path):
    """Write rows into a workbook, with formats of numbers by cell; return its file."""

    def sheet(*rows, **number_formats):
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append(row)
        for cell, number_format in number_formats.items():
            book.active[cell].number_format = number_format
        path = tmp_path / "list.xlsx"
        book.save(path)
        return path

    return sheet


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("good-english.csv", None),
        ("good-german.csv", ("20260001", "Jörg Müller", "Gruppe A")),
        ("good-french.csv", ("20260001", "Éloïse Lefèvre", "Groupe 1")),
        ("good-spanish.csv", ("20260001", "Inés García López", "Grupo 1")),
        ("good-japanese.csv", ("08111111", "駒場明人", "1組")),
        ("good-chinese.csv", ("20260001", "王小明", "第一组")),
        ("good-korean.csv", None),
        ("good-page.html", ("20260001", "Ada O'Example", "")),
        ("good-workbook.xlsx", ("20260001", "Ada Lovelace", "A")),
    ],
)
def test_moodle_is_read_in_each_language_and_kind_of_file(name, first):
    found = people(name, "moodle")

    assert found
    assert first in (None, found[0])


def test_moodles_averages_are_no_students():
    assert why("good-german.csv", "moodle") == ["average"]


@pytest.mark.parametrize("name", ["good.csv", "good-korean.csv", "good-workbook.xlsx"])
def test_classrooms_key_is_the_address_and_its_first_rows_are_no_students(name):
    result = importers.read(FILES / "classroom" / name, "classroom")

    assert all(one.id == one.email and "@" in one.id for one in result.students)
    assert {reason for _, reason in result.skipped} <= {
        "Date", "Points", "Class average", "날짜", "점수",
    }  # fmt: skip
    assert len(result.skipped) >= 2


@pytest.mark.parametrize(
    "name",
    [
        "good-cp949.csv",
        "good-utf-8.csv",
        "good-tabs.xls",
        "good-utf-16-tabs.xls",
        "good-page.xls",
        "good-workbook.xlsx",
    ],
)
def test_a_portals_file_is_read_for_what_it_holds_and_not_for_its_name(name):
    found = people(name, "korean")

    assert found[0][:2] == ("20260001", "김민준")
    assert len(found) == 2


def test_what_a_portal_writes_around_its_students_is_skipped_and_told():
    assert why("good-footer.csv", "korean") == [
        "above the header",
        "above the header",
        "the header again",
        "empty",
        "a total",
        "a total",
    ]
    assert why("good-page.xls", "korean") == ["above the header", "has left: 수강철회", "a total"]


@pytest.mark.parametrize("source", ["canvas", "moodle", "classroom", "korean", "csv", "xlsx"])
def test_every_row_of_a_good_file_is_accounted_for(source):
    for path in sorted((FILES / source).glob("good*")):
        result = importers.read(path, source)
        assert result.rows == 1 + len(result.students) + len(result.skipped), path.name


def test_a_total_with_a_name_in_it_is_a_student(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("학번,성명,비고\n20260001,계,\n20260002,총원,\n", encoding="utf-8")

    assert len(importers.read(path, "korean").students) == 2


@pytest.mark.parametrize(
    "total",
    [["Total", 20], ["Total: 20"], ["합계", "20명"], ["Summe", None, 20], ["Average", 85.5]],
)
def test_what_a_spreadsheet_reckons_below_a_list_is_no_student(sheet, total):
    path = sheet(["id", "name", "section"], ["20260001", "Ada", "A"], total)

    result = importers.read(path, "xlsx")

    assert [one.id for one in result.students] == ["20260001"]
    assert result.skipped == ((3, "a total"),)


def test_a_portals_total_below_the_names_is_no_student(sheet):
    path = sheet(["학번", "성명"], ["20260001", "김민준"], ["합계", 1])

    assert importers.read(path, "korean").skipped == ((3, "a total"),)


def test_a_student_who_is_called_a_total_stays_one(sheet):
    path = sheet(["id", "name", "section"], ["Sum", "Yi", ""], ["20260001", "Count", "1"])

    assert len(importers.read(path, "xlsx").students) == 2


def test_a_number_that_shows_zeros_has_them(sheet):
    path = sheet(["id", "name"], [260001, "Ada"], ["20260002", "Bo"], A2="00000000")

    assert [one.id for one in importers.read(path, "xlsx").students] == ["00260001", "20260002"]


@pytest.mark.parametrize("shown", ["General", "0", "@", "0_ ", "0_);[Red]\\(0\\)", "#"])
def test_a_whole_number_in_a_plain_form_is_its_digits(sheet, shown):
    path = sheet(["id", "name"], [20260001, "Ada"], A2=shown)

    assert [one.id for one in importers.read(path, "xlsx").students] == ["20260001"]


@pytest.mark.parametrize(
    ("value", "shown", "what"),
    [
        (20260001, "#,##0", "shows this number in another form"),
        (20260001, "0.00", "shows this number in another form"),
        (20260001, "0.00E+00", "shows this number in another form"),
        (20260001, '"s"0', "shows this number in another form"),
        (46000, "yyyy-mm-dd", "made a date of this"),
        (2026.25, "General", "a decimal number"),
        (202600010001000100, "General", "keeps 15 digits"),
    ],
)
def test_a_number_that_is_no_longer_what_was_typed_is_refused(sheet, value, shown, what):
    path = sheet(["id", "name"], [value, "Ada"], A2=shown)

    with pytest.raises(InputError) as caught:
        importers.read(path, "xlsx")
    [problem] = caught.value.problems
    assert problem.where == f"{path}:2:1"
    assert what in problem.what


def test_what_a_spreadsheet_did_to_a_column_that_is_not_read_does_not_matter(sheet):
    path = sheet(["id", "name", "seen"], ["20260001", "Ada", 2.5], C2="0.00E+00")

    assert len(importers.read(path, "xlsx").students) == 1


def test_merged_cells_over_a_header_are_a_title():
    assert why("good-workbook.xlsx", "korean")[0] == "above the header"


def test_ids_of_two_lengths_are_a_question_in_a_spreadsheets_file_and_a_note_elsewhere(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("학번,성명\n10260001,가\n10260002,나\n260003,다\n", encoding="utf-8")

    with pytest.raises(InputError) as caught:
        importers.read(path, "korean")
    assert "--id-digits any" in caught.value.problems[0].fix
    assert len(importers.read(path, "korean", Asked(digits="any")).students) == 3
    assert importers.read(path, "csv").notes == (
        "line 4: the id has 6 digits, and most have 8: zeros may be lost",
    )


def test_a_number_of_digits_that_was_said_holds_everywhere(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("id,name\n123,Ada\nA1,Bo\n", encoding="utf-8")

    assert len(importers.read(path, "csv", Asked(digits=3)).students) == 2
    with pytest.raises(InputError) as caught:
        importers.read(path, "csv", Asked(digits=4))
    assert [problem.what for problem in caught.value.problems] == ["the id has 3 digits and not 4"]


def test_as_many_short_as_long_ids_are_two_kinds_and_no_loss():
    assert id_digits.suspicious(["1", "2", "10", "11"], None) == {}


def test_a_column_is_taken_by_the_header_that_was_said(tmp_path):
    path = tmp_path / "participants.csv"
    path.write_text(
        "First name,Last name,ID number,Groups,Department\nAda,Example,1,Alpha,Physics\n"
    )

    plain = importers.read(path, "moodle").students[0]
    said = Asked(group_column="groups", section_column="Department")
    asked = importers.read(path, "moodle", said).students[0]

    assert (plain.section, plain.group) == ("Alpha", "")
    assert (asked.section, asked.group) == ("Physics", "Alpha")


def test_a_column_that_was_said_and_is_not_there_is_refused():
    with pytest.raises(InputError) as caught:
        people("good.csv", "csv", group_column="Project")
    assert "`Project`" in caught.value.problems[0].fix


def test_the_formats_name_no_header_for_two_columns():
    for source, form in formats.FORMATS.items():
        seen = {}
        for ours, theirs in form.columns.items():
            for header in {headers.plain(name) for name in theirs}:
                both = {seen.setdefault(header, ours), ours}
                assert len(both) == 1 or (source, both) == ("classroom", {"id", "email"}), header


cells = st.lists(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8), max_size=4
)


@given(st.lists(cells, max_size=4))
def test_a_table_that_was_written_as_html_is_read_as_it_was(rows):
    text = "<table>" + "".join(
        "<tr>" + "".join(f"<td>{_escaped(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )

    [found] = html_table.tables(Path("page.xls"), f"{text}</table>")

    assert [list(row.cells) for row in found] == [
        [" ".join(cell.replace("\u00a0", " ").split()) for cell in row] for row in rows
    ]


def _escaped(text):
    return re.sub("[<>&\"']", lambda match: f"&#{ord(match[0])};", text)


def test_the_sections_that_office_programs_write_are_no_mistake():
    page = (
        "<!--[if gte mso 9]><xml></xml><![endif]-->"
        "<table><tr><![if !supportEmptyParas]><td>a</td><![endif]></tr></table>"
    )

    [[row]] = html_table.tables(Path("page.xls"), page)

    assert row.cells == ("a",)


def test_merged_cells_keep_the_columns_after_them_in_place():
    page = (
        "<table><tr><td rowspan=2>a</td><td colspan=2>b</td><td>c</td></tr>"
        "<tr><td>d</td><td>e</td><td>f</td></tr></table>"
    )

    [[first, second]] = html_table.tables(Path("page.xls"), page)

    assert first.cells == ("a", "b", "", "c")
    assert second.cells == ("", "d", "e", "f")
    assert list(second.odd) == [0]
