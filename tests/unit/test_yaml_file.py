"""INP-11: a cohort file says what it shows, and nothing else."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.cohort import yaml_file
from provisioner.errors import InputError


@pytest.fixture
def read(tmp_path):
    def read(data):
        path = tmp_path / "cohort.yaml"
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return yaml_file.read(path)

    return read


@pytest.mark.parametrize(
    "typed",
    ["no", "yes", "null", "~", "0123", "12:30", "1_000", "1e3", "0x10", ".inf", "2026-09-01", "=a"],
)
def test_a_plain_value_is_the_characters_that_were_typed(read, typed):
    assert read(f"key: {typed}\n").value == {"key": typed}


def test_quotes_blocks_and_lists_are_read_as_yaml_has_them(read):
    text = "a: \"x: \\u00e9\"\nb: |\n  two\n  lines\nc: [1, {d: 2}]\ne: ''\nf:\n"

    assert read(text).value == {
        "a": "x: é",
        "b": "two\nlines\n",
        "c": ["1", {"d": "2"}],
        "e": "",
        "f": None,
    }


def test_every_key_and_value_knows_its_place(read):
    document = read("a:\n  b: [x, y]\n  'c': z\n")

    assert document.keys == {("a",): (1, 1), ("a", "b"): (2, 3), ("a", "c"): (3, 3)}
    assert document.places[("a", "b", 1)] == (2, 10)
    assert document.places[("a", "c")] == (3, 8)


def test_an_empty_file_says_nothing(read):
    assert read("# only a comment\n").value is None


def test_windows_line_ends_are_read(read):
    assert read("a: 1\r\nb:\r\n  c: 2\r\n").value == {"a": "1", "b": {"c": "2"}}


def test_all_that_is_refused_is_told_in_one_run(read):
    with pytest.raises(InputError) as caught:
        read("a: &x 1\nb: *x\nc: !t 2\na: 3\n<<: {d: 4}\n")

    assert [problem.where.rsplit(":", 2)[1:] for problem in caught.value.problems] == [
        ["1", "4"],
        ["2", "4"],
        ["3", "4"],
        ["4", "1"],
        ["5", "1"],
    ]


def test_twenty_levels_are_read(read):
    read("[" * 20 + "]" * 20 + "\n")


def test_a_bomb_and_a_tower_are_refused_at_once(read):
    bomb = "a0: &a0 [x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 20)
    )
    started = time.process_time()

    for text in (bomb, "[" * 100_000, "{a: " * 3_000, "- " * 3_000, "? " * 3_000):
        with pytest.raises(InputError):
            read(text)

    assert time.process_time() - started < 2


@settings(deadline=None, max_examples=150)
@given(st.one_of(st.text(max_size=80), st.text("ab:-[]{}&*!|>'\"#%@,? \n\t", max_size=40)))
def test_any_text_is_read_or_refused(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))

    with contextlib.suppress(InputError):
        yaml_file.read(path)


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(data)

    with contextlib.suppress(InputError):
        yaml_file.read(path)
