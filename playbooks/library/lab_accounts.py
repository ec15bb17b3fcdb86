"""Make the Unix accounts of all students of a cohort on a host, in one task.

An account is the student's when its comment says so, which they cannot change. Any other
one of that name is somebody else's and stays as it is. Nothing is half-made for long: each
step looks first, so that a second run goes on where the first one ended.
"""

from __future__ import annotations

import grp
import os
import pwd
import re
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.lab_process import end_processes, running
from ansible.module_utils.lab_public_key import usable_keys
from ansible.module_utils.lab_quota import mount_with_quotas
from ansible.module_utils.lab_rights import as_student
from ansible.module_utils.lab_student import (
    NoAccountError,
    Student,
    StudentProblemError,
    ensure_file,
    ensure_folder,
    find_account,
    for_each,
    own_account,
    owner_mark,
    run,
    shadow,
)

NO_LOGIN = "/usr/sbin/nologin"
EXPIRED = "1"
"""Days after 1970: long ago. An expired account is refused with any key and by cron."""
NO_PASSWORD = "*"
"""No password fits. Not ``!``, which sshd takes for a locked account where PAM is off."""
NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")


class Accounts:
    """The accounts of one cohort on this host."""

    def __init__(self, module: AnsibleModule) -> None:
        self.params: dict[str, Any] = module.params
        self.dry_run: bool = module.check_mode
        self.cohort: str = module.params["cohort"]
        self.names = Counter(student["account"] for student in module.params["students"])
        self.uids = Counter(student["uid"] for student in module.params["students"])

    def ensure_group(self) -> bool:
        """Make the group that all students of the cohort are in."""
        name = self.params["group"]
        if all(student["state"] == "dropped" for student in self.params["students"]) or any(
            group.gr_name == name for group in grp.getgrall()
        ):
            return False
        if not self.dry_run:
            # Of the system's numbers: one among the students' could be the next one's own.
            run("groupadd", "--system", name)
        return True

    def ensure(self, student: Student) -> dict[str, Any]:
        """Make one student's account as it should be, and say what that changed."""
        self._check(student)
        if student["state"] == "dropped":
            changes = self._shut(student) if find_account(student) else []
            return {"account": student["account"], "changes": changes, "problems": []}
        changes = self._account(student) + self._home(student)
        if student["state"] == "suspended":
            changes += self._shut(student)
        else:
            changes += self._open(student)
        keys, problems = usable_keys(student.get("ssh_keys") or [])
        changes += self._keys(student, keys)
        return {"account": student["account"], "changes": changes, "problems": problems}

    def _check(self, student: Student) -> None:
        if not NAME.fullmatch(student["account"]):
            raise StudentProblemError(f"{student['account']!r} is no name for an account")
        if self.names[student["account"]] > 1:
            raise StudentProblemError(
                f"{self.names[student['account']]} students have the account "
                f"{student['account']}; nothing was done for any of them"
            )
        if self.uids[student["uid"]] > 1:
            raise StudentProblemError(f"the uid {student['uid']} is another student's, too")
        if find_account(student) is not None:
            try:
                account = own_account(self.cohort, student)
            except NoAccountError as error:
                raise StudentProblemError(str(error)) from error
            if account.pw_uid != student["uid"]:
                raise StudentProblemError(
                    f"the account {account.pw_name} has the uid {account.pw_uid} on this host, "
                    f"not {student['uid']}; it was left alone"
                )

    def _account(self, student: Student) -> list[str]:
        if (account := find_account(student)) is not None:
            return self._mark(student, account) + self._groups(student)
        name, number = student["account"], str(student["uid"])
        if not self.dry_run:
            if name not in {group.gr_name for group in grp.getgrall()}:
                run("groupadd", "--gid", number, name)
            run(
                "useradd", "--uid", number, "--gid", number, "--no-create-home",
                "--home-dir", str(self._home_of(student)), "--shell", self.params["shell"],
                "--comment", owner_mark(self.cohort, student), "--password", NO_PASSWORD,
                "--groups", self.params["group"], name,
            )  # fmt: skip
        return ["account"]

    def _mark(self, student: Student, account: pwd.struct_passwd) -> list[str]:
        """Follow an id that was corrected; the account and what is in it stay."""
        mark = owner_mark(self.cohort, student)
        if account.pw_gecos.split(",")[0] == mark:
            return []
        if not self.dry_run:
            run("usermod", "--comment", mark, account.pw_name)
        return ["id"]

    def _groups(self, student: Student) -> list[str]:
        """Take an account out of every group that gives it more than its own rights."""
        name = student["account"]
        now = {group.gr_name for group in grp.getgrall() if name in group.gr_mem}
        if now == {self.params["group"]}:
            return []
        if not self.dry_run:
            run("usermod", "--groups", self.params["group"], name)
        return ["groups"]

    def _home_of(self, student: Student) -> Path:
        return Path(self.params["homes"]) / student["account"]

    def _home(self, student: Student) -> list[str]:
        """Make the home in one step, so that a full disk leaves no half of one."""
        home = self._home_of(student)
        if home.is_dir() and not home.is_symlink():
            return self._home_mode(student, home)
        if not self.dry_run:
            fresh = Path(tempfile.mkdtemp(dir=home.parent, prefix=".practicum-"))
            try:
                shutil.copytree(self.params["skeleton"], fresh, symlinks=True, dirs_exist_ok=True)
                fresh.chmod(0o700)
                # The folder last: once it is theirs, what is in it can be swapped for a link.
                for path in [*fresh.rglob("*"), fresh]:
                    os.chown(path, student["uid"], student["uid"], follow_symlinks=False)
                fresh.rename(home)
            except (OSError, shutil.Error):
                shutil.rmtree(fresh, ignore_errors=True)
                raise
        return ["home"]

    def _home_mode(self, student: Student, home: Path) -> list[str]:
        now = home.stat()
        if now.st_uid != student["uid"]:
            raise StudentProblemError(f"{home} belongs to somebody else; it was left alone")
        if now.st_mode & 0o7777 == 0o700:
            return []
        if not self.dry_run:
            home.chmod(0o700)
        return ["home"]

    def _open(self, student: Student) -> list[str]:
        """Let a student in: no expiry, a shell, no password."""
        password, expiry = shadow(student["account"])
        account = find_account(student)
        if account is None:
            return []
        wanted = (NO_PASSWORD, "", self.params["shell"])
        if (password, expiry, account.pw_shell) == wanted:
            return []
        if not self.dry_run:
            run(
                "usermod", "--password", NO_PASSWORD, "--expiredate", "",
                "--shell", self.params["shell"], account.pw_name,
            )  # fmt: skip
        return ["opened"]

    def _shut(self, student: Student) -> list[str]:
        """Keep a student out, and end what they left running."""
        account = find_account(student)
        if account is None:
            return []
        changes = []
        if (shadow(account.pw_name)[1], account.pw_shell) != (EXPIRED, NO_LOGIN):
            changes.append("shut")
            if not self.dry_run:
                run("usermod", "--expiredate", EXPIRED, "--shell", NO_LOGIN, account.pw_name)
        if running(account.pw_uid):
            changes.append("processes")
            if not self.dry_run:
                end_processes(account.pw_uid)
        return changes

    def _keys(self, student: Student, keys: list[str]) -> list[str]:
        """Make the authorized keys exactly the student's own; none while they are shut out."""
        account = find_account(student)
        if account is None:
            return ["keys"] if self.dry_run else []
        lines = keys if student["state"] == "present" else []
        content = "".join(f"{line}\n" for line in lines)

        def write() -> bool:
            made = ensure_folder(".ssh", 0o700, dry_run=self.dry_run)
            if made and self.dry_run:
                return True
            path = ".ssh/authorized_keys"
            return ensure_file(path, content, 0o600, once=False, dry_run=self.dry_run) or made

        return ["keys"] if as_student(account, write) else []


ARGUMENTS = {
    "cohort": {"type": "str", "required": True},
    "group": {"type": "str", "required": True},
    "students": {"type": "list", "elements": "dict", "required": True},
    "homes": {"type": "path", "default": "/home"},
    "shell": {"type": "path", "default": "/bin/bash"},
    "skeleton": {"type": "path", "default": "/etc/skel"},
}


def main() -> None:
    """Make the accounts, and hand back what was done for whom."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    accounts = Accounts(module)
    new_group = accounts.ensure_group()
    results, problems = for_each(module.params["students"], accounts.ensure)
    for student, result in results.items():
        problems += [{"id": student, "what": what} for what in result.pop("problems")]
    changed = [
        f"{one['account']}: {', '.join(one['changes'])}"
        for one in results.values()
        if one["changes"]
    ]
    module.exit_json(
        changed=bool(new_group or changed),
        accounts=results,
        # What bounds them next needs a package there.
        keeps_quotas=mount_with_quotas(module.params["homes"]) is not None,
        lab_problems=problems,
        diff={"before": "", "after": "".join(f"{line}\n" for line in changed)},
    )


if __name__ == "__main__":
    main()
