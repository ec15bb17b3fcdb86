"""Put the instructors' OpenPGP public keys into the keyrings of all students, in one task."""

from __future__ import annotations

import pwd
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.lab_rights import as_student
from ansible.module_utils.lab_student import (
    Student,
    find_account,
    for_each,
    own_account,
    run,
)


def fingerprints(listed: str) -> set[str]:
    """Read the primary keys' fingerprints from what gpg lists with colons."""
    found, primary = set(), False
    for line in listed.splitlines():
        fields = line.split(":")
        if fields[0] in {"pub", "sec"}:
            primary = True
        elif fields[0] == "fpr" and primary:
            found.add(fields[9])
            primary = False
    return found


def fingerprints_of(armored: str) -> set[str]:
    """Read what is in a block of public keys, without any keyring."""
    with tempfile.TemporaryDirectory(prefix="practicum-gpg-") as home:
        listed = run("gpg", "--homedir", home, "--batch", "--with-colons", "--show-keys",
                     stdin=armored)  # fmt: skip
    return fingerprints(listed)


class Importing:
    """Imports the instructors' keys, each time with the student's own rights."""

    def __init__(self, cohort: str, armored: str, *, dry_run: bool) -> None:
        self.cohort, self.armored, self.dry_run = cohort, armored, dry_run
        self.wanted = fingerprints_of(armored)

    def for_student(self, student: Student) -> bool:
        """Import what a student lacks; say whether that was something."""
        if self.dry_run and find_account(student) is None:
            return True
        account = own_account(self.cohort, student)
        return as_student(account, self.fill, account)

    def fill(self, account: pwd.struct_passwd) -> bool:
        """Import into the student's keyring what is missing; says whether something was."""
        env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": account.pw_dir}
        listed = run("gpg", "--batch", "--with-colons", "--list-keys", env=env)
        if self.wanted <= fingerprints(listed):
            return False
        if not self.dry_run:
            run("gpg", "--batch", "--import", stdin=self.armored, env=env)
            # No agent of a student's runs before they have come.
            run("gpgconf", "--kill", "all", env=env)
        return True


ARGUMENTS = {
    "cohort": {"type": "str", "required": True},
    "students": {"type": "list", "elements": "dict", "required": True},
    "keys": {"type": "list", "elements": "str", "required": True, "no_log": False},
}


def main() -> None:
    """Import what is missing for every student who is present."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    armored = "\n".join(module.params["keys"])
    if "PRIVATE KEY" in armored:
        module.fail_json(msg="gpg: one of the instructors' keys is a private one; it stays at home")
    importing = Importing(module.params["cohort"], armored, dry_run=module.check_mode)
    if not importing.wanted:
        module.fail_json(msg="gpg: there is no public key in what was given as one")
    present = [student for student in module.params["students"] if student["state"] == "present"]
    results, problems = for_each(present, importing.for_student)
    module.exit_json(changed=any(results.values()), lab_problems=problems)


if __name__ == "__main__":
    main()
