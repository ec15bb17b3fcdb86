"""Bound what each student's sessions take of a host: a slice a student, and a disk quota.

The slice is systemd's own for the user (``user-<uid>.slice``), so that whatever they start
is in it. A disk quota needs a file system that keeps one; where none does, that is said.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.lab_quota import NoQuotaError, hard_limits, mount_with_quotas
from ansible.module_utils.lab_student import (
    Student,
    ensure_file,
    explain,
    for_each,
    own_account,
    run,
)

UNITS = Path("/etc/systemd/system")
PAM = Path("/etc/security/limits.d")
FACTORS = {
    "": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12,
    "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40,
}  # fmt: skip


def number_of_bytes(quantity: str) -> int:
    """Read a quantity as the cohort file writes it: ``2Gi``, ``500M``."""
    found = re.fullmatch(r"(\d+)([kMGT]?|[KMGT]i)", quantity)
    if not found:
        raise ValueError(f"{quantity!r} is no quantity, such as 2Gi")
    return int(found[1]) * FACTORS[found[2]]


def percent(cpu: str) -> int:
    """Read processors as the cohort file writes them: ``2``, ``0.5``, ``500m``."""
    if cpu.endswith("m"):
        return max(1, int(cpu[:-1]) // 10)
    return max(1, round(float(cpu) * 100))


def slice_text(limits: dict[str, Any]) -> str:
    """Write the limits as systemd reads them."""
    lines = ["# Written by Practicum; the next run writes it anew.", "[Slice]"]
    if limits.get("cpu"):
        lines.append(f"CPUQuota={percent(str(limits['cpu']))}%")
    if limits.get("memory"):
        lines.append(f"MemoryMax={number_of_bytes(str(limits['memory']))}")
    if limits.get("processes"):
        lines.append(f"TasksMax={int(limits['processes'])}")
    return "\n".join(lines) + "\n"


def quotas(homes: str) -> tuple[str | None, dict[int, int]]:
    """Find where quotas are kept, and which; nowhere where the disk keeps none.

    Why it keeps none is told by ``hosts plan`` and ``hosts status``, which ask for it.
    """
    mount = mount_with_quotas(homes)
    try:
        return (mount, hard_limits(mount)) if mount else (None, {})
    except NoQuotaError:
        return None, {}


class Limits:
    """The limits of one cohort on this host."""

    def __init__(self, module: AnsibleModule) -> None:
        self.cohort: str = module.params["cohort"]
        self.dry_run: bool = module.check_mode
        limits = module.params["limits"]
        self.text = slice_text(limits)
        self.disk = number_of_bytes(str(limits.get("disk") or 0)) // 1024
        self.mount, self.quotas = quotas(module.params["homes"]) if self.disk else (None, {})

    def ensure(self, student: Student) -> list[str]:
        """Set one student's limits, and say which of them changed."""
        if not self.dry_run:
            own_account(self.cohort, student)
        changes = []
        if self._write(UNITS / f"user-{student['uid']}.slice.d" / "practicum.conf", self.text):
            changes.append("slice")
        if self.mount and self.quotas.get(student["uid"]) != self.disk:
            changes.append("disk")
            if not self.dry_run:
                hard = str(self.disk)
                run("setquota", "-u", str(student["uid"]), hard, hard, "0", "0", self.mount)
        return changes

    def ensure_pam(self, text: str) -> bool:
        """Write what PAM bounds of everybody's, or take it away where that is nothing."""
        path = PAM / f"practicum-{self.cohort}.conf"
        if text:
            return self._write(path, text)
        was_there = path.exists()
        if not self.dry_run:
            path.unlink(missing_ok=True)
        return was_there

    def _write(self, path: Path, text: str) -> bool:
        if not self.dry_run:
            path.parent.mkdir(mode=0o755, exist_ok=True)
        return ensure_file(str(path), text, 0o644, once=False, dry_run=self.dry_run)


ARGUMENTS = {
    "cohort": {"type": "str", "required": True},
    "students": {"type": "list", "elements": "dict", "required": True},
    "limits": {"type": "dict", "required": True},
    "homes": {"type": "path", "default": "/home"},
    "pam": {"type": "str", "default": ""},
}


def main() -> None:
    """Set the limits of all students, and say what no limit could be set for."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        limits = Limits(module)
    except ValueError as error:
        module.fail_json(msg=f"limits: {error}")
    staying = [student for student in module.params["students"] if student["state"] != "dropped"]
    results, problems = for_each(staying, limits.ensure)
    try:
        everybodys = ["for everybody: PAM"] if limits.ensure_pam(module.params["pam"]) else []
    except OSError as error:
        module.fail_json(msg=f"limits: {explain(error)}")
    told = [f"{student}: {', '.join(its)}" for student, its in results.items() if its]
    if told and not module.check_mode and Path("/run/systemd/system").is_dir():
        run("systemctl", "daemon-reload")
    module.exit_json(
        changed=bool(told or everybodys),
        lab_problems=problems,
        disk_quota=bool(limits.mount),
        diff={"before": "", "after": "".join(f"{line}\n" for line in everybodys + told)},
    )


if __name__ == "__main__":
    main()
