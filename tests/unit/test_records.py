"""What was decided for a student is kept, whatever happens to the roster."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.cohort import enrolment, records
from provisioner.cohort.records import Record
from provisioner.errors import InputError

ADA = Record(id="ada", name="ada", namespace="course--ada", wave=1, generation=1)


def assign(known, students, size=2, found=None):
    return enrolment.assign(known, students, "course", size, found or {})


def test_new_students_fill_the_waves_in_the_rosters_order():
    result = assign({}, ["5", "ada", "s5"])

    assert [(r.id, r.name, r.wave) for r in result.values()] == [
        ("5", "s5", 1),
        ("ada", "ada", 1),
        ("s5", result["s5"].name, 2),
    ]
    assert result["s5"].name.startswith("s5---")
    assert result["5"].namespace == "course--s5"


def test_nothing_changes_when_the_roster_did_not():
    once = assign({}, ["1", "2", "3"])

    assert assign(once, ["3", "2", "1"]) == once


def test_who_leaves_keeps_name_and_wave_and_makes_room():
    before = assign({}, ["1", "2", "3"])

    after = assign(before, ["1", "3", "4"])

    assert after["2"] == replace(before["2"], dropped=True)
    assert after["4"].wave == 1
    assert after["3"] == before["3"]


def test_who_returns_has_the_old_name_and_wave_and_a_new_generation():
    """The generation keeps an old kubeconfig dead."""
    before = assign(assign({}, ["1", "2", "3"]), ["1", "3"])

    after = assign(before, ["1", "2", "3"])

    assert after["2"] == replace(before["2"], dropped=False, generation=2)


def test_a_name_is_never_worked_out_again():
    known = {"ada": replace(ADA, name="another", namespace="course--another", wave=7)}

    assert assign(known, ["ada"]) == known


def test_who_was_found_on_the_cluster_is_taken_over():
    found = {"ada": replace(ADA, wave=3, generation=4), "bo": replace(ADA, id="bo", name="bo")}

    after = assign({}, ["ada", "cy"], found=found)

    assert after["ada"] == found["ada"]
    assert after["bo"].dropped
    assert after["cy"].wave == 1


def test_an_old_file_does_not_bring_an_old_generation_back():
    found = {"ada": replace(ADA, generation=3)}

    assert assign({"ada": ADA}, ["ada"], found=found)["ada"].generation == 3


rosters = st.lists(st.lists(st.sampled_from("abcdefgh"), unique=True), min_size=1, max_size=6)


@settings(deadline=None, max_examples=100)
@given(rosters, st.integers(1, 4))
def test_nobody_is_ever_moved_and_no_new_student_overfills_a_wave(terms, size):
    known = {}
    for roster in terms:
        after = assign(known, roster, size)

        for id, record in known.items():
            assert (after[id].name, after[id].wave) == (record.name, record.wave)
            assert after[id].generation >= record.generation
        assert {id for id, record in after.items() if not record.dropped} == set(roster)
        crowd = Counter(record.wave for record in after.values() if not record.dropped)
        for id in set(after) - set(known):
            assert crowd[after[id].wave] <= size
        known = after


def test_records_are_read_as_they_were_written(tmp_path):
    path = tmp_path / "students.json"
    several = {
        "ada": replace(ADA, suspended=True, until=date(2026, 12, 1)),
        "김": replace(ADA, id="김", name="x", namespace="course--x", dropped=True),
    }

    records.save(path, several)
    first = path.read_bytes()
    records.save(path, dict(reversed(several.items())))

    assert records.load(path) == several
    assert path.read_bytes() == first
    assert json.loads(first)["version"] == 1
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_there_are_no_records_where_there_is_no_file(tmp_path):
    assert records.load(tmp_path / "students.json") == {}


def test_a_damaged_file_is_kept_and_says_how_to_rebuild_it(tmp_path):
    path = tmp_path / "students.json"
    path.write_text('{"version": 1, "stud')

    with pytest.raises(InputError, match="is damaged") as caught:
        records.load(path)

    assert "practicum adopt" in caught.value.hint
    assert path.read_text() == '{"version": 1, "stud'


@settings(deadline=None, max_examples=100)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(
                st.sampled_from(["name", "wave", "until", "1", "x"]), inner, max_size=3
            )
        ),
        max_leaves=6,
    )
)
def test_any_json_is_read_or_refused(tmp_path_factory, students):
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps({"version": 1, "students": students}))

    with contextlib.suppress(InputError):
        records.load(path)
