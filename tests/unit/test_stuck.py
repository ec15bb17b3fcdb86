"""What a namespace says of itself while it does not go; live in tests/cluster/test_stuck.py."""

from __future__ import annotations

import pytest

from provisioner.cluster import stuck


def namespace(*conditions):
    return {"metadata": {"name": "n"}, "status": {"conditions": list(conditions)}}


def condition(type, status="True"):
    return {"type": type, "status": status, "reason": "R", "message": f"why {type}"}


@pytest.mark.parametrize(
    "type",
    [
        "NamespaceDeletionDiscoveryFailure",
        "NamespaceDeletionContentFailure",
        "NamespaceDeletionGroupVersionParsingFailure",
        "NamespaceContentRemaining",
        "NamespaceFinalizersRemaining",
    ],
)
def test_each_condition_of_kubernetes_is_told_in_its_words_where_it_holds(type):
    """REL-20: some of them no cluster of ours can be brought to."""
    assert stuck.held_by(namespace(condition(type))) == [f"{type}: why {type}"]
    assert stuck.held_by(namespace(condition(type, "False"))) == []


def test_other_conditions_hold_nothing():
    assert stuck.held_by(namespace(condition("SomebodysOwn"))) == []
    assert stuck.held_by({"metadata": {"name": "n"}}) == []
