"""One student's environment, as Pulumi is asked for it."""

from __future__ import annotations

import pytest

from infra.student_environment import StudentEnvironment, StudentEnvironmentArgs
from provisioner import manifest

from ..sample import ASSISTANT, cohort, record

OURS = {"pulumi.com/patchFieldManager": "practicum", "pulumi.com/patchForce": "true"}
FENCES = {
    "s20260001/resourcequota/practicum",
    "s20260001/limitrange/practicum",
    "s20260001/networkpolicy/practicum",
    "s20260001/serviceaccount/default",
}
COURSES = {
    "defaults": {},
    "assistants": {"assistants": [ASSISTANT]},
    "no egress": {"environment": {"egress": "none", "pod_security": "restricted"}},
    "ceilings": {"environment": {"limits": {"max": {"cpu": "1"}}}},
}


@pytest.fixture(params=COURSES.values(), ids=COURSES.keys())
def rendered(request):
    return manifest.environment(cohort(**request.param), record())


@pytest.fixture
def engine(run, rendered):
    args = StudentEnvironmentArgs(manifests=tuple(rendered))
    return run(lambda: StudentEnvironment("s20260001", args))


def as_manifest(item):
    """Turn a registration back into a manifest, without what is for the provider alone."""
    metadata = dict(item.metadata)
    left = {k: v for k, v in metadata.pop("annotations").items() if not k.startswith("pulumi.com/")}
    if left:
        metadata["annotations"] = left
    return {**item.inputs, "metadata": metadata}


def test_the_type_never_changes():
    """A changed token makes Pulumi replace every student's namespace, with the work in it."""
    assert StudentEnvironment.TYPE == "practicum:kubernetes:StudentEnvironment"


def test_what_is_registered_is_what_is_rendered(engine, rendered):
    """``plan`` and ``render`` show the rendering: nothing may be added on the way."""
    registered = {item.name: as_manifest(item) for item in engine.objects}

    assert registered == {
        f"s20260001/{item['kind'].lower()}/{item['metadata']['name']}": item for item in rendered
    }


def test_every_object_is_a_child_of_the_environment(engine):
    [component] = engine.components

    assert component.type == StudentEnvironment.TYPE
    assert component.name == "s20260001"
    assert {item.parent for item in engine.objects} == {component.urn}


def test_the_environment_says_when_it_is_done(engine):
    [component] = engine.components

    assert engine.outputs == {component.urn: {"namespace": "mls26--s20260001"}}


def test_names_are_static(engine):
    """A name that Pulumi makes up would be another one in the next run."""
    assert all(item.metadata["name"] for item in engine.objects)
    assert not any("generateName" in item.metadata for item in engine.objects)


def test_every_object_has_the_one_field_manager(engine):
    for item in engine.objects:
        given = item.metadata["annotations"]
        assert OURS.items() <= given.items(), item.name


def test_only_the_quota_is_not_waited_for(engine):
    skipped = {
        item.name
        for item in engine.objects
        if "pulumi.com/skipAwait" in item.metadata["annotations"]
    }

    assert skipped == {"s20260001/resourcequota/practicum"}


def test_what_lies_in_the_namespace_goes_with_it_and_the_identity_does_not(engine):
    """A credential lives as long as its account: that one is deleted by name."""
    namespace = engine.one("s20260001/namespace/mls26--s20260001")

    for item in engine.objects:
        inside = item.metadata.get("namespace") == "mls26--s20260001"
        assert item.deleted_with == (namespace.urn if inside else ""), item.name
    identity = engine.one("s20260001/serviceaccount/s20260001")
    assert identity.metadata["namespace"] == "practicum-mls26"
    assert identity.deleted_with == ""


def test_everything_waits_for_the_namespace(engine):
    namespace = engine.one("s20260001/namespace/mls26--s20260001")

    assert namespace.dependencies == frozenset()
    for item in engine.objects:
        assert item == namespace or namespace.urn in item.dependencies, item.name


def test_the_way_in_waits_for_every_fence(engine):
    """Half an environment is never open."""
    fences = {item.urn for item in engine.objects if item.name in FENCES}
    bindings = engine.of_kind("RoleBinding")

    assert len(fences) == len(FENCES)
    assert bindings
    for binding in bindings:
        assert fences <= binding.dependencies
    others = {item.urn for item in engine.objects} - {binding.urn for binding in bindings}
    assert all(binding.dependencies == others for binding in bindings)


def test_a_suspended_student_has_no_way_in(run):
    args = StudentEnvironmentArgs(
        manifests=tuple(manifest.environment(cohort(), record(suspended=True)))
    )

    engine = run(lambda: StudentEnvironment("s20260001", args))

    assert engine.of_kind("RoleBinding") == []
    assert len(engine.objects) == 6


def test_claims_on_what_is_shared_wait_for_a_quota_that_lets_them_in(run):
    """Of one that is not counted yet, the API server refuses all that it counts."""
    shared = [{"name": "datasets", "from": {"host_path": "/srv/datasets"}}]
    course = cohort(environment={"shared_volumes": shared})
    args = StudentEnvironmentArgs(manifests=tuple(manifest.environment(course, record())))

    engine = run(lambda: StudentEnvironment("s20260001", args))

    quota, [claim] = (
        engine.one("s20260001/resourcequota/practicum"),
        engine.of_kind("PersistentVolumeClaim"),
    )
    [volume] = engine.of_kind("PersistentVolume")
    assert "pulumi.com/skipAwait" not in quota.metadata["annotations"]
    assert "pulumi.com/skipAwait" in claim.metadata["annotations"]
    assert {quota.urn, volume.urn} <= claim.dependencies
    assert volume.deleted_with == "", "it is in no namespace"
    assert all(claim.urn in binding.dependencies for binding in engine.of_kind("RoleBinding"))
