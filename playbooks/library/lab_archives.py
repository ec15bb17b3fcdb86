"""Pack the homes of students who left, and other folders, encrypted to the course's key.

Only what lies in the archive can be read again, and only with the course's key; the plain
content of a home is never written anywhere. Nothing is removed here.
"""

from __future__ import annotations

import os
import pwd
import subprocess
import tempfile
from pathlib import Path
from typing import BinaryIO

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.lab_mounts import refuse_mounts
from ansible.module_utils.lab_process import end_processes
from ansible.module_utils.lab_student import (
    Student,
    StudentProblemError,
    find_account,
    for_each,
    own_account,
    sha256,
)


def pack(home: Path, recipient: str, archive: Path) -> None:
    """Write a home through age into a file, which gets its name when it is whole.

    Raises:
        StudentProblemError: If either program fails; nothing is left then.
    """
    unfinished = archive.with_suffix(".unfinished")
    packing = ["tar", "--create", "--sparse", "--numeric-owner", "--one-file-system", "--warning=no-file-ignored",
               f"--directory={home.parent}", f"./{home.name}"]  # fmt: skip
    try:
        # What tar complains of is told of files of theirs: a pipe that nobody reads would stop it.
        with (
            tempfile.TemporaryFile() as complaints,
            subprocess.Popen(packing, stdout=subprocess.PIPE, stderr=complaints) as tar,
        ):
            sealing = ["age", "--encrypt", "--recipient", recipient, "--output", str(unfinished)]
            age = subprocess.run(
                sealing, stdin=tar.stdout, capture_output=True, text=True, check=False
            )
            tar.stdout.close()
            tar.wait()
            complaint = last_words(complaints)
        for name, code, said in (("age", age.returncode, age.stderr),
                                 ("tar", tar.returncode, complaint)):  # fmt: skip
            if code:
                last = (said.strip().splitlines() or [str(code)])[-1]
                raise StudentProblemError(f"the home was not archived: {name}: {last}")
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.replace(archive)
    finally:
        unfinished.unlink(missing_ok=True)


def last_words(file: BinaryIO) -> str:
    """Read the end of what a program wrote; all of it may be long."""
    file.seek(-min(file.tell(), 4096), os.SEEK_CUR)
    return file.read().decode(errors="replace")


def main() -> None:
    """Archive the homes of all who left, and say where each archive lies."""
    module = AnsibleModule(
        argument_spec={
            "cohort": {"type": "str", "required": True},
            "students": {"type": "list", "elements": "dict", "default": []},
            "folders": {"type": "dict", "default": {}},
            "recipient": {"type": "str"},
            "folder": {"type": "path", "required": True},
            "archive": {"type": "bool", "default": True},
            "reader": {"type": "str", "default": "root"},
        },
        supports_check_mode=True,
    )
    folder = Path(module.params["folder"])
    reader = pwd.getpwnam(module.params["reader"])

    def archive(student: Student) -> dict[str, str]:
        account = own_account(module.params["cohort"], student)
        if not module.check_mode:
            end_processes(account.pw_uid)
        return seal(student["id"], account.pw_name, Path(account.pw_dir), account.pw_uid)

    def seal(identity: str, name: str, source: Path, uid: int | None = None) -> dict[str, str]:
        if module.params["archive"] and not module.params["recipient"]:
            raise StudentProblemError(
                f"the course has no key to archive {source} with; it was kept"
            )
        refuse_mounts(source, uid)
        path = folder / f"{name}.tar.age"
        facts = {"id": identity, "account": name, "path": str(path)}
        wanted = module.params["archive"] and source.is_dir()
        if module.check_mode or not wanted:
            return {**facts, "sha256": ""}
        pack(source, module.params["recipient"], path)
        # Whoever fetches it may read it; to anybody else it says nothing.
        os.chown(path, reader.pw_uid, reader.pw_gid)
        path.chmod(0o400)
        return {**facts, "sha256": sha256(path)}

    leaving = [student for student in module.params["students"] if student["state"] == "dropped"]
    leaving = [student for student in leaving if find_account(student)]
    others = {name: Path(path) for name, path in module.params["folders"].items()
              if Path(path).is_dir()}  # fmt: skip
    if (leaving or others) and not module.check_mode:
        folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        folder.chmod(0o711)
    results, problems = for_each(leaving, archive)
    more, mistakes = for_each(
        [{"id": name} for name in others],
        lambda other: seal(other["id"], other["id"], others[other["id"]]),
    )
    results.update(more)
    problems += mistakes
    module.exit_json(changed=bool(results), archives=list(results.values()), lab_problems=problems)


if __name__ == "__main__":
    main()
