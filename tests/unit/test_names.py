"""INP-05: a name is valid, stable, short enough, and nobody else's, whatever the id is."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from provisioner import names

LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")

ids = st.one_of(
    st.text(),
    st.from_regex(r"[0-9]{1,40}", fullmatch=True),
    st.from_regex(r"s[0-9]{1,10}", fullmatch=True),
    st.from_regex(r"[a-zA-Z0-9._@+-]{1,70}", fullmatch=True),
    st.from_regex(r"[a-z]{1,3}---[a-z2-7]{12}", fullmatch=True),
)
cohorts = st.from_regex(r"[a-z](-?[a-z0-9])*", fullmatch=True).filter(
    lambda name: names.cohort_mistake(name) is None
)
quick = settings(deadline=None, max_examples=60)


@quick
@given(ids)
@example("")
@example("default")
@example("kube-system")
@example("practicum")
@example("\ud800")
@example("김민준")
@example("x" * 1000)
def test_a_student_name_is_a_short_label_that_is_never_reserved(id):
    name = names.student(id)

    assert LABEL.fullmatch(name)
    assert len(name) <= names.MAX_STUDENT
    assert not names.is_reserved(name)
    assert name == names.student(id)


@quick
@given(st.lists(ids, unique=True, max_size=20))
@example(["20261234", "s20261234"])
@example(["ada", "Ada", "ADA", "ada "])
@example(["5", "05", "s5", "s05", "5.0", "٥"])
@example(["kim", "kim\n", "kím", "ki\u0301m", "kim-", "-kim", "k--im"])
def test_no_two_ids_have_one_name(several):
    assert len({names.student(id) for id in several}) == len(several)


@quick
@given(ids)
def test_a_hashed_name_given_as_an_id_is_not_that_name(id):
    """Else somebody could ask for an id that is somebody else's name."""
    name = names.student(id)

    assert name == id or names.student(name) != name


@quick
@given(cohorts, ids)
@example("c" * names.MAX_COHORT, "x" * 1000)
def test_a_namespace_holds_the_whole_name_and_is_a_label(cohort, id):
    name = names.student(id)

    namespace = names.namespace(cohort, name)

    assert namespace == f"{cohort}--{name}"
    assert LABEL.fullmatch(namespace)
    assert len(namespace) <= names.MAX_LENGTH
    assert not names.is_reserved(namespace)


@quick
@given(cohorts, cohorts, ids, ids)
@example("a", "a-b", "b-c", "c")
def test_two_cohorts_share_no_namespace(one, other, id, another):
    if (one, id) != (other, another):
        first = names.namespace(one, names.student(id))
        second = names.namespace(other, names.student(another))

        assert first != second
        assert second != names.identity_namespace(one)


@quick
@given(st.lists(ids, min_size=1, max_size=3), st.lists(ids, min_size=1, max_size=3))
@example(["a-b", "c"], ["a", "b-c"])
@example(["a--b", "c"], ["a", "b--c"])
@example(["a", "b---aaaaaaaaaaaa"], ["a", "B"])
def test_different_parts_join_to_different_names(one, other):
    assert (names.join(*one) == names.join(*other)) == (one == other)


@quick
@given(st.lists(ids, min_size=1, max_size=4))
def test_any_parts_join_to_a_label(parts):
    name = names.join(*parts)

    assert LABEL.fullmatch(name)
    assert len(name) <= names.MAX_LENGTH


@pytest.mark.parametrize(
    ("id", "name"),
    [
        ("20261234", "s20261234"),
        ("0042", "s0042"),
        ("ada", "ada"),
        ("ada-l", "ada-l"),
        ("a" * 31, "a" * 31),
        ("9" * 30, "s" + "9" * 30),
    ],
)
def test_an_id_that_can_be_read_stays_readable(id, name):
    assert names.student(id) == name


@pytest.mark.parametrize(
    ("id", "stem"),
    [
        ("s20261234", "s20261234---"),
        ("Ada.Lovelace", "ada-lovelace---"),
        ("ada@example.org", "ada-example-org---"),
        ("default", "x-default---"),
        ("kube-admin", "x-kube-admin---"),
        ("identity", "x-identity---"),
        ("practicum-demo", "x-practicum-demo---"),
        ("김민준", "x---"),
        ("a" * 32, "a" * 16 + "---"),
        ("9" * 31, "x-" + "9" * 14 + "---"),
        ("20261234\n", "x-20261234---"),
        ("٢٠٢٦", "x---"),
    ],
)
def test_every_other_id_is_hashed(id, stem):
    assert names.student(id).startswith(stem)
    assert len(names.student(id)) == len(stem) + 12


@pytest.mark.parametrize("name", ["a", "mls26", "mls-2026", "c" * 30, "demo"])
def test_a_cohort_can_have_a_plain_name(name):
    assert names.cohort_mistake(name) is None


def test_the_identity_namespace_is_nobody_elses():
    assert names.identity_namespace("mls26") == "practicum-mls26"
    assert names.cohort_mistake("practicum-mls26") == "this name is reserved"
