"""Make the key pairs of students who are to find them ready, and hand back the public halves.

Each pair is made by the student's own account where one is missing. The private half stays
in its home; nothing here ever reads it.
"""

from __future__ import annotations

import pwd
import shutil
import subprocess
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.lab_rights import as_student
from ansible.module_utils.lab_student import (
    Student,
    ensure_file,
    find_account,
    for_each,
    own_account,
    run,
)

SSH = ".ssh/id_ed25519"
AGE = ".config/sops/age/keys.txt"
"""Where SOPS looks for it."""
IDENTITIES = ".passage/identities"
"""Where passage looks for it."""


def environment(account: pwd.struct_passwd) -> dict[str, str]:
    """What a program of the student's sees."""
    return {
        "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": account.pw_dir,
        "USER": account.pw_name, "LOGNAME": account.pw_name,
    }  # fmt: skip


def public_half(*command: str, env: dict[str, str]) -> str:
    """Return the public half, or nothing: a student may give theirs a passphrase, as they should."""
    try:
        return run(*command, env=env).strip()
    except subprocess.CalledProcessError:
        return ""


def make_ssh(name: str, env: dict[str, str], *, dry_run: bool) -> tuple[bool, str]:
    """Make the SSH pair if it is missing; return whether, and the public half."""
    public = Path(f"{SSH}.pub")
    made = not Path(SSH).exists()
    if dry_run:
        return made, ""
    if made:
        public.unlink(missing_ok=True)
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", SSH, env=env)
    return made, public_half("ssh-keygen", "-y", "-P", "", "-f", SSH, env=env)


def make_age(env: dict[str, str], *, dry_run: bool) -> tuple[bool, str]:
    """Make the age pair if it is missing; return whether, and the public half."""
    made = not Path(AGE).exists()
    if dry_run:
        return made, ""
    if made:
        unfinished = Path(f"{AGE}.unfinished")
        unfinished.unlink(missing_ok=True)
        run("age-keygen", "--output", str(unfinished), env=env)
        unfinished.replace(AGE)
    if Path(IDENTITIES).parent.is_dir() and not Path(IDENTITIES).exists():
        Path(IDENTITIES).symlink_to(Path("..") / AGE)
    return made, public_half("age-keygen", "-y", AGE, env=env)


def name_reader(name: str, reader: str) -> None:
    """Say in a store whom its entries are encrypted to, where the student has not yet."""
    path = Path(name)
    if reader and path.parent.is_dir():
        ensure_file(name, f"{reader}\n", 0o600, once=True, dry_run=False)


def make_gpg(name: str, env: dict[str, str], *, dry_run: bool) -> tuple[bool, str]:
    """Make the OpenPGP pair if it is missing; return whether, and the public half."""
    listed = run("gpg", "--batch", "--list-secret-keys", "--with-colons", env=env)
    made = "sec:" not in listed
    if dry_run:
        return made, ""
    try:
        if made:
            run(
                "gpg", "--batch", "--pinentry-mode", "loopback", "--passphrase", "",
                "--quick-generate-key", name, "future-default", "default", "never", env=env,
            )  # fmt: skip
        name_reader(".password-store/.gpg-id", name)
        exported = run("gpg", "--batch", "--armor", "--export", f"={name}", env=env)
        return made, exported.strip()
    finally:
        run("gpgconf", "--kill", "all", env=env)


class Making:
    """Makes the pairs that students lack, each with the student's own rights."""

    def __init__(self, params: dict[str, Any], *, dry_run: bool) -> None:
        self.cohort, self.dry_run = params["cohort"], dry_run
        # A first look before anything is installed cannot ask what is not there yet.
        programs = {"ssh": "ssh-keygen"}
        self.kinds = [kind for kind in params["kinds"] if shutil.which(programs.get(kind, kind))]

    def of(self, student: Student) -> dict[str, object]:
        """Make what a student lacks; return what was made, and the public halves."""
        if self.dry_run and find_account(student) is None:
            return {"made": self.kinds, "public": {}}
        account = own_account(self.cohort, student)
        return as_student(account, self.pairs, account)

    def pairs(self, account: pwd.struct_passwd) -> dict[str, object]:
        """Make the student's missing pairs; returns which are new, and every public half."""
        env, name = environment(account), account.pw_name
        makers = {
            "ssh": lambda: make_ssh(name, env, dry_run=self.dry_run),
            "age": lambda: make_age(env, dry_run=self.dry_run),
            "gpg": lambda: make_gpg(name, env, dry_run=self.dry_run),
        }
        results = {kind: makers[kind]() for kind in self.kinds}
        made = [kind for kind, (new, _) in results.items() if new]
        return {"made": made, "public": {kind: half for kind, (_, half) in results.items()}}


ARGUMENTS = {
    "cohort": {"type": "str", "required": True},
    "students": {"type": "list", "elements": "dict", "required": True},
    "kinds": {"type": "list", "elements": "str", "required": True},
}


def main() -> None:
    """Make what is missing for every student who is present."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    making = Making(module.params, dry_run=module.check_mode)
    present = [student for student in module.params["students"] if student["state"] == "present"]
    results, problems = for_each(present, making.of)
    module.exit_json(
        changed=any(result["made"] for result in results.values()),
        public={student: result["public"] for student, result in results.items()},
        lab_problems=problems,
    )


if __name__ == "__main__":
    main()
