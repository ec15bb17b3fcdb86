"""What a run holds on hosts, it lets go of: with the real Ansible, on this very machine."""

from __future__ import annotations

import os
import signal
import sys
from types import SimpleNamespace

import pytest

from provisioner.errors import Interrupted, MissingToolError
from provisioner.lifecycle.hosts import claim as host_claim
from provisioner.lifecycle.hosts import inventory as host_inventory
from provisioner.lifecycle.hosts import run as hosts_run
from provisioner.lifecycle.hosts.run import Wishes
from provisioner.lifecycle.progress import Silent
from provisioner.settings import Settings

LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
HEAD = "- hosts: labs\n  gather_facts: false\n  tasks:\n"
CLAIM = "  - {name: Claim, ansible.builtin.command: 'true', changed_when: false}\n"
HANG = "  - {name: Hang, ansible.builtin.command: sleep 60, changed_when: false}\n"
LOST = """\
  - name: Lose it
    ansible.builtin.command: "true"
    changed_when: false
    vars: {ansible_connection: ssh, ansible_host: 127.0.0.1, ansible_port: 1}
"""
FAIL = "  - {name: Refuse, ansible.builtin.fail: {msg: full}}\n"


class InterruptedAt(Silent):
    """Presses Ctrl-C when a task begins."""

    def doing(self, who: str, what: str) -> None:
        if what == "Hang":
            os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def follow(tmp_path, monkeypatch):
    """Run some tasks on a host; what releases it writes a file."""
    released = tmp_path / "released"
    (tmp_path / "release-hosts.yml").write_text(
        f"{HEAD}  - ansible.builtin.file: {{path: {released}, state: touch}}\n"
    )
    monkeypatch.setattr(host_inventory, "variables", lambda *_, **__: LOCAL)

    def file(name):
        path = tmp_path / f"{name}.yml"
        if not path.exists():
            raise MissingToolError(f"The playbook {name} is not there.")
        return path

    monkeypatch.setattr(hosts_run.playbook, "playbook_file", file)
    labs = SimpleNamespace(cohort=SimpleNamespace(name="course"))
    settings = Settings(stacks=tmp_path / "stacks", home=tmp_path / "home")

    def follow(tasks, progress=None):
        (tmp_path / "prepare.yml").write_text(HEAD + tasks)
        wishes, host = Wishes(playbook="prepare", what="Preparing"), SimpleNamespace(name="lab1")
        return hosts_run._follow(settings, labs, None, [host], wishes, progress or Silent())

    follow.released = released
    return follow


def test_ctrl_c_lets_go_of_the_hosts_and_is_still_told(follow):
    with pytest.raises(Interrupted) as caught:
        follow(CLAIM + HANG, InterruptedAt())

    assert caught.value.exit_code == 130
    assert follow.released.exists()


def test_a_host_that_was_lost_on_the_way_is_tried_again(follow):
    found = follow(CLAIM + LOST)

    assert found["lab1"].state == "unreachable"
    assert follow.released.exists()


CHECK = "  - {name: Check, ansible.builtin.assert: {that: true}}\n"


@pytest.mark.parametrize("tasks", [CLAIM, LOST, CHECK + LOST])
def test_where_nothing_is_held_nothing_is_released(follow, tasks):
    follow(tasks)

    assert not follow.released.exists()


def test_what_cannot_be_released_costs_no_result(follow, tmp_path):
    (tmp_path / f"{host_claim.RELEASE}.yml").unlink()

    assert follow(CLAIM + FAIL)["lab1"].why == "Refuse: full"
