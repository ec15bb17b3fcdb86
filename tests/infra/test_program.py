"""Which stack holds what, for which cluster, and that no secret gets into its state."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from infra.program import ClusterTarget, declare_stack, declared_names
from provisioner import names
from provisioner.cohort import Group
from provisioner.manifest import GUARD, stack_name

from ..sample import cohort, record

CANARY = "canary-token"
RECORDS = [
    record("1"),
    record("2", wave=2),
    record("3", wave=2),
    record("4", wave=2, dropped=True),
    record("5", wave=12),
]


@pytest.fixture
def target(tmp_path):
    """A kubeconfig with a credential in it, which has to stay there."""
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump({"users": [{"name": "ops", "user": {"token": CANARY}}]}))
    return ClusterTarget(kubeconfig=str(path), context="course")


@pytest.fixture
def stack(run, target):
    def stack(part, records=RECORDS):
        name = stack_name("mls26", part)
        return run(lambda: declare_stack(name, cohort(), records, target), stack=name)

    return stack


@pytest.mark.parametrize(
    ("part", "held"),
    [
        (GUARD, ["guard"]),
        (1, ["s1"]),
        (2, ["s2", "s3"]),  # not the one who left
        (12, ["s5"]),
        (3, []),
    ],
)
def test_a_stack_holds_its_own_and_nothing_else(stack, part, held):
    engine = stack(part)

    assert [item.name for item in engine.components] == held
    assert {item.name.partition("/")[0] for item in engine.objects} == set(held)


def test_a_stack_of_groups_holds_its_own_groups_and_no_student(run, target):
    def group(title, wave, **fields):
        name = names.group(title)
        return Group(title=title, name=name, namespace=f"m--{name}", wave=wave, **fields)

    several = [group("a", 1, members=("1", "2")), group("b", 2), group("c", 1, dropped=True)]

    engine = run(
        lambda: declare_stack("mls26.groups-01", cohort(), RECORDS, target, several),
        stack="mls26.groups-01",
    )

    assert [item.name for item in engine.components] == ["group--a"]
    assert {item.name.partition("/")[0] for item in engine.objects} == {"group--a"}


def test_every_student_is_in_one_stack(stack):
    found = [item.name for part in (1, 2, 12) for item in stack(part).components]

    assert sorted(found) == ["s1", "s2", "s3", "s5"]


def test_a_stack_of_another_cohort_holds_none_of_ours(run, target):
    engine = run(lambda: declare_stack("mls27.wave-01", cohort(), RECORDS, target))

    assert engine.components == []


@pytest.mark.parametrize("part", [GUARD, 1, 2])
def test_the_cluster_is_the_one_that_the_cohort_names(stack, target, part):
    """By path and context; the current context is whatever somebody looked at last."""
    engine = stack(part)

    [provider] = engine.of_kind("kubernetes")
    settings = json.loads(provider.inputs["kubeClientSettings"])
    assert provider.inputs["kubeconfig"] == target.kubeconfig
    assert provider.inputs["context"] == "course"
    assert provider.inputs["clusterIdentifier"] == "practicum/mls26"
    assert provider.inputs["enableServerSideApply"] == "true"
    assert settings["qps"] >= 1000
    assert settings["burst"] >= settings["qps"]


@pytest.mark.parametrize("part", [GUARD, 2])
def test_every_object_uses_that_provider_and_no_default_one(stack, part):
    engine = stack(part)

    [provider] = engine.of_kind("kubernetes")
    assert engine.objects
    assert {item.provider for item in engine.objects} == {f"{provider.urn}::cluster-id"}


@pytest.mark.parametrize("part", [GUARD, 1, 2])
def test_no_secret_is_given_to_the_engine(stack, target, part):
    """CRD-11: an input stands in the state as it is; the provider's is no secret to Pulumi."""
    engine = stack(part)

    given = repr([(item.inputs, item.secrets) for item in engine.registered])
    assert target.kubeconfig in given
    assert CANARY not in given
    assert CANARY in Path(target.kubeconfig).read_text()
    assert engine.of_kind("Secret") == []


def test_two_runs_register_the_same(stack):
    assert stack(2).registered == stack(2).registered


def test_a_changed_wave_or_order_changes_no_other_student(stack):
    """Resources are told apart by name: a joiner must not rename anybody's."""
    before = {item.urn: item.inputs for item in stack(2).registered}
    joined = [record("0", wave=2), *reversed(RECORDS)]

    after = {item.urn: item.inputs for item in stack(2, joined).registered}

    assert before.items() <= after.items()
    assert len(after) == len(before) + 8


@pytest.mark.parametrize("part", [GUARD, 1, 2, 3])
def test_what_a_stack_wants_is_known_without_an_engine(stack, part):
    """By these names the state is tidied: whoever is missing here would be taken out of it."""
    engine = stack(part)

    names = declared_names(stack_name("mls26", part), cohort(), RECORDS)

    assert names == {item.name for item in [*engine.components, *engine.objects]}
