"""Give each student and each group of a cohort one repository on a host's gitolite.

The rules and keys are written where gitolite keeps them, and compiled there: nobody has to
push to an administration repository, so nobody has its key.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.lab_public_key import usable_keys
from ansible.module_utils.lab_student import NoAccountError, explain, own_account, run, write_whole

MAIN = """\
# gitolite fails where there is no rule at all. This one is for no repository.
repo practicum-nobody/[0]
    - = @all

include "practicum/*.conf"
"""


ACCOUNT = re.compile(r"[a-z][a-z0-9_-]{0,31}")
GROUP = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
"""What may stand in a rule: a space would begin another member, an ``@`` a group of gitolite's."""


def odd_names(students: list[dict[str, Any]], groups: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Tell of those whose name gitolite would read as more than a name."""
    strange = [
        {"id": student["id"], "what": "git: the account's name is none of gitolite's"}
        for student in students if not ACCOUNT.fullmatch(student["account"])
    ]  # fmt: skip
    return strange + [
        {"id": "", "what": f"git: the group {group['id']!r} has a name that is none of gitolite's"}
        for group in groups if not GROUP.fullmatch(str(group["id"]))
    ]  # fmt: skip


def rules(cohort: str, students: list[dict[str, Any]], groups: list[dict[str, Any]]) -> str:
    """Write who may do what: force is nobody's, for history is what is marked."""
    accounts = {
        student["id"]: student["account"]
        for student in students if ACCOUNT.fullmatch(student["account"])
    }  # fmt: skip
    owners = {account: [account] for account in accounts.values()}
    for group in groups:
        if not GROUP.fullmatch(str(group["id"])):
            continue
        members = [accounts[student] for student in group["students"] if student in accounts]
        if members:
            owners[f"group-{group['id']}"] = members
    lines = ["# Written by Practicum; the next run writes it anew.\n"]
    for name, members in sorted(owners.items()):
        lines.append(f"repo {cohort}/{name}\n    RW = {' '.join(sorted(members))}\n")
    return "\n".join(lines)


def keys(
    cohort: str, students: list[dict[str, Any]]
) -> tuple[dict[str, str], list[dict[str, str]]]:
    """Name the key files of all who are present; one folder a key, as gitolite wants it."""
    files, problems = {}, []
    for student in students:
        if not ACCOUNT.fullmatch(student["account"]):
            continue
        usable, wrong = usable_keys(student.get("ssh_keys") or [])
        problems += [{"id": student["id"], "what": f"git: {what}"} for what in wrong]
        for position, line in enumerate(usable, start=1):
            files[f"practicum-{cohort}/{position}/{student['account']}.pub"] = f"{line}\n"
    return files, problems


def has_account(cohort: str, student: dict[str, Any]) -> bool:
    """Say whether a name on this host is the student's own, so that a repository may bear it."""
    try:
        own_account(cohort, student)
    except NoAccountError:
        return False
    return True


class Gitolite:
    """The files of one gitolite."""

    def __init__(self, module: AnsibleModule) -> None:
        self.user = pwd.getpwnam(module.params["user"])
        self.root = Path(self.user.pw_dir) / ".gitolite"
        self.unfinished = self.root / "practicum-unfinished"
        """Stands as long as files differ from what gitolite has taken in."""
        self.dry_run: bool = module.check_mode
        self.changes: list[str] = []

    def setup(self) -> None:
        """Make gitolite's own folders, once."""
        if not (self.root / "conf" / "gitolite.conf").exists():
            self.changes.append("gitolite")
            if not self.dry_run:
                self._as_user("gitolite", "setup", "--admin", "practicum-nobody")

    def write(self, path: Path, content: str) -> None:
        """Make one file of gitolite's as it should be."""
        if path.exists() and path.read_text() == content:
            return
        self.changes.append(path.name)
        if not self.dry_run:
            self.unfinished.touch()
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, content, 0o600)
            for part in (path, *path.parents):
                if part == self.root:
                    break
                os.chown(part, self.user.pw_uid, self.user.pw_gid)

    def remove(self, path: Path) -> None:
        """Remove one file or folder of gitolite's, if it is there."""
        if not path.exists():
            return
        self.changes.append(f"{path.name} (removed)")
        if not self.dry_run:
            self.unfinished.touch()
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def write_keys(self, cohort: str, wanted: dict[str, str]) -> None:
        """Make the keys of a cohort exactly those."""
        folder = self.root / "keydir"
        for name, content in wanted.items():
            self.write(folder / name, content)
        for path in (folder / f"practicum-{cohort}").rglob("*.pub"):
            if str(path.relative_to(folder)) not in wanted:
                self.remove(path)

    def compile(self) -> None:
        """Let gitolite take in what changed, also what a run before could not have taken in."""
        if self.unfinished.exists() and not self.dry_run:
            self.changes.append("compiled")
            self._as_user("gitolite", "compile")
            self._as_user("gitolite", "trigger", "POST_COMPILE")
            self.unfinished.unlink()

    def _as_user(self, *command: str) -> None:
        run(
            "setpriv", f"--reuid={self.user.pw_uid}", f"--regid={self.user.pw_gid}",
            "--init-groups", *command, cwd=self.user.pw_dir,
            env={"PATH": "/usr/bin:/bin", "HOME": self.user.pw_dir, "USER": self.user.pw_name,
                 "LC_ALL": "C.UTF-8"},
        )  # fmt: skip


def apply(gitolite: Gitolite, params: dict[str, Any]) -> list[dict[str, str]]:
    """Make rules and keys of a cohort as they should be; return what was left out."""
    cohort, conf = params["cohort"], gitolite.root / "conf"
    if not params["present"]:
        if (conf / "practicum").is_dir():
            gitolite.write(conf / "gitolite.conf", MAIN)
        gitolite.remove(conf / "practicum" / f"{cohort}.conf")
        gitolite.remove(gitolite.root / "keydir" / f"practicum-{cohort}")
        gitolite.compile()
        return []
    staying = [
        student for student in params["students"]
        if student["state"] != "dropped" and has_account(cohort, student)
    ]  # fmt: skip
    files, problems = keys(cohort, [one for one in staying if one["state"] == "present"])
    gitolite.setup()
    gitolite.write(conf / "gitolite.conf", MAIN)
    gitolite.write(conf / "practicum" / f"{cohort}.conf", rules(cohort, staying, params["groups"]))
    gitolite.write_keys(cohort, files)
    gitolite.compile()
    return problems + odd_names(staying, params["groups"])


ARGUMENTS = {
    "cohort": {"type": "str", "required": True},
    "students": {"type": "list", "elements": "dict", "required": True},
    "groups": {"type": "list", "elements": "dict", "default": []},
    "user": {"type": "str", "default": "gitolite3"},
    "present": {"type": "bool", "default": True},
}


def main() -> None:
    """Write rules and keys, and compile them."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        gitolite = Gitolite(module)
    except KeyError:
        # Nothing is installed yet, which is what a first look ahead finds.
        module.exit_json(changed=bool(module.params["present"]), lab_problems=[])
    try:
        problems = apply(gitolite, module.params)
    except (subprocess.SubprocessError, OSError) as error:
        module.fail_json(msg=f"git: the repositories are not as they should be: {explain(error)}")
    diff = {"before": "", "after": "".join(f"{name}\n" for name in gitolite.changes)}
    module.exit_json(changed=bool(gitolite.changes), lab_problems=problems, diff=diff)


if __name__ == "__main__":
    main()
