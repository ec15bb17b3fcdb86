"""Put folders and first files into the homes of all students, in one task.

A folder gets its mode on every run. A file is written once: from then on it is the
student's, whatever they make of it. One that names the student's recipient waits for it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.lab_rights import as_student
from ansible.module_utils.lab_student import (
    Student,
    ensure_file,
    ensure_folder,
    find_account,
    for_each,
    own_account,
    run,
)


class Seeds:
    """What every student of a cohort finds at home."""

    def __init__(self, module: AnsibleModule) -> None:
        self.params: dict[str, Any] = module.params
        self.dry_run: bool = module.check_mode

    def ensure(self, student: Student) -> list[str]:
        """Seed one home, and say what that changed."""
        if self.dry_run and find_account(student) is None:
            return ["everything"]
        account = own_account(self.params["cohort"], student)
        return as_student(account, self._plant, student)

    def _plant(self, student: Student) -> list[str]:
        new = [folder for folder in self.params["folders"]
               if ensure_folder(folder, 0o700, dry_run=self.dry_run)]  # fmt: skip
        if new and self.dry_run:
            # What would be in them is not there to look at.
            return new
        return new + self._files(student) + self._sealed(student)

    def _files(self, student: Student) -> list[str]:
        known = [seed for seed in self.params["files"]
                 if student.get("recipient") or "@RECIPIENT@" not in seed["content"]]  # fmt: skip
        return [
            seed["path"] for seed in known
            if ensure_file(seed["path"], fill_in(seed["content"], student), 0o600, once=True,
                           dry_run=self.dry_run)
        ]  # fmt: skip

    def _sealed(self, student: Student) -> list[str]:
        return [
            seed["path"] for seed in self.params["sealed"]
            if seal(seed, fill_in(seed["content"], student), dry_run=self.dry_run)
        ]  # fmt: skip


ARGUMENTS = {
    "cohort": {"type": "str", "required": True},
    "students": {"type": "list", "elements": "dict", "required": True},
    "folders": {"type": "list", "elements": "str", "default": []},
    "files": {"type": "list", "elements": "dict", "default": []},
    "sealed": {"type": "list", "elements": "dict", "default": []},
}


def main() -> None:
    """Seed every student who is present."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    present = [student for student in module.params["students"] if student["state"] == "present"]
    results, problems = for_each(present, Seeds(module).ensure)
    changes = {student: changed for student, changed in results.items() if changed}
    after = "".join(f"{student}: {', '.join(changed)}\n" for student, changed in changes.items())
    module.exit_json(
        changed=bool(changes), lab_problems=problems, diff={"before": "", "after": after}
    )


def seal(seed: dict[str, str], content: str, *, dry_run: bool) -> bool:
    """Encrypt a first entry to whom the store names, where it names somebody."""
    path, readers = Path(seed["path"]), Path(seed["recipients"])
    if path.exists() or not readers.exists():
        return False
    if not dry_run:
        unfinished = path.with_suffix(".unfinished")
        run("age", "--recipients-file", str(readers), "--output", str(unfinished), stdin=content)
        unfinished.replace(path)
    return True


def fill_in(content: str, student: Student) -> str:
    """Put what differs from student to student into a seed."""
    first, last = (str((student.get("ports") or {}).get(end, "")) for end in ("first", "last"))
    values = {
        "@ACCOUNT@": student["account"],
        "@ID@": student["id"],
        "@RECIPIENT@": student.get("recipient") or "",
        "@FIRST_PORT@": first,
        "@LAST_PORT@": last,
    }
    for word, value in values.items():
        content = content.replace(word, value)
    return content


if __name__ == "__main__":
    main()
