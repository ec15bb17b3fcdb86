"""What a cohort and a student are on the cluster: which objects, in what order, and whose."""

from __future__ import annotations

import json
import re
from datetime import date
from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from provisioner import manifest, names
from provisioner.cluster import RESOURCES
from provisioner.cluster.resources import COPIED, VOLUMES, resource_of
from provisioner.manifest import KIND_CLUSTER
from provisioner.plan.compare import EXACT

from ..sample import ASSISTANT, cohort, record
from .rendering import SETTINGS, environment, everything, one

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
DNS_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
LABEL_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?)?", re.ASCII)

quick = settings(deadline=None, max_examples=60)


# What there is, and in which order


def test_an_environment_is_these_objects():
    made = environment(assistants=[ASSISTANT])

    assert [f"{item['kind']} {item['metadata']['name']}" for item in made] == [
        "Namespace mls26--s20260001",
        "ResourceQuota practicum",
        "LimitRange practicum",
        "NetworkPolicy practicum",
        "ServiceAccount default",
        "ServiceAccount s20260001",
        "RoleBinding practicum-student",
        "RoleBinding practicum-assistant",
    ]


def test_the_namespace_comes_first_and_the_way_in_last(course):
    kinds = [item["kind"] for item in manifest.environment(course, record())]

    assert kinds[0] == "Namespace"
    assert kinds.index("RoleBinding") == len(kinds) - kinds.count("RoleBinding")


def test_the_guard_makes_a_namespace_before_what_is_in_it(course):
    made = manifest.guard(course)

    first = made[0]["metadata"]["name"]
    assert made[0]["kind"] == "Namespace"
    assert {item["metadata"].get("namespace", first) for item in made} == {first}


def test_the_same_input_gives_the_same_objects(course):
    assert everything(course) == everything(course)


def test_who_is_suspended_has_no_way_in_and_keeps_the_rest():
    free, suspended = (
        environment(record(suspended=flag), assistants=[ASSISTANT]) for flag in (False, True)
    )

    gone = {manifest.key_of(i) for i in free} - {manifest.key_of(i) for i in suspended}
    assert [key.name for key in gone] == ["practicum-student"]
    assert one("RoleBinding", suspended)["metadata"]["name"] == "practicum-assistant"


def test_every_kind_is_known_where_kinds_are_listed():
    from infra.kubernetes_objects import KINDS  # half a second, and no other test needs it

    made = [item for fields in SETTINGS.values() for item in everything(cohort(**fields))]
    kinds = {item["kind"] for item in made}

    known = set(RESOURCES) | set(VOLUMES)
    assert kinds == known == set(EXACT) - {KIND_CLUSTER, *COPIED} == set(KINDS)


def test_every_field_that_is_rendered_is_compared(course):
    """A field outside the comparison could be changed by hand and stay so."""
    for item in everything(course):
        fields = item.keys() - {"apiVersion", "kind", "metadata"}

        assert fields <= set(EXACT[item["kind"]]), manifest.key_of(item)


def test_paths_and_rendering_agree_on_group_and_scope(course):
    for item in everything(course):
        resource = resource_of(item["kind"])
        root = "/apis/" if "/" in item["apiVersion"] else "/api/"

        assert resource.root == root + item["apiVersion"]
        assert resource.namespaced == ("namespace" in item["metadata"])


# Whose it is


def test_every_object_says_whose_it_is(course):
    for item in manifest.guard(course):
        assert manifest.belongs_to("mls26", item)
        assert manifest.STUDENT not in item["metadata"]["labels"]
    for item in manifest.environment(course, record()):
        assert manifest.belongs_to("mls26", item)
        assert item["metadata"]["labels"][manifest.STUDENT] == "s20260001"


def test_another_cohorts_objects_are_not_ours():
    assert not any(manifest.belongs_to("mls2", item) for item in everything(cohort()))


def test_the_namespace_keeps_the_students_record():
    labels = environment(record(wave=3, generation=2, suspended=True, until=date(2026, 11, 1)))[0][
        "metadata"
    ]["labels"]

    assert {key: labels[manifest.PREFIX + key] for key in ("wave", "generation", "until")} == {
        "wave": "03", "generation": "2", "until": "2026-11-01",
    }  # fmt: skip
    assert labels[manifest.SUSPENDED] == "true"


def test_no_persons_name_is_written(course):
    """Assistants have a name in the cohort file; students' names never come this far."""
    named = course.model_copy(update={"assistants": cohort(assistants=[ASSISTANT]).assistants})

    text = json.dumps(everything(named))

    assert ASSISTANT["user"] in text
    assert "Tutorin" not in text
    assert "Tabea" not in text
    assert course.course not in text


cohort_names = st.from_regex(r"[a-z](-?[a-z0-9]){0,29}", fullmatch=True).filter(
    lambda name: names.cohort_mistake(name) is None
)
ids = st.one_of(st.text(min_size=1), st.from_regex(r"s?[0-9]{1,40}", fullmatch=True))


@quick
@given(cohort_names, ids, st.integers(1, 99_999), st.integers(1, 99_999))
@example("c" * 30, "x" * 1000, 1, 1)
@example("c" * 30, "김민준", 100, 1)
def test_every_name_and_label_is_one_that_kubernetes_takes(name, id, wave, generation):
    one = record(id, cohort=name, wave=wave, generation=generation, until=date(9999, 12, 31))

    for item in everything(cohort(name, assistants=[ASSISTANT]), one):
        metadata = item["metadata"]
        cluster_wide = item["kind"] in ("ClusterRole", "PriorityClass", "ServiceAccount")
        assert (DNS_SUBDOMAIN if cluster_wide else DNS_LABEL).fullmatch(metadata["name"])
        assert len(metadata["name"]) <= 63
        assert DNS_LABEL.fullmatch(metadata.get("namespace", "x"))
        for key, value in metadata["labels"].items():
            assert LABEL_KEY.fullmatch(key), key
            assert LABEL_VALUE.fullmatch(value), value


@quick
@given(cohort_names, st.lists(ids, unique=True, min_size=2, max_size=6))
@example("mls26", ["20261234", "s20261234"])
@example("mls26", ["ada", "Ada", "ADA "])
def test_no_two_students_share_an_object(name, several):
    course = cohort(name, assistants=[ASSISTANT])
    made = everything(course, *(record(id, cohort=name) for id in several))

    keys = [manifest.key_of(item) for item in made]
    assert len(set(keys)) == len(keys)


@quick
@given(cohort_names, cohort_names, ids)
@example("a", "a-b", "b-c")
@example("mls26", "mls26-student", "1")
def test_no_two_cohorts_share_an_object(one, other, id):
    made = [
        {manifest.key_of(item) for item in everything(cohort(name), record(id, cohort=name))}
        for name in {one, other}
    ]

    assert len(set.union(*made)) == sum(map(len, made))


def test_stacks_are_named_after_cohort_and_part():
    stacks = [manifest.stack_name("mls26", part) for part in (manifest.GUARD, 1, 12, 100)]

    assert stacks == ["mls26.guard", "mls26.wave-01", "mls26.wave-12", "mls26.wave-100"]
    assert all(one < other for one, other in pairwise(stacks[:3]))
