"""What the SDK is made to leave out changes nothing of what is registered."""

from __future__ import annotations

import gc

import pulumi
import pytest
from pulumi import _types
from pulumi.automation import _stack
from pulumi.runtime import resource, rpc, stack

from infra.program import ClusterTarget, declare_stack
from provisioner.manifest import stack_name
from provisioner.pulumi_stack import events, sparing

from ..sample import cohort, record

NAMES = [
    (pulumi.log, "debug"),
    (resource, "_get_stack_trace"),
    (resource, "create_urn"),
    (rpc, "resolve_outputs"),
    (stack, "wait_for_rpcs"),
    (_types, "unwrap_type"),
    (_stack, "_EventsServicer"),
]


@pytest.fixture
def spared(monkeypatch):
    for module, name in NAMES:
        # Also fails when a newer SDK has no such thing any more.
        monkeypatch.setattr(module, name, getattr(module, name))
    before = [getattr(module, name) for module, name in NAMES]
    sparing.spare()
    events.take_texts()
    return before


def test_everything_that_is_left_out_is_there_to_be_left_out(spared):
    now = [getattr(module, name) for module, name in NAMES]

    assert all(new is not old for new, old in zip(now, spared, strict=True))


def test_what_is_registered_is_the_same_without_it(run, spared, monkeypatch):
    def registered():
        target = ClusterTarget(kubeconfig="", context="course")
        name = stack_name("mls26", 1)
        engine = run(
            lambda: declare_stack(name, cohort(), [record("1"), record("2")], target), stack=name
        )
        outputs = {urn: given for urn, given in engine.outputs.items() if "Environment" in urn}
        return engine.components, engine.objects, outputs

    with_it = registered()
    for (module, name), old in zip(NAMES, spared, strict=True):
        monkeypatch.setattr(module, name, old)

    assert with_it == registered()
    assert len(with_it[1]) == 14


def test_a_wave_that_is_done_leaves_none_of_its_resources_in_the_worker(run, spared):
    """A worker does one wave after another: its memory is bounded by the largest."""
    target = ClusterTarget(kubeconfig="", context="course")
    for wave in (1, 2):
        name, students = stack_name("mls26", wave), [record(f"{wave}{n}", wave=wave) for n in "12"]
        run(
            lambda name=name, students=students: declare_stack(name, cohort(), students, target),
            stack=name,
        )

    gc.collect()
    names = {one._name for one in gc.get_objects() if isinstance(one, pulumi.Resource)}

    assert not [name for name in names if name.startswith("s1")], "of the first wave"
