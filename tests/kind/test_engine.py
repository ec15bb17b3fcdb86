"""Whose machine an engine is on, as docker's own settings say."""

from __future__ import annotations

import subprocess

import pytest

from provisioner.kind import docker

pytestmark = pytest.mark.kind


@pytest.mark.parametrize(
    ("endpoint", "remote"),
    [("ssh://ops@lab1.example.org", True), ("unix:///run/other.sock", False)],
)
def test_the_engine_of_another_machine_is_known_by_dockers_context(
    engine, tmp_path, monkeypatch, endpoint, remote
):
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    docker._of_context.cache_clear()
    for command in (("create", "lab", "--docker", f"host={endpoint}"), ("use", "lab")):
        subprocess.run(["docker", "context", *command], check=True, capture_output=True)
    try:
        assert docker.Engine().is_remote is remote
        assert not docker.Engine("unix:///run/docker.sock").is_remote
    finally:
        docker._of_context.cache_clear()
