"""Who is created, changed, removed or left alone; the cases are files in ``tests/plans``."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from provisioner import manifest
from provisioner.cluster import observe
from provisioner.manifest import ObjectKey, key_of
from provisioner.plan import Live, make_plan, record_of, render

from ..sample import ASSISTANT, cohort, record
from .test_compare import merge

CASES = sorted((Path(__file__).parents[1] / "plans").glob("*.yaml"))


def key_from(text):
    kind, place = text.split(" ", 1)
    namespace, _, name = place.partition("/")
    return ObjectKey(kind, namespace, name)


def told(item):
    key = key_of(item)
    return f"{key.kind} {key.namespace}/{key.name}"


def running(case, records):
    """What the API server would list of the cohort."""
    course = cohort(**case.get("ran_with", case.get("cohort", {})))
    was = {**records, **read_records(case.get("ran_as", {}))}
    made = manifest.guard(course) if case.get("guard", True) else []
    for id in case.get("running", []):
        one = was.get(id) or record(id)
        made += manifest.environment(course, one)
        made += manifest.copies(course, one.name, one.namespace, case.get("copied", {}))
    live = {key_of(item): merge(item, {"metadata": {"uid": f"{told(item)}"}}) for item in made}
    for text, patch in case.get("edit", {}).items():
        before = live.pop(key_from(text))
        if patch is not None:
            live[key_of(before)] = merge(before, patch)
    return live


def read_records(given):
    return {id: record(id, **fields) for id, fields in given.items()}


def shown(part):
    """What a case says of a part, without what is empty."""
    found = {
        "action": part.action,
        "changes": list(part.changes),
        "surplus": [told(item) for item in part.surplus],
        "patches": {told(item): patch for item, patch in part.patches},
        "copies": [told(item) for item in part.copies],
        "copies_alone": part.copies_alone,
    }
    return {name: value for name, value in found.items() if value}


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_plan(path):
    case = yaml.safe_load(path.read_text())
    records = read_records(case["records"])
    foreign = {key_from(text): whose for text, whose in case.get("foreign", {}).items()}
    live = Live(owned=running(case, records), foreign=foreign)

    course = cohort(**case.get("cohort", {}))
    wanted = render(course, records, versions=case.get("sources"))

    plan = make_plan(course, records, live, wanted=wanted)

    students = {part.record.id if part.record else part.name: shown(part) for part in plan.students}
    assert {"guard": shown(plan.guard), "students": students} == case["expect"]
    quiet = all(part["action"] in ("same", "foreign") for part in students.values())
    assert plan.is_empty == (plan.guard.action == "same" and quiet)


def test_a_case_is_told_of_every_action():
    """Of students; what all share is created, changed, same or foreign."""
    expected = [yaml.safe_load(path.read_text())["expect"] for path in CASES]
    actions = {"create", "change", "same", "remove", "foreign"}

    assert {p["action"] for case in expected for p in case["students"].values()} == actions
    assert {case["guard"]["action"] for case in expected} == actions - {"remove"}


def test_students_keep_the_order_of_the_records():
    records = {id: record(id) for id in ("3", "1", "2")}

    plan = make_plan(cohort(), records, Live(owned={}, foreign={}))

    assert [part.name for part in plan.having("create")] == ["s3", "s1", "s2"]
    assert plan.having("same", "foreign") == []


def test_what_is_wanted_is_asked_for_by_key_and_no_leaver_is():
    records = {"1": record("1"), "77": record("77", dropped=True)}

    keys = render(cohort(), records).keys

    assert len(set(keys)) == len(keys)
    assert ObjectKey("Namespace", "", "mls26--s1") in keys
    assert ObjectKey("ClusterRole", "", "practicum-mls26-student") in keys
    assert not any("s77" in f"{key.namespace}/{key.name}" for key in keys)


def test_what_was_rendered_is_not_rendered_again():
    records = {"1": record("1")}
    wanted = render(cohort(), records)

    plan = make_plan(cohort(), records, Live(owned={}, foreign={}), wanted=wanted)

    for part, rendered in ((plan.guard, wanted.guard), (plan.students[0], wanted.students["s1"])):
        assert all(one is other for one, other in zip(part.wanted, rendered, strict=True))


# The record on the Namespace

ids = st.text(min_size=1) | st.from_regex(r"s?[0-9]{1,12}", fullmatch=True)
numbers = st.integers(1, 10_000)


@settings(deadline=None, max_examples=60)
@given(ids, numbers, numbers, st.booleans(), st.none() | st.dates())
@example("20260001", 1, 1, False, None)
@example("김민준", 100, 7, True, date(2026, 11, 1))
def test_a_record_comes_back_from_its_namespace(id, wave, generation, suspended, until):
    one = record(id, wave=wave, generation=generation, suspended=suspended, until=until)

    [namespace, *others] = manifest.environment(cohort(assistants=[ASSISTANT]), one)

    assert record_of(namespace) == one
    assert [record_of(item) for item in others] == [None] * len(others)


@pytest.mark.parametrize(
    "edit",
    [
        {"labels": None},
        {"annotations": None},
        {"labels": {manifest.WAVE: "two"}},
        {"labels": {manifest.GENERATION: None}},
        {"labels": {manifest.UNTIL: "soon"}},
    ],
    ids=str,
)
def test_a_namespace_that_tells_no_record_gives_none(edit):
    namespace = manifest.environment(cohort(), record())[0]

    assert record_of(merge(namespace, {"metadata": edit})) is None


def test_the_identity_namespace_is_no_students():
    assert record_of(manifest.guard(cohort())[0]) is None


def test_a_namespace_of_ours_that_lost_its_label_is_called_so():
    """That "practicum made it" tells nobody why Practicum leaves it alone."""
    bare = {"metadata": {"managedFields": [{"manager": "practicum"}]}}
    theirs = {"metadata": {"managedFields": [{"manager": "kubectl-create"}]}}

    assert "took its label practicum.dev/cohort away" in observe.whose(bare)
    assert "was made by kubectl-create" in observe.whose(theirs)
