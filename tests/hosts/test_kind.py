"""A host for kind clusters: the pinned kind, which takes a minute to build, and the host's Docker."""

import pytest

from .play import group_vars, play

pytestmark = [pytest.mark.hosts, pytest.mark.soak, pytest.mark.timeout(900)]


def test_a_host_with_docker_and_kind_is_ready_for_clusters_and_a_second_run_changes_nothing(
    new_host,
):
    host = new_host("kind")
    common = group_vars(lab_tools=["docker", "kind"])

    first = play("prepare-hosts.yml", [host], common)
    second = play("prepare-hosts.yml", [host], common)

    assert first.failed() == set(), first.output[-2000:]
    assert second.changes("kind") == []
    assert "v0.30.0" in host.shell("kind version")
    assert host.shell("systemctl is-active docker; docker ps --quiet") == "active\n"
