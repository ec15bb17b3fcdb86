"""Nodes that are awaited: in which words, how often, and what becomes of those that never come."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from provisioner.errors import ToolError
from provisioner.kind import nodes
from provisioner.kind.cluster import Clusters
from provisioner.kind.docker import Engine
from provisioner.kind.found import COMPLETE
from provisioner.kind.wanted import Wanted

WANTED = Wanted(name="a", cohort="c", student="s", image="node:1")
WAIT = "wait nodes --all"


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Have a docker and a kind that write down what they were told, and end as a script says."""
    told = tmp_path / "told"
    told.touch()

    def program(name: str, script: str = ""):
        path = tmp_path / name
        path.write_text(f'#!/bin/sh\necho "{name} $@" >> {told}\n{script}\n')
        path.chmod(0o755)
        return path

    program.told = lambda: told.read_text().splitlines()
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return program


def clusters(programs) -> Clusters:
    return Clusters(engine=Engine(), kind=programs("kind"), say=lambda _: None)


def place(told: list[str], part: str) -> int:
    return next(number for number, line in enumerate(told) if part in line)


def test_a_cluster_is_whole_once_its_nodes_are_ready_and_is_asked_once(programs):
    programs("docker")

    clusters(programs)._make(WANTED, 2)

    told = programs.told()
    assert "--wait" not in told[place(told, "kind create cluster")]
    assert sum(WAIT in line for line in told) == 1
    assert (
        place(told, "kind create")
        < place(told, f"docker exec a-control-plane {' '.join(nodes.KUBECTL)} {WAIT}")
        < place(told, f"docker exec a-control-plane touch {COMPLETE}")
    )
    [limit] = re.findall(r"--timeout=(\d+)s", told[place(told, WAIT)])
    assert 0 < int(limit) == nodes.READY


def test_a_cluster_whose_nodes_never_come_is_none_and_nothing_of_it_stays(programs):
    why = "error: timed out waiting for the condition on nodes/a-control-plane"
    programs("docker", f"""case "$*" in *"{WAIT}"*) echo '{why}' >&2; exit 1;; esac""")

    with pytest.raises(ToolError, match="The nodes of the cluster a did not come up"):
        clusters(programs)._make_or_clear(WANTED, 2)

    told = programs.told()
    assert not any(COMPLETE in line for line in told)
    assert place(told, "kind delete cluster --name a") > place(told, WAIT)


AT_THE_THIRD = """n=$(grep -c "^NAME " "$(dirname "$0")/told"); echo no >&2; [ "$n" -ge 3 ]"""


@pytest.mark.parametrize("name", ["curl", "kubectl"])
def test_a_cluster_that_wakes_is_asked_until_it_answers_without_kubectl_where_it_can(
    programs, tmp_path, name
):
    for tool in ("bash", "sleep", "grep", "dirname"):
        (tmp_path / tool).symlink_to(f"/usr/bin/{tool}")
    programs(name, AT_THE_THIRD.replace("NAME", name))

    command = [tmp_path / "bash", "-c", nodes.UNTIL_READY]
    subprocess.run(command, check=True, timeout=60, env={**os.environ, "PATH": str(tmp_path)})

    asked = programs.told()
    assert len(asked) == 3
    assert all(line.startswith(name) and line.endswith("/readyz") for line in asked)
