"""``infra/__main__.py`` is for people with the plain Pulumi command.

It cannot be run by the Pulumi command here, where there is no language host for Python; so
the file itself is run, and has to register the same as the program that Practicum runs.
"""

from __future__ import annotations

import runpy
from pathlib import Path

import pulumi
import pytest
import yaml

from infra.program import ClusterTarget, declare_stack
from provisioner import cohort as cohorts
from provisioner.cohort import records
from provisioner.manifest import GUARD, stack_name

from ..sample import ASSISTANT, record

ROOT = Path(__file__).parents[2]
TARGET = ClusterTarget(kubeconfig="/etc/practicum/kubeconfig", context="course")


@pytest.fixture
def project(tmp_path):
    """A checkout with a cohort of three students in two waves, one of whom left."""
    folder = tmp_path / "stacks" / "mls26"
    folder.mkdir(parents=True)
    document = {
        "course": "x",
        "term": {"starts": "2026-09-01", "ends": "2026-12-19"},
        "cluster": {"kubeconfig": "/elsewhere", "context": "other"},
        "assistants": [ASSISTANT],
        "environment": {"egress": "none", "quota": {"pods": 7}},
    }
    (folder / "cohort.yaml").write_text(yaml.safe_dump(document))
    known = [record("1"), record("2"), record("3", wave=2), record("4", dropped=True)]
    records.save(folder / "students.json", {one.id: one for one in known})
    return tmp_path


@pytest.fixture
def config():
    """What ``pulumi config set`` would have kept."""
    given = {"practicum:kubeconfig": TARGET.kubeconfig, "practicum:context": TARGET.context}
    pulumi.runtime.set_all_config(given)
    yield given
    pulumi.runtime.set_all_config({})


def plain():
    runpy.run_path(str(ROOT / "infra" / "__main__.py"), run_name="__main__")


@pytest.mark.parametrize("part", [GUARD, 1, 2])
def test_the_plain_command_registers_what_practicum_does(run, project, config, part):
    stack = stack_name("mls26", part)
    cohort = cohorts.load(project / "stacks", "mls26")
    known = records.load(project / "stacks" / "mls26" / "students.json")

    inline = run(lambda: declare_stack(stack, cohort, known.values(), TARGET), stack=stack)
    by_hand = run(plain, stack=stack, root=project)

    assert by_hand.registered == inline.registered
    assert by_hand.outputs == inline.outputs
    held = {GUARD: ["guard"], 1: ["s1", "s2"], 2: ["s3"]}[part]
    assert [item.name for item in by_hand.components] == held


@pytest.mark.parametrize("missing", ["kubeconfig", "context"])
def test_the_cluster_has_to_be_said(run, project, config, missing):
    """Else it would be whatever context is current."""
    pulumi.runtime.set_all_config({k: v for k, v in config.items() if not k.endswith(missing)})

    with pytest.raises(pulumi.ConfigMissingError, match=f"practicum:{missing}"):
        run(plain, stack="mls26.wave-01", root=project)


def test_the_project_file_leads_to_it():
    project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())

    assert (project["name"], project["main"]) == ("practicum", "infra/")
    assert (ROOT / project["main"] / "__main__.py").is_file()
