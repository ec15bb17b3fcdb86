"""Write students' public keys into a folder on the operator's machine: a file a key.

A file whose key is another one now is written anew; what is there of others stays.
"""

from __future__ import annotations

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.lab_student import write_whole

NAMES = {"age": "age.pub", "ssh": "ssh.pub", "gpg": "gpg.asc"}


ARGUMENTS = {
    "folder": {"type": "path", "required": True},
    "public": {"type": "dict", "required": True},
}


def main() -> None:
    """Write what is new."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    folder = Path(module.params["folder"])
    written = []
    for student, halves in module.params["public"].items():
        if "/" in student or student.startswith("."):
            module.fail_json(msg=f"{student!r} is no name for a file")
        for kind, key in halves.items():
            path = folder / f"{student}.{NAMES[kind]}"
            if not key or "PRIVATE" in key or (path.exists() and path.read_text() == f"{key}\n"):
                continue
            written.append(path.name)
            if not module.check_mode:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                write_whole(path, f"{key}\n", 0o644)
    module.exit_json(changed=bool(written), written=written)


if __name__ == "__main__":
    main()
