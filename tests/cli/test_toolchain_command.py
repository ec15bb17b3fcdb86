"""``practicum toolchain`` and ``practicum rehearsal``: what they print, and their exit codes."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from provisioner.cli import practicum
from provisioner.toolchain import ALL

ANSWERS = {
    "etcd": "etcd Version: 3.6.16",
    "kube-apiserver": "Kubernetes v1.34.9",
    "kube-controller-manager": "Kubernetes v1.34.9",
    "kube-scheduler": "Kubernetes v1.34.9",
    "kwok": "kwok version v0.7.0",
    "kubectl": '{"gitVersion": "v1.34.9"}',
    "pulumi": "v3.250.0",
}


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """Every tool but the provider on PATH, as scripts that say a fitting version."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, answer in ANSWERS.items():
        (folder / name).write_text(f"#!/bin/sh\necho '{answer}'\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


def run(*arguments: str) -> Result:
    return CliRunner().invoke(practicum, list(arguments))


def test_json_names_every_tool_with_version_path_and_origin(tools):
    result = run("toolchain", "--check", "--json")

    listed = json.loads(result.stdout)["tools"]
    assert [tool["name"] for tool in listed] == list(ALL)
    assert listed[0] == {
        "name": "etcd",
        "version": "3.6.16",
        "path": str(tools / "etcd"),
        "from": "path",
    }


def test_check_names_what_is_missing_and_exits_with_4(tools):
    result = run("toolchain", "--check")

    assert result.exit_code == 4
    assert "Missing: pulumi-resource-kubernetes." in result.stderr
    assert "Build them with: practicum toolchain" in result.stderr


def test_the_table_has_a_line_a_tool(tools):
    lines = run("toolchain", "--check").stdout.splitlines()

    assert lines[0].split() == ["NAME", "VERSION", "FROM", "PATH"]
    assert lines[1].split() == ["etcd", "3.6.16", "path", str(tools / "etcd")]
    assert lines[7].split() == ["pulumi-resource-kubernetes", "-", "missing"]


@pytest.mark.parametrize("command", [("status",), ("down",)])
def test_a_rehearsal_that_is_not_there_is_no_error(tmp_path, command):
    result = run("--home", str(tmp_path / "home"), "rehearsal", *command)

    assert result.exit_code == 0
    assert "There is no rehearsal." in result.stdout
    assert not (tmp_path / "home").exists()


def test_status_json_has_the_keys_of_the_contract(tmp_path):
    result = run("--home", str(tmp_path), "rehearsal", "status", "--json")

    assert json.loads(result.stdout) == {
        "running": False,
        "kubeconfig": None,
        "server": None,
        "version": None,
        "processes": [],
        "note": "Pods are simulated: they never run a container.",
    }


@pytest.mark.parametrize(
    "command",
    [("toolchain",), ("rehearsal",), *(("rehearsal", verb) for verb in ("up", "status", "down"))],
)
def test_every_command_has_help_with_examples(command):
    result = run(*command, "--help")

    assert result.exit_code == 0
    assert "Examples:" in result.stdout
