"""Say what keeps a host from being prepared, before anything on it is touched.

And what roles ask of it: which packages it has, for a role whose packages are there does not
ask the package manager, which takes a second to say that nothing is to be done; what machine it
is, and whether systemd runs it, by the names that Ansible has for them.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import shutil
import subprocess
import time
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

LOCKS = ("/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock", "/var/lib/apt/lists/lock",
         "/var/cache/apt/archives/lock")  # fmt: skip


def locked() -> str | None:
    """Find a lock of the package manager that somebody holds."""
    for path in LOCKS:
        try:
            with Path(path).open("r+b") as file:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            continue
        except OSError:
            return path
    return None


def lock_mistake(seconds: int) -> str | None:
    """Wait for the package manager to be free, at most some seconds."""
    deadline = time.monotonic() + seconds
    while path := locked():
        if time.monotonic() > deadline:
            return (
                f"another program holds the lock of the package manager ({path}) for more than "
                f"{seconds} s; wait for it to end, then run this again"
            )
        time.sleep(0.2)
    return None


def packages_mistake() -> str | None:
    """Say whether an earlier installation was cut off."""
    audit = subprocess.run(["dpkg", "--audit"], capture_output=True, text=True, check=False)
    if audit.stdout.strip():
        return "an installation of packages was cut off; mend it with: dpkg --configure -a"
    return None


def looking_mistake() -> str | None:
    """Say whether Ansible could not look ahead at packages, as it can after a first run."""
    if importlib.util.find_spec("apt") is None:
        return (
            "it lacks the package python3-apt, without which nobody can tell what a run would "
            "install; a run without --check brings it"
        )
    return None


def space_mistakes(folders: list[str], least: int) -> list[str]:
    """Name the folders on a disk that is full, or nearly so."""
    found = []
    for folder in folders:
        if not Path(folder).is_dir():
            continue
        status = os.statvfs(folder)
        free = shutil.disk_usage(folder).free >> 20
        if free < least:
            found.append(f"{folder} has {free} MiB left, and {least} MiB are needed")
        elif status.f_files and not status.f_favail:
            found.append(f"{folder} has room for no further file")
    return found


def installed(listed: str) -> list[str]:
    """Read what dpkg says of each package that it knows.

    >>> installed("age ii \\nless rc \\nlibc6 ii \\nlibc6 ii \\n")
    ['age', 'libc6']
    """
    lines = (line.split() for line in listed.splitlines())
    return sorted({name for name, state in lines if state == "ii"})


def packages() -> list[str]:
    """List the packages that are there; none where dpkg does not say, so that all are asked for."""
    asked = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Abbrev}\\n"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return installed(asked.stdout) if asked.returncode == 0 else []


def about() -> dict[str, str]:
    """Say the two facts that roles use; to gather all that Ansible could takes longer than a role."""
    has_systemd = Path("/run/systemd/system").is_dir()
    return {
        "ansible_machine": os.uname().machine,
        "ansible_service_mgr": "systemd" if has_systemd else "other",
    }


ARGUMENTS = {
    "folders": {"type": "list", "elements": "path", "required": True},
    "least_mib": {"type": "int", "required": True},
    "lock_seconds": {"type": "int", "required": True},
}


def main() -> None:
    """Look at everything, and name all that is wrong in one line."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    mistakes = [
        *space_mistakes(module.params["folders"], module.params["least_mib"]),
        lock_mistake(module.params["lock_seconds"]) or packages_mistake(),
        looking_mistake() if module.check_mode else None,
    ]
    found = [mistake for mistake in mistakes if mistake]
    if found:
        module.fail_json(msg="; ".join(found))
    module.exit_json(changed=False, ansible_facts={"lab_packages": packages(), **about()})


if __name__ == "__main__":
    main()
