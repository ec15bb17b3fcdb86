"""Say what is on a host for a cohort, from the host alone, and change nothing."""

from __future__ import annotations

import grp
import json
import os
import pwd
import shutil
import subprocess
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.lab_process import owners
from ansible.module_utils.lab_quota import why_none
from ansible.module_utils.lab_student import marked_id

PROGRAMS = (
    "age", "gpg", "sops", "pass", "passage", "dotdrop", "containerd", "dockerd", "kubectl", "kind",
    "gitolite",
)  # fmt: skip
SERVICES = ("ssh", "containerd", "docker")


def accounts(cohort: str) -> list[dict[str, Any]]:
    """List the accounts that bear the cohort's mark."""
    found, processes = [], owners()
    expiry = {
        fields[0]: fields[7]
        for fields in (line.split(":") for line in Path("/etc/shadow").read_text().splitlines())
    }
    for entry in pwd.getpwall():
        if (id := marked_id(cohort, entry)) is None:
            continue
        found.append({
            "id": id, "account": entry.pw_name, "uid": entry.pw_uid,
            "state": "shut" if expiry.get(entry.pw_name) else "open",
            "processes": processes[entry.pw_uid],
        })  # fmt: skip
    return found


def service_state(name: str) -> str:
    """Say in systemd's word how a service is; ``absent`` where there is none."""
    try:
        asked = subprocess.run(
            ["systemctl", "is-active", name], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return "unknown"
    return asked.stdout.strip() or "unknown"


def record(cohort: str) -> object:
    """Read what the last run wrote down; None when there was none, or it cannot be read."""
    try:
        return json.loads(Path(f"/var/lib/practicum/{cohort}.json").read_text())
    except (OSError, ValueError):
        return None


def leftovers(cohort: str, group: str | None, mine: list[dict[str, Any]]) -> list[str]:
    """Name everything on the host that is the cohort's, one line a thing."""
    paths = [
        f"/etc/practicum/{cohort}", f"/srv/practicum/{cohort}", f"/var/lib/practicum/{cohort}.json",
        f"/var/lib/practicum/{cohort}.claim", f"/var/lib/practicum/archives/{cohort}", f"/etc/security/limits.d/practicum-{cohort}.conf",
        f"/etc/ssh/sshd_config.d/11-practicum-{cohort}.conf",
        f"/var/lib/gitolite3/.gitolite/conf/practicum/{cohort}.conf",
        f"/var/lib/gitolite3/.gitolite/keydir/practicum-{cohort}",
        f"/var/lib/gitolite3/repositories/{cohort}",
    ]  # fmt: skip
    found = [f"account {entry['account']}" for entry in mine]
    found += [f"processes of {entry['account']}" for entry in mine if entry["processes"]]
    found += [path for path in paths if os.path.lexists(path)]
    if group and any(entry.gr_name == group for entry in grp.getgrall()):
        found.append(f"group {group}")
    return found + forgotten(cohort)


def forgotten(cohort: str) -> list[str]:
    """Name what is left of accounts that the last record knows and that are gone."""
    known = (record(cohort) or {}).get("students") or []
    names = {entry.pw_name for entry in pwd.getpwall()}
    found = []
    for student in known:
        if student["account"] in names:
            continue
        paths = (
            f"/home/{student['account']}", f"/var/mail/{student['account']}",
            f"/var/spool/cron/crontabs/{student['account']}",
            f"/etc/systemd/system/user-{student['uid']}.slice.d",
        )  # fmt: skip
        found += [path for path in paths if os.path.lexists(path)]
    return found


def distribution() -> str:
    """Name what the host runs, such as ``Debian 12``."""
    lines = Path("/etc/os-release").read_text().splitlines()
    facts = {key: value.strip('"') for key, _, value in (line.partition("=") for line in lines)}
    return f"{facts.get('ID', 'unknown').capitalize()} {facts.get('VERSION_ID', '')}".strip()


ARGUMENTS = {
    "cohort": {"type": "str", "required": True},
    "group": {"type": "str"},
    "homes": {"type": "path", "default": "/home"},
}


def main() -> None:
    """Look, and hand back what there is."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    cohort = module.params["cohort"]
    mine = accounts(cohort)
    module.exit_json(
        changed=False,
        distribution=distribution(),
        no_quota=why_none(module.params["homes"]),
        leftovers=leftovers(cohort, module.params["group"], mine),
        accounts=mine,
        programs=[name for name in PROGRAMS if shutil.which(name)],
        services={name: service_state(name) for name in SERVICES},
        record=record(cohort),
    )


if __name__ == "__main__":
    main()
