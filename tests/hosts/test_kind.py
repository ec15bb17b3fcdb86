"""The pinned kind, which takes a minute to build where nobody has built it yet."""

import pytest

from .play import group_vars, play

pytestmark = [pytest.mark.hosts, pytest.mark.soak]


def test_kind_is_the_pinned_one(new_host):
    host = new_host("kind")
    outcome = play("prepare-hosts.yml", [host], group_vars(lab_tools=["kind"]))

    assert outcome.failed() == set(), outcome.output[-2000:]
    assert "v0.30.0" in host.shell("kind version")
