"""What all students share, as Pulumi is asked for it."""

from __future__ import annotations

import pytest

from infra.cohort_guard import CohortGuard, CohortGuardArgs
from infra.kubernetes_objects import KINDS
from provisioner import manifest

from ..sample import cohort
from .test_student_environment import OURS, as_manifest


@pytest.fixture(params=[(), ("ops@example.org",)], ids=["nobody named", "operators"])
def rendered(request):
    return manifest.guard(cohort(operators=request.param))


@pytest.fixture
def engine(run, rendered):
    args = CohortGuardArgs(manifests=tuple(rendered))
    return run(lambda: CohortGuard("guard", args))


def test_the_type_never_changes():
    """A changed token makes Pulumi replace the namespace that holds every account."""
    assert CohortGuard.TYPE == "practicum:kubernetes:CohortGuard"


def test_what_is_registered_is_what_is_rendered(engine, rendered):
    registered = [as_manifest(item) for item in engine.objects]

    assert sorted(registered, key=manifest.key_of) == sorted(rendered, key=manifest.key_of)
    assert all(OURS.items() <= item.metadata["annotations"].items() for item in engine.objects)


def test_it_owns_its_objects_and_says_when_it_is_done(engine):
    [component] = engine.components

    assert {item.parent for item in engine.objects} == {component.urn}
    assert engine.outputs == {component.urn: {"identity_namespace": "practicum-mls26"}}


def test_only_what_lies_in_the_identity_namespace_goes_with_it(engine):
    namespace = engine.one("guard/namespace/practicum-mls26")

    for item in engine.objects:
        inside = item.metadata.get("namespace") == "practicum-mls26"
        assert item.deleted_with == (namespace.urn if inside else ""), item.name
        assert (namespace.urn in item.dependencies) == inside, item.name
    assert {item.kind for item in engine.objects if item.deleted_with} >= {
        "NetworkPolicy",
        "ResourceQuota",
    }


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_the_typed_class_of_its_name(kind):
    assert KINDS[kind].__name__ == kind
