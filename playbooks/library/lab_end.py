"""Remove what was a cohort's on a host, once nobody of it has an account there, in one task."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import subprocess
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.lab_student import explain, marked_id, run

PATHS = (
    "/etc/security/limits.d/practicum-{cohort}.conf",
    "/var/lib/practicum/archives/{cohort}",
    "/etc/practicum/{cohort}",
    "/srv/practicum/{cohort}",
    "/var/lib/practicum/{cohort}.json",
)


def has_accounts(cohort: str) -> bool:
    """Say whether somebody is still there, so that the rest must stay."""
    return any(marked_id(cohort, account) is not None for account in pwd.getpwall())


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


ARGUMENTS = {
    "cohort": {"type": "str", "required": True},
    "group": {"type": "str", "required": True},
}


def main() -> None:
    """Remove it, and name what was there."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    cohort, group = module.params["cohort"], module.params["group"]
    if has_accounts(cohort):
        module.exit_json(changed=False)
    paths = [path for path in map(Path, (one.format(cohort=cohort) for one in PATHS))
             if os.path.lexists(path)]  # fmt: skip
    has_group = any(entry.gr_name == group for entry in grp.getgrall())
    try:
        for path in paths if not module.check_mode else ():
            remove(path)
        if has_group and not module.check_mode:
            run("groupdel", group)
    except (OSError, subprocess.SubprocessError) as error:
        module.fail_json(msg=f"the end: {explain(error)}")
    gone = [*map(str, paths), *([f"group {group}"] if has_group else [])]
    diff = {"before": "".join(f"{one}\n" for one in gone), "after": ""}
    module.exit_json(changed=bool(gone), diff=diff)


if __name__ == "__main__":
    main()
