"""Remove the accounts of students who left, whose archives are safe elsewhere, in one task."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.lab_mounts import refuse_mounts
from ansible.module_utils.lab_process import end_processes
from ansible.module_utils.lab_student import (
    Student,
    StudentProblemError,
    for_each,
    own_account,
    run,
)

PUBLIC_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm", "/var/spool/cron/atjobs")
"""Where anybody may leave something outside a home, or a program does so for them."""


def remove(cohort: str, student: Student) -> None:
    """Remove one account; the name goes last, so that a second run finds the rest."""
    account = own_account(cohort, student)
    end_processes(account.pw_uid)
    home = Path(account.pw_dir)
    refuse_mounts(home, account.pw_uid)
    if home.is_dir() and not home.is_symlink():
        shutil.rmtree(home)
    for folder in PUBLIC_FOLDERS:
        remove_left(Path(folder), account.pw_uid)
    for path in (f"/var/mail/{account.pw_name}", f"/var/spool/cron/crontabs/{account.pw_name}"):
        Path(path).unlink(missing_ok=True)
    shutil.rmtree(f"/etc/systemd/system/user-{account.pw_uid}.slice.d", ignore_errors=True)
    run("userdel", account.pw_name)


def remove_left(folder: Path, uid: int) -> None:
    """Remove what a user left at the top of a folder that is everybody's."""
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        try:
            theirs = path.lstat().st_uid == uid
        except OSError:  # somebody else's FUSE file system, which lets nobody look
            continue
        if not theirs:
            continue
        if path.is_dir() and not path.is_symlink():
            refuse_mounts(path)
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def checksums(looks: list[dict[str, Any]]) -> dict[str, str]:
    """Read from what was found on the operator's machine the sha256 of each archive, by its student.

    >>> checksums([{"item": {"id": "1"}, "stat": {"checksum": "ab"}}, {"item": {"id": "2"}, "stat": {}}])
    {'1': 'ab'}
    """
    seen = {look["item"]["id"]: look.get("stat", {}).get("checksum") for look in looks}
    return {student: checksum for student, checksum in seen.items() if checksum}


ARGUMENTS = {
    "cohort": {"type": "str", "required": True},
    "archives": {"type": "list", "elements": "dict", "required": True},
    "arrived": {"type": "list", "elements": "dict", "required": True},
}


def main() -> None:
    """Remove those whose archive arrived whole; keep the others and say so."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    arrived = checksums(module.params["arrived"])

    def leave(archive: Student) -> str:
        is_here = arrived.get(archive["id"]) == archive["sha256"]
        if archive["sha256"] and not is_here and not module.check_mode:
            raise StudentProblemError("the archive did not arrive whole; the account was kept")
        if not module.check_mode:
            remove(module.params["cohort"], archive)
            if os.path.lexists(archive["path"]):
                Path(archive["path"]).unlink()
        return archive["account"]

    results, problems = for_each(module.params["archives"], leave)
    module.exit_json(
        changed=bool(results),
        removed=sorted(results),
        lab_problems=problems,
        diff={"before": "".join(f"{name}\n" for name in results.values()), "after": ""},
    )


if __name__ == "__main__":
    main()
