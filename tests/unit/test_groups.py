"""Groups share a namespace that is fenced as a student's is; sections say who looks on."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner import manifest, names
from provisioner.cohort import Group, groups, sections
from provisioner.cohort.students import Student
from provisioner.errors import InputError
from provisioner.manifest import COHORT, GROUP, STUDENT, STUDENT_ID, key_of
from provisioner.plan import Live, group_of, make_plan, record_of, render

from ..sample import ASSISTANT, cohort, record
from .test_compare import merge

SHARED = {"namespace": True}
ADA, BO, CY = (record(f"2026000{n}") for n in (1, 2, 3))
RECORDS = {one.id: one for one in (ADA, BO, CY)}
ALPHA = Group(
    title="alpha",
    name="group--alpha",
    namespace="mls26--group--alpha",
    wave=1,
    members=(ADA.id, BO.id),
)


def student(id, group="", section=""):
    return Student(id=id, name="Ada", group=group, section=section)


def rendered(group=ALPHA, records=RECORDS, **fields):
    return manifest.group(cohort(groups=SHARED, **fields), group, records)


def subjects(objects, who="student"):
    """Who is bound by the one binding of that kind; nobody where there is none."""
    found = [one for one in objects if one["metadata"]["name"] == f"practicum-{who}"]
    return [subject["name"] for one in found for subject in one["subjects"]]


def live_of(*objects):
    made = (merge(one, {"metadata": {"uid": str(key_of(one))}}) for one in objects)
    return Live(owned={key_of(one): one for one in made}, foreign={})


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_groups_name_and_namespace_are_never_a_students(title, id):
    student_name = names.student(id)

    assert names.is_group(names.group(title))
    assert not names.is_group(student_name)
    for other in ("mls26", "mls26-group", "m"):
        taken = {names.namespace(other, student_name), names.identity_namespace(other)}
        assert names.group_namespace("mls26", title) not in taken


@given(st.sets(st.text(max_size=70), min_size=2, max_size=5))
def test_no_two_groups_share_a_name(titles):
    for made in (names.group, lambda title: names.group_namespace("m" * 30, title)):
        found = {made(title) for title in titles}
        assert len(found) == len(titles)
        assert all(len(name) <= names.MAX_LENGTH for name in found)


def test_a_group_has_the_fences_of_a_student_and_no_account():
    course = cohort(groups=SHARED)
    alike = replace(ADA, name=ALPHA.name, namespace=ALPHA.namespace)

    def fences(objects):
        return [
            {**one, "metadata": {**one["metadata"], "annotations": None}}
            for one in objects
            if one["kind"] != "RoleBinding" and one["metadata"]["name"] != ALPHA.name
        ]

    assert fences(rendered()) == fences(manifest.environment(course, alike))
    assert {one["metadata"].get("namespace", ALPHA.namespace) for one in rendered()} == {
        ALPHA.namespace
    }


def test_the_policies_that_bind_students_bind_the_members_of_a_group():
    labels = rendered()[0]["metadata"]["labels"]
    for one in manifest.guard(cohort(groups=SHARED)):
        bindings = one["metadata"]["name"].endswith("-bindings")  # which holds everywhere
        if one["kind"] == "ValidatingAdmissionPolicyBinding" and not bindings:
            wanted = one["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"]
            assert [(rule["key"], rule["operator"]) for rule in wanted] == [
                (COHORT, "In"),
                (STUDENT, "Exists"),
            ]
    assert labels[COHORT] == "mls26"
    assert labels[STUDENT] == ALPHA.name


def test_the_members_are_let_in_with_the_role_that_they_have_at_home_and_nobody_else():
    [binding] = [one for one in rendered() if one["kind"] == "RoleBinding"]
    [home] = [one for one in manifest.environment(cohort(), ADA) if one["kind"] == "RoleBinding"]

    assert subjects(rendered()) == [ADA.name, BO.name]
    assert binding["roleRef"] == home["roleRef"]
    assert binding["metadata"]["namespace"] == ALPHA.namespace
    assert rendered()[-1] == binding, "half an environment is never open"


@pytest.mark.parametrize("out", [{"suspended": True}, {"dropped": True}])
def test_who_is_not_let_in_at_home_is_not_let_in_here(out):
    records = {**RECORDS, BO.id: replace(BO, **out)}

    assert subjects(rendered(records=records)) == [ADA.name]


def test_a_group_of_whom_nobody_is_let_in_has_no_binding():
    records = {id: replace(one, suspended=True) for id, one in RECORDS.items()}

    assert [one for one in rendered(records=records) if one["kind"] == "RoleBinding"] == []


def test_a_groups_quota_is_its_own_and_a_students_stays():
    course = cohort(groups={"namespace": True, "quota": {"cpu": "6"}})

    def cpu(objects):
        [quota] = [one for one in objects if one["kind"] == "ResourceQuota"]
        return quota["spec"]["hard"]["limits.cpu"]

    assert cpu(manifest.group(course, ALPHA, RECORDS)) == "6"
    assert cpu(manifest.environment(course, ADA)) == "2"


def test_a_groups_namespace_is_no_students_to_who_rebuilds_records():
    namespace = rendered()[0]

    assert STUDENT_ID not in namespace["metadata"]["annotations"]
    assert namespace["metadata"]["annotations"][GROUP] == "alpha"
    assert record_of(namespace) is None
    assert group_of(namespace) == replace(ALPHA, members=())
    assert group_of(manifest.environment(cohort(), ADA)[0]) is None


def assigned(known, *students, wave_size=50, found=None, **fields):
    course = cohort(groups=SHARED, **fields)
    return groups.assign(known, course, students, wave_size, found)


def test_groups_come_from_the_roster_and_stay_where_they_are():
    first = assigned({}, student("1", "b"), student("2", "a"), student("3", "b"), student("4"))
    later = assigned(first, student("1", "a"), student("3", "c"), wave_size=1)

    assert {title: one.members for title, one in first.items()} == {"b": ("1", "3"), "a": ("2",)}
    assert (later["a"].wave, later["c"].wave) == (1, 2)
    assert later["a"].members == ("1",)
    assert (later["b"].dropped, later["b"].members) == (True, ())


def test_a_group_that_was_found_on_the_cluster_is_taken_over():
    found = {"alpha": replace(ALPHA, wave=7)}

    assert assigned({}, student("1", "alpha"), found=found)["alpha"].wave == 7


def test_without_the_word_in_the_cohort_file_there_are_none():
    assert groups.assign({}, cohort(), [student("1", "alpha")], 50) == {}
    gone = groups.assign({"alpha": ALPHA}, cohort(), [student("1", "alpha")], 50)
    assert gone["alpha"].dropped


def test_the_file_reads_as_it_was_written(tmp_path):
    path = tmp_path / "groups.json"
    several = {"alpha": ALPHA, "β": replace(ALPHA, title="β", dropped=True, members=())}

    groups.save(path, several)

    assert groups.load(path) == several
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_course_without_groups_has_no_file(tmp_path):
    groups.save(tmp_path / "groups.json", {})

    assert list(tmp_path.iterdir()) == []
    assert groups.load(tmp_path / "groups.json") == {}


GOOD = {"name": "group--a", "namespace": "mls26--group--a", "wave": 1, "members": ["1"]}


@pytest.mark.parametrize(
    "document",
    [
        "",
        "[]",
        "{}",
        '{"version": 2, "groups": {}}',
        '{"version": 1, "groups": []}',
        '{"version": 1, "groups": {"a": 1}}',
        *(
            json.dumps({"version": 1, "groups": {"a": {**GOOD, **wrong}}})
            for wrong in (
                {"wave": 0},
                {"wave": "1"},
                {"wave": True},
                {"name": "s1"},
                {"members": "12"},
                {"members": [1]},
                {"colour": "blue"},
                {"dropped": 0},
            )
        ),
        "[" * 100_000,
    ],
)
def test_a_damaged_file_is_refused_with_what_to_do(tmp_path, document):
    path = tmp_path / "groups.json"
    path.write_text(document)

    with pytest.raises(InputError, match="is damaged") as caught:
        groups.load(path)
    assert "practicum up" in caught.value.hint


def test_the_good_twin_of_the_damaged_files_is_read(tmp_path):
    path = tmp_path / "groups.json"
    path.write_text(json.dumps({"version": 1, "groups": {"a": GOOD}}))

    assert groups.load(path)["a"].members == ("1",)


def planned(live, wanted, records=RECORDS, **fields):
    return make_plan(cohort(groups=SHARED, **fields), records, live, wanted)


def everything(group=ALPHA):
    course = cohort(groups=SHARED)
    students = [one for each in RECORDS.values() for one in manifest.environment(course, each)]
    return live_of(*manifest.guard(course), *students, *manifest.group(course, group, RECORDS))


def test_a_group_is_created_kept_changed_and_removed():
    nothing = live_of(*manifest.guard(cohort()))
    moved = replace(ALPHA, members=(ADA.id, CY.id))

    [new] = planned(nothing, {"alpha": ALPHA}).groups
    [same] = planned(everything(), {"alpha": ALPHA}).groups
    [change] = planned(everything(), {"alpha": moved}).groups
    [gone] = planned(everything(), {"alpha": replace(ALPHA, dropped=True)}).groups

    assert (new.action, same.action, gone.action) == ("create", "same", "remove")
    assert (change.action, change.changes) == (
        "change",
        ("RoleBinding/practicum-student subjects",),
    )
    assert {part.wave for part in (new, same, change, gone)} == {"groups-01"}
    assert key_of(gone.surplus[0]).kind == "Namespace"
    assert planned(everything(), {"alpha": ALPHA}).is_empty
    assert not planned(everything(), {"alpha": moved}).is_empty


def test_a_change_of_group_is_no_change_of_a_student():
    plan = planned(everything(), {"alpha": replace(ALPHA, members=(CY.id,))})

    assert {part.action for part in plan.students} == {"same"}


def test_a_plan_that_does_not_look_at_groups_leaves_them():
    plan = make_plan(cohort(groups=SHARED), RECORDS, everything())

    assert plan.groups == ()
    assert plan.is_empty


def test_a_group_that_no_file_knows_is_removed_and_is_no_student():
    plan = planned(everything(), {})

    assert [(part.name, part.action) for part in plan.groups] == [("group--alpha", "remove")]
    assert {part.action for part in plan.students} == {"same"}


def test_a_group_whose_namespace_is_a_strangers_is_left_out():
    [namespace, *_] = rendered()
    live = Live(owned={}, foreign={key_of(namespace): "was made by somebody"})

    [part] = planned(live, {"alpha": ALPHA}).groups
    assert part.action == "foreign"


def test_every_object_of_a_group_is_looked_for():
    keys = render(cohort(groups=SHARED), RECORDS, {"alpha": ALPHA}).keys

    assert set(map(key_of, rendered())) <= set(keys)


OTHER = {"name": "Lee", "user": "lee@example.org"}
LOOKED_AFTER = {
    "assistants": [ASSISTANT, OTHER],
    "sections": [{"name": "A", "assistants": ["Lee"]}, {"name": "B"}],
}


@pytest.mark.parametrize(
    ("section", "seen_by"),
    [
        ("A", ["ta-01@example.org", "lee@example.org"]),
        ("A and B", ["ta-01@example.org", "lee@example.org"]),
        ("C, A, and B", ["ta-01@example.org", "lee@example.org"]),
        ("B", ["ta-01@example.org"]),
        ("AB", ["ta-01@example.org"]),
        ("", ["ta-01@example.org"]),
    ],
)
def test_an_assistant_of_a_section_sees_that_section_alone(section, seen_by):
    course = cohort(groups=SHARED, **LOOKED_AFTER)

    students = manifest.environment(course, replace(ADA, section=section))
    shared = manifest.group(course, replace(ALPHA, section=section), RECORDS)

    assert subjects(students, "assistant") == seen_by
    assert subjects(shared, "assistant") == seen_by


def test_an_environment_that_no_assistant_sees_has_no_binding_for_them():
    course = cohort(assistants=[OTHER], sections=[{"name": "A", "assistants": ["Lee"]}])

    made = manifest.environment(course, replace(ADA, section="B"))

    assert [one for one in made if one["metadata"]["name"] == "practicum-assistant"] == []


def test_a_section_is_kept_only_where_the_cohort_file_asks_for_it():
    students = {ADA.id: student(ADA.id, section="A")}

    kept = sections.placed(cohort(**LOOKED_AFTER), students, {ADA.id: ADA})
    not_kept = sections.placed(cohort(), students, {ADA.id: replace(ADA, section="A")})

    assert kept[ADA.id].section == "A"
    assert not_kept[ADA.id].section == ""


def test_a_group_is_looked_after_by_the_sections_of_its_members():
    made = assigned({}, student("1", "a", "B"), student("2", "a", "A"), **LOOKED_AFTER)

    assert made["a"].section == "A, B"


@pytest.mark.parametrize("title", ["alpha", "7", "a" * 24, "a" * 25, "b" * 60, "Team Ü"])
@pytest.mark.parametrize("cohort_name", ["mls26", "c" * names.MAX_COHORT])
def test_a_groups_namespace_is_told_to_be_the_cohorts_by_its_name(cohort_name, title):
    """The policy that keeps roles at home knows a cohort's namespaces by how they start."""
    found = names.group_namespace(cohort_name, title)

    assert found.startswith(f"{cohort_name}--group--")
    assert len(found) <= names.MAX_LENGTH
    assert len(names.group(title)) <= names.MAX_STUDENT
