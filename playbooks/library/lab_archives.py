"""Pack the homes of students who left, and other folders, encrypted to the course's key.

Only what lies in the archive can be read again, and only with the course's key; the plain
content of a home is never written anywhere. Nothing is removed here.
"""

from __future__ import annotations

import os
import pwd
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

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

SECONDS = 300
"""After so long no further home is begun before the operator has those that are packed."""
SIZE = 4 << 30
"""Bytes of archives after which the same holds: they lie beside the homes, on a disk that ends."""


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


class Packing:
    """Archives what belongs to a cohort on this host, one home or folder after the other."""

    def __init__(self, params: dict[str, Any], *, dry_run: bool) -> None:
        self.params, self.dry_run = params, dry_run
        self.folder = Path(params["folder"])
        self.reader = pwd.getpwnam(params["reader"])

    def of_student(self, student: Student) -> dict[str, Any]:
        """Archive a home; nothing runs there any more then."""
        account = own_account(self.params["cohort"], student)
        if not self.dry_run:
            end_processes(account.pw_uid)
        # By its number it is found again, where the id on the account was corrected meanwhile.
        packed = self.seal(student["id"], account.pw_name, Path(account.pw_dir), account.pw_uid)
        return {**packed, "uid": account.pw_uid}

    def of_folder(self, named: Student) -> dict[str, str]:
        """Archive a folder that is nobody's home."""
        return self.seal(named["id"], named["id"], Path(self.params["folders"][named["id"]]))

    def seal(
        self, identity: str, name: str, source: Path, uid: int | None = None
    ) -> dict[str, str]:
        """Archive one folder, and say where the archive lies."""
        if self.params["archive"] and not self.params["recipient"]:
            raise StudentProblemError(
                f"the course has no key to archive {source} with; it was kept"
            )
        refuse_mounts(source, uid)
        path = self.folder / f"{name}.tar.age"
        facts = {"id": identity, "account": name, "path": str(path)}
        wanted = self.params["archive"] and source.is_dir()
        if self.dry_run or not wanted:
            return {**facts, "sha256": ""}
        pack(source, self.params["recipient"], path)
        # Whoever fetches it may read it; to anybody else it says nothing.
        os.chown(path, self.reader.pw_uid, self.reader.pw_gid)
        path.chmod(0o400)
        return {**facts, "sha256": sha256(path)}


class Pass:
    """As many archives as are made in one go: the rest waits until these have been fetched.

    So the disk holds few at once, and the operator hears of it while there is much to do.
    """

    def __init__(self, seconds: float, size: int) -> None:
        self.until, self.room = time.monotonic() + seconds, size
        self.tried: list[str] = []
        self.archives: list[dict[str, Any]] = []
        self.problems: list[dict[str, str]] = []

    def take(self, items: list[Student], work: Callable[[Student], dict[str, Any]]) -> bool:
        """Archive them until it is enough; says whether some are left."""
        for item in items:
            if self.archives and (time.monotonic() > self.until or self.room < 0):
                return True
            self.tried.append(item["id"])
            results, problems = for_each([item], work)
            self.problems += problems
            for made in results.values():
                self.archives.append(made)
                self.room -= Path(made["path"]).stat().st_size if made["sha256"] else 0
        return False


ARGUMENTS = {
    "cohort": {"type": "str", "required": True},
    "students": {"type": "list", "elements": "dict", "default": []},
    "folders": {"type": "dict", "default": {}},
    "recipient": {"type": "str"},
    "folder": {"type": "path", "required": True},
    "archive": {"type": "bool", "default": True},
    "reader": {"type": "str", "default": "root"},
    "tried": {"type": "list", "elements": "str", "default": []},
    "seconds": {"type": "int", "default": SECONDS},
    "size": {"type": "int", "default": SIZE},
}


def untried(params: dict[str, Any]) -> tuple[list[Student], list[Student]]:
    """Return the students who left and still have an account, and the folders that are there."""
    leaving = [one for one in params["students"] if one["state"] == "dropped" and find_account(one)]
    folders = [{"id": name} for name, path in params["folders"].items() if Path(path).is_dir()]
    return (
        [one for one in leaving if one["id"] not in params["tried"]],
        [one for one in folders if one["id"] not in params["tried"]],
    )


def main() -> None:
    """Archive the homes of those who left, and say where each archive lies."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    params = module.params
    packing = Packing(params, dry_run=module.check_mode)
    leaving, folders = untried(params)
    if (leaving or folders) and not module.check_mode:
        packing.folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        packing.folder.chmod(0o711)
    done = Pass(params["seconds"], params["size"])
    more = done.take(leaving, packing.of_student) or done.take(folders, packing.of_folder)
    module.exit_json(
        changed=bool(done.archives),
        archives=done.archives,
        lab_problems=done.problems,
        tried=params["tried"] + done.tried,
        more=more,
    )


if __name__ == "__main__":
    main()
