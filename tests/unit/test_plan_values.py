"""A plan says what each field is and is to be, shortly, and nothing of what a secret holds."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from provisioner import manifest
from provisioner.cohort import Group
from provisioner.lifecycle.reading import Reading
from provisioner.manifest import ObjectKey, key_of
from provisioner.plan import Field, Live, Part, fields, make_plan
from provisioner.plan.plan import compare_part
from provisioner.report import documents, plan_text, values

from ..sample import ASSISTANT, cohort, record
from .test_compare import merge

CANARY = "c4naryc4naryc4nary"


def part_of(kind, patch, name=None, **settings):
    """The part of a student one object of whom was changed on the cluster."""
    owned = {key_of(item): item for item in manifest.environment(cohort(**settings), record("1"))}
    [key] = [key for key in owned if key.kind == kind and name in (None, key.name)]
    live = Live(owned={**owned, key: merge(owned[key], patch)}, foreign={})
    return compare_part("s1", owned.values(), live, {}, record("1"))


def reading_of(parts):
    """A reading with these students in its plan, as far as lines of it are asked for."""
    records = {part.record.id: part.record for part in parts if part.record}
    plan = make_plan(cohort(), {}, Live(owned={}, foreign={}))
    guard = Part(name="guard", action="same")
    plan = replace(plan, guard=guard, students=tuple(parts), records=records)
    return Reading(
        cohort=cohort(), students={}, known=records, records=records, plan=plan,
        target=None, client=None, found=None, live=None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "name", "patch", "line"),
    [
        (
            "ResourceQuota", None, {"spec": {"hard": {"pods": "999"}}},
            "ResourceQuota/practicum spec.hard.pods: 999 → 20",
        ),
        (
            "ResourceQuota", None, {"spec": {"hard": {"pods": None}}},
            "ResourceQuota/practicum spec.hard.pods: (none) → 20",
        ),
        (
            "ResourceQuota", None, {"spec": {"hard": {"widgets": ""}}},
            'ResourceQuota/practicum spec.hard.widgets: "" → (none)',
        ),
        (
            "ServiceAccount", "default", {"automountServiceAccountToken": True},
            "ServiceAccount/default automountServiceAccountToken: true → false",
        ),
        (
            "Namespace", None, {"metadata": {"finalizers": ["example.org/wait"]}},
            "Namespace/mls26--s1 metadata.finalizers: - example.org/wait",
        ),
        (
            "RoleBinding", "practicum-student", {"subjects": None},
            "RoleBinding/practicum-student subjects: + ServiceAccount practicum-mls26/s1",
        ),
    ],
)  # fmt: skip
def test_a_field_is_told_with_what_it_is_and_what_it_is_to_be(kind, name, patch, line):
    assert list(values.changes(part_of(kind, patch, name))) == [line]


def test_of_a_list_it_is_told_who_goes_and_who_comes():
    eve = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "eve@example.org"}
    part = part_of(
        "RoleBinding", {"subjects": [eve]}, "practicum-assistant", assistants=[ASSISTANT]
    )

    [line] = values.changes(part)

    assert line == (
        "RoleBinding/practicum-assistant subjects:"
        f" - User eve@example.org, + User {ASSISTANT['user']}"
    )


def test_of_the_one_item_of_a_list_that_changed_it_is_told_in_what():
    """And an amount that is spelled in another way is no change."""
    [limits] = part_of("LimitRange", {"spec": None}).wanted[2]["spec"]["limits"]
    assert limits["default"]["cpu"] == "500m"
    live = merge(limits, {"default": {"cpu": "0.5", "memory": "7Gi"}})

    [line] = values.changes(part_of("LimitRange", {"spec": {"limits": [live]}}))

    assert line == "LimitRange/practicum spec.limits: default.memory 7Gi → 512Mi"


def told(before, after):
    return values.told(Field(key=ObjectKey("K", "", "k"), name="f", before=before, after=after))


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ("x" * 60, "y", f"{'x' * 60} → y"),
        ("x" * 61, "y", f"{'x' * 60}… → y"),
        ("a" * 99 + "1" + "b" * 99, "a" * 99 + "2" + "b" * 99,
         f"…{'a' * 15}1{'b' * 44}… → …{'a' * 15}2{'b' * 44}…"),
        ("a" * 99 + "1", "a" * 99 + "2", f"…{'a' * 15}1 → …{'a' * 15}2"),
        ("a\nb", {"k": [1]}, 'a\\nb → {"k": [1]}'),
        ("a" * 70, "a" * 80, f"…{'a' * 15} → …{'a' * 25}"),
        (["a", "b"], ["b", "a"], "other in order or number"),
        (["a"], ["a", "a"], "other in order or number"),
        ([], list("abcdef"), "+ a, + b, + c, + d, and 2 more"),
        (["a"], "b", '["a"] → b'),
        ([{"name": "a"}], [{"name": "b"}], "- a, + b"),
        ([{"m": "1000m"}, {"p": 1}], [{"m": "1"}, {"p": 2}], "p 1 → 2"),
        ([{"p": 1, "q": 2}], [{"p": 3, "q": 2}], "p 1 → 3"),
    ],
    ids=str,
)  # fmt: skip
def test_a_value_is_shown_shortly_and_where_two_differ(before, after, line):
    assert told(before, after) == line


def test_json_has_the_whole_of_what_lines_shorten():
    part = part_of("Namespace", {"metadata": {"annotations": {"practicum.dev/x": "x" * 900}}})

    [student] = documents.plan(reading_of([part]))["students"]

    assert student["changes"] == ["Namespace/mls26--s1 metadata.annotations.practicum.dev/x"]
    assert student["fields"] == [
        {
            "object": "Namespace/mls26--s1", "namespace": "", "before": "x" * 900, "after": None,
            "field": "metadata.annotations.practicum.dev/x",
        }
    ]  # fmt: skip


# Nothing of a secret


def shown(kind, metadata):
    """All that is shown of an object whose metadata somebody changed."""
    wanted = {"kind": kind, "metadata": {"name": "x", "namespace": "n", "labels": {}}}
    live = merge(wanted, {"metadata": metadata, "data": {"password": CANARY}})
    part = compare_part("s1", [wanted], Live(owned={key_of(wanted): live}, foreign={}), {})
    return json.dumps(documents.plan(reading_of([part]))) + "".join(values.changes(part))


@pytest.mark.parametrize(
    "metadata",
    [
        {"annotations": {"practicum.dev/token": CANARY}},
        {"ownerReferences": [{"token": CANARY}]},
        {"ownerReferences": [{"x": {"stringData": {"a": CANARY}}}]},
        {"ownerReferences": [{".dockerconfigjson": CANARY}]},
        {"annotations": {"practicum.dev/x": f"Authorization: Bearer {CANARY}"}},
    ],
    ids=str,
)
def test_what_opens_something_is_never_shown_wherever_it_stands(metadata):
    told = shown("ServiceAccount", metadata)

    assert CANARY not in told
    assert "(hidden)" in told or "[redacted]" in told


@pytest.mark.parametrize("part", ["labels", "annotations"])
def test_of_a_secret_nothing_is_shown(part):
    told = shown("Secret", {part: {"practicum.dev/x": CANARY}})

    assert CANARY not in told
    assert f"Secret/x metadata.{part}.practicum.dev/x: (hidden) → (hidden)" in told
    assert CANARY in shown("ServiceAccount", {part: {"practicum.dev/x": CANARY}})


def test_a_plan_keeps_no_values_of_what_is_as_wanted_and_of_what_is_left_alone():
    assert part_of("ResourceQuota", {}).differing == ()
    changed = part_of("ResourceQuota", {"spec": {"hard": {"pods": "1"}}})
    plan = replace(reading_of([changed]).plan, guard=replace(changed, name="guard"))

    assert [len(list(fields(one))) for one in plan.of(["s1"]).students] == [1]
    assert list(fields(plan.of(["s1"]).guard)) == []


# Many who change alike


def upgraded(ids, **differing):
    """Students in whose environment an upgrade changes the same; some have another quota too."""
    parts = []
    for id in ids:
        made = manifest.environment(cohort(), record(id))
        owned = {key_of(item): item for item in made}
        note = {"annotations": {manifest.RENDERED_BY: "1"}}
        edits = {"Namespace": {"metadata": note}}
        if id in differing:
            edits["ResourceQuota"] = {"spec": {"hard": {"pods": differing[id]}}}
        for key, item in owned.items():
            owned[key] = merge(item, edits.get(key.kind, {}))
        parts.append(compare_part(f"s{id}", made, Live(owned=owned, foreign={}), {}, record(id)))
    return reading_of(parts)


NOTE = f"metadata.annotations.practicum.dev/rendering: 1 → {manifest.RENDERING}"


def test_a_thousand_who_change_alike_are_two_lines():
    ids = [str(number) for number in range(1000)]

    assert list(plan_text.lines(upgraded(ids)))[:-2] == [
        "  ~ 1000 students: 0, 1, 2, 3, 4 and 995 more",
        f"      Namespace/… {NOTE}",
    ]
    full = list(plan_text.lines(upgraded(ids), full=True))
    assert full[0] == f"  ~ 1000 students: {', '.join(ids)}"
    assert full[1:-2] == [f"      Namespace/… {NOTE}"]


def test_who_differs_in_another_way_is_told_alone_and_after_them():
    reading = upgraded("12345", **{"1": "999"})

    assert list(plan_text.lines(reading))[:-2] == [
        "  ~ 4 students: 2, 3, 4, 5",
        f"      Namespace/… {NOTE}",
        "  ~ 1 (mls26--s1)",
        f"      Namespace/mls26--s1 {NOTE}",
        "      ResourceQuota/practicum spec.hard.pods: 999 → 20",
    ]


def test_of_several_such_the_most_come_first():
    reading = upgraded("1234567", **dict.fromkeys("123", "999"))

    told = [line for line in plan_text.lines(reading) if line.startswith("  ~")]

    assert told == ["  ~ 4 students: 4, 5, 6, 7", "  ~ 3 students: 1, 2, 3"]


def test_two_who_change_alike_are_told_by_name():
    assert [line for line in plan_text.lines(upgraded("12")) if line.startswith("  ~")] == [
        "  ~ 1 (mls26--s1)",
        "  ~ 2 (mls26--s2)",
    ]


def test_a_group_that_differs_is_told_with_values():
    group = Group(title="alpha", name="group--alpha", namespace="mls26--g", wave=1)
    part = replace(part_of("ResourceQuota", {"spec": {"hard": {"pods": "1"}}}), record=None)
    reading = reading_of([])
    plan = replace(reading.plan, groups=(replace(part, name="group--alpha", group=group),))

    lines = list(plan_text.lines(replace(reading, plan=plan)))
    [told] = documents.plan(replace(reading, plan=plan))["groups"]

    assert "      ResourceQuota/practicum spec.hard.pods: 1 → 20" in lines
    assert [(one["before"], one["after"]) for one in told["fields"]] == [("1", "20")]
