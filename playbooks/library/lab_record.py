"""Write down on a host who of a cohort has an account there, for whoever looks later."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.lab_student import Student, ensure_file, ensure_folder

FOLDER = Path("/var/lib/practicum")
KEPT = ("id", "account", "uid", "state", "ports")
"""What is written of a student: neither keys nor whose dotfiles they have."""


def text_of(cohort: str, group: str, students: list[Student]) -> str:
    """Write the record as a file holds it, in an order that stays."""
    kept = [{key: one[key] for key in KEPT if key in one} for one in students]
    record = {"cohort": cohort, "group": group, "students": kept}
    return f"{json.dumps(record, indent=4, sort_keys=True)}\n"


def write(params: dict[str, Any], *, dry_run: bool) -> bool:
    """Ensure that the record is there, and say whether that changes anything."""
    content = text_of(params["cohort"], params["group"], params["students"])
    path = str(FOLDER / f"{params['cohort']}.json")
    made = ensure_folder(str(FOLDER), 0o711, dry_run=dry_run)
    return ensure_file(path, content, 0o600, once=False, dry_run=dry_run) or made


ARGUMENTS = {
    "cohort": {"type": "str", "required": True},
    "group": {"type": "str", "required": True},
    "students": {"type": "list", "elements": "dict", "required": True},
}


def main() -> None:
    """Write it, where it says anything else."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    module.exit_json(changed=write(module.params, dry_run=module.check_mode))


if __name__ == "__main__":
    main()
