"""Run a playbook as Practicum does, on the rig's hosts, and look at what each task said."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ansible_runner

from .rig_host import LabHost

PLAYBOOKS = Path(__file__).parents[2] / "playbooks"


@dataclass(frozen=True)
class Outcome:
    """What a run did, host by host."""

    stats: dict[str, dict[str, int]]
    events: list[dict[str, Any]]
    output: str

    def changed(self, host: str) -> int:
        """How many tasks changed something."""
        return self.stats["changed"].get(host, 0)

    def failed(self) -> set[str]:
        """The hosts on which something failed, or that nobody could reach."""
        return {*self.stats["failures"], *self.stats["dark"]}

    def results(self, host: str) -> list[dict[str, Any]]:
        """What every task of a host returned."""
        return [event["res"] for event in self.events if event["host"] == host]

    def problems(self, host: str) -> dict[str, list[str]]:
        """What went wrong for single students."""
        found: dict[str, list[str]] = {}
        for result in self.results(host):
            for problem in result.get("lab_problems") or []:
                found.setdefault(problem["id"], []).append(problem["what"])
        return found

    def failure(self, host: str) -> str:
        """What the task said that failed."""
        failures = [event for event in self.events if event["host"] == host and event["failed"]]
        return failures[-1]["res"].get("msg", "") if failures else ""

    def changes(self, host: str) -> list[str]:
        """The names of the tasks that changed something."""
        return [
            event["task"]
            for event in self.events
            if event["host"] == host and event["res"].get("changed")
        ]


def group_vars(**changes: Any) -> dict[str, Any]:
    """What a cohort's hosts have in common, as the provisioner writes it."""
    return {
        "lab_cohort": "mls26", "lab_group": "lab-mls26", "lab_tools": [], "lab_limits": {},
        "lab_student_keys": "student", "lab_course_key": None, "lab_dotfiles": None,
        "lab_secrets": {}, "lab_students": [], **changes,
    }  # fmt: skip


def student(number: int, **changes: Any) -> dict[str, Any]:
    """A student as the provisioner lists them."""
    return {
        "id": f"2021{number:04}", "account": f"s2021{number:04}", "uid": 20000 + number,
        "state": "present", "ssh_keys": [], "recipient": None, "dotfiles": None,
        "ports": {"first": 20000 + 10 * number, "last": 20009 + 10 * number}, **changes,
    }  # fmt: skip


def play(
    playbook: str,
    hosts: list[LabHost],
    common: dict[str, Any],
    *,
    own: dict[str, dict[str, Any]] | None = None,
    user: str = "root",
    check: bool = False,
) -> Outcome:
    """Run a playbook over real SSH, with pinned host keys and nothing of our environment."""
    with tempfile.TemporaryDirectory() as folder:
        private = Path(folder)
        known = private / "known_hosts"
        known.write_text("".join(host.known_hosts() for host in hosts))
        lines = {
            host.name: {
                "ansible_host": host.address, "ansible_port": host.port, "ansible_user": user,
                "ansible_python_interpreter": "/usr/bin/python3",
                "ansible_ssh_private_key_file": str(host.identity),
                "ansible_ssh_common_args": f"-o UserKnownHostsFile={known} "
                "-o StrictHostKeyChecking=yes -o IdentitiesOnly=yes -o IdentityAgent=none",
                **(own or {}).get(host.name, {}),
            }
            for host in hosts
        }  # fmt: skip
        return run_play(private, playbook, lines, common, check=check)


def run_play(
    private: Path,
    playbook: str,
    lines: dict[str, dict[str, Any]],
    common: dict[str, Any],
    *,
    check: bool = False,
) -> Outcome:
    """Run a playbook with an inventory in a private folder."""
    inventory = {"labs": {"hosts": lines, "vars": common}}
    (private / "inventory").mkdir()
    (private / "inventory" / "hosts.json").write_text(json.dumps(inventory))
    events: list[dict[str, Any]] = []
    stats: dict[str, dict[str, int]] = {}

    def keep(event: dict[str, Any]) -> bool:
        if event["event"] == "playbook_on_stats":
            stats.update(event["event_data"])
        if event["event"] in {"runner_on_ok", "runner_on_failed", "runner_on_unreachable"}:
            data = event["event_data"]
            failed = event["event"] != "runner_on_ok" and not data.get("ignore_errors")
            res = data.get("res") or {}
            events.append(
                {"host": data["host"], "task": data["task"], "res": res, "failed": failed,
                 "action": data["task_action"]}
            )  # fmt: skip
        return False

    runner = ansible_runner.run(
        private_data_dir=str(private), playbook=str(PLAYBOOKS / playbook), quiet=True,
        cmdline="--check --diff" if check else None, event_handler=keep,
        envvars={
            # Beside the real playbooks they are found without being named.
            **({"ANSIBLE_LIBRARY": str(PLAYBOOKS / "library"),
                "ANSIBLE_MODULE_UTILS": str(PLAYBOOKS / "module_utils"),
                "ANSIBLE_ROLES_PATH": str(PLAYBOOKS / "roles")}
               if Path(playbook).is_absolute() else {}),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            # As Ansible's own, but that the loopback needs no compression of 50 MB programs.
            "ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=60s",
            "ANSIBLE_PIPELINING": "1", "ANSIBLE_HOME": str(private / "home"),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(private / "cp"), "HOME": os.environ["HOME"],
            "ANSIBLE_NOCOWS": "1", "ANSIBLE_HOST_KEY_CHECKING": "True",
        },
    )  # fmt: skip
    with runner.stdout as stdout:
        output = stdout.read()
    assert stats, output[-3000:]
    return Outcome(stats=stats, events=events, output=output)
