"""Say what is on a host for a cohort, from the host alone, and change nothing."""

from __future__ import annotations

import json
import pwd
import shutil
import subprocess
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.lab_process import running

PROGRAMS = (
    "age", "gpg", "sops", "pass", "passage", "dotdrop", "containerd", "dockerd", "kubectl", "kind",
    "gitolite",
)  # fmt: skip
SERVICES = ("ssh", "containerd", "docker")


def accounts(cohort: str) -> list[dict[str, Any]]:
    """List the accounts that bear the cohort's mark."""
    found = []
    expiry = {
        fields[0]: fields[7]
        for fields in (line.split(":") for line in Path("/etc/shadow").read_text().splitlines())
    }
    for entry in pwd.getpwall():
        words = entry.pw_gecos.split(",")[0].split(" ")
        if words[:2] != ["practicum", cohort] or len(words) != 3:
            continue
        found.append({
            "id": words[2], "account": entry.pw_name, "uid": entry.pw_uid,
            "state": "shut" if expiry.get(entry.pw_name) else "open",
            "processes": len(running(entry.pw_uid)),
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


def main() -> None:
    """Look, and hand back what there is."""
    module = AnsibleModule(
        argument_spec={"cohort": {"type": "str", "required": True}}, supports_check_mode=True
    )
    cohort = module.params["cohort"]
    module.exit_json(
        changed=False,
        accounts=accounts(cohort),
        programs=[name for name in PROGRAMS if shutil.which(name)],
        services={name: service_state(name) for name in SERVICES},
        record=record(cohort),
    )


if __name__ == "__main__":
    main()
