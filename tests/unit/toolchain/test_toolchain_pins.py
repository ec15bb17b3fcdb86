"""Pins: what is in their digest, and which versions they accept."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from provisioner.toolchain import cache
from provisioner.toolchain.pins import PINS
from provisioner.toolchain.versions import find_version

TOOLS = Path(__file__).parents[3] / "tools"


@pytest.mark.parametrize(
    ("name", "version", "fits"),
    [
        ("pulumi", "3.250.0", True),
        ("pulumi", "3.311.2", True),
        ("pulumi", "3.249.9", False),
        ("pulumi", "4.0.0", False),
        ("pulumi", "3.251.0-alpha.xabc", False),
        ("pulumi", "3.250.0-dev", False),
        ("pulumi-resource-kubernetes", "4.25.3", True),
        ("pulumi-resource-kubernetes", "4.24.0", False),
        ("pulumi-resource-kubernetes", "4.26.0", False),
        ("kube-apiserver", "1.34.0", True),
        ("kube-apiserver", "1.34.9-gke.100", True),
        ("kube-apiserver", "1.33.9", False),
        ("kube-apiserver", "1.35.0", False),
        ("kubectl", "1.33.0", True),
        ("kubectl", "1.35.9", True),
        ("kubectl", "1.32.4-dispatcher", False),
        ("kubectl", "1.36.0", False),
        ("etcd", "3.6.1", True),
        ("etcd", "3.5.21", False),
        ("kwok", "0.7.0", True),
        ("kwok", "0.6.1", False),
    ],
)
def test_a_pin_accepts_the_versions_that_work(name, version, fits):
    assert PINS[name].accepts.holds(version) is fits


@pytest.mark.parametrize(
    ("printed", "version"),
    [
        ("etcd Version: 3.6.16\nGit SHA: abc\nGo Version: go1.26.8\n", "3.6.16"),
        ("Kubernetes v1.34.9\n", "1.34.9"),
        ("kwok version v0.7.0 go1.26.8 (linux/amd64)", "0.7.0"),
        ("v3.250.0\n", "3.250.0"),
        (
            '{"clientVersion": {"major": "1", "gitVersion": "v1.32.4-dispatcher"}}',
            "1.32.4-dispatcher",
        ),
        ("go version go1.26.8 linux/amd64", "1.26.8"),
        ("go version go1.27 linux/amd64", "1.27"),
        ("usage: etcd [flags]", None),
        ("", None),
    ],
)
def test_the_version_is_found_in_what_a_program_prints(printed, version):
    assert find_version(printed) == version


def test_every_pin_accepts_what_it_builds():
    for pin in PINS.values():
        assert pin.accepts.holds(pin.version)
        assert not pin.module or (TOOLS / pin.module / "go.sum").is_file()


@pytest.mark.parametrize("changed", ["go.mod", "go.sum", "main.go"])
def test_the_digest_changes_with_every_file_of_the_module(tmp_path, changed):
    pin = PINS["pulumi-resource-kubernetes"]
    shutil.copytree(TOOLS / pin.module, tmp_path / pin.module)
    before = cache.digest(pin, tmp_path)

    with (tmp_path / pin.module / changed).open("a") as file:
        file.write("\n// another line\n")

    assert before == cache.digest(pin, TOOLS)
    assert cache.digest(pin, tmp_path) != before


@pytest.mark.parametrize("change", [{"package": "other"}, {"ldflags": ()}, {"version": "1.34.8"}])
def test_the_digest_changes_with_what_is_built_and_how(change):
    pin = PINS["kube-apiserver"]

    assert cache.digest(replace(pin, **change), TOOLS) != cache.digest(pin, TOOLS)


def test_programs_of_one_module_have_digests_of_their_own():
    built = [pin for pin in PINS.values() if pin.module]

    assert len({cache.digest(pin, TOOLS) for pin in built}) == len(built)
