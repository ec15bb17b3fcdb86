"""What every module for students shares: one list in, one result a student out.

Root never opens, makes or removes anything in a student's home: whatever is done there
is done by a child process with that student's rights. So a link or a folder that they
swap while we look leads nowhere that they could not have gone themselves.
"""

from __future__ import annotations

import errno
import hashlib
import os
import pwd
import shlex
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

Student = dict[str, Any]


class StudentProblemError(Exception):
    """Something that concerns one student only; the others go on."""


class NoAccountError(StudentProblemError):
    """The student has no account here; why, the module that makes accounts has said already."""


def owner_mark(cohort: str, student: Student) -> str:
    """Say whose account this is, in the one field of it that its owner cannot change."""
    return f"practicum {cohort} {student['id']}"


def marked_id(cohort: str, account: pwd.struct_passwd) -> str | None:
    """Read whose account this is; None where it is none of the cohort's."""
    words = account.pw_gecos.split(",")[0].split(" ")
    is_ours = words[:2] == ["practicum", cohort] and len(words) == 3
    return words[2] if is_ours else None


def is_owner(cohort: str, student: Student, account: pwd.struct_passwd) -> bool:
    """Say whether an account is this student's: by the id, or by the uid where that was corrected.

    No uid is given twice in a cohort, and who corrects an id keeps it.
    """
    found = marked_id(cohort, account)
    if found is None or account.pw_uid == 0:
        return False
    return found == student["id"] or account.pw_uid == student.get("uid")


def find_account(student: Student) -> pwd.struct_passwd | None:
    """Look an account up; None when there is none of that name."""
    try:
        return pwd.getpwnam(student["account"])
    except KeyError:
        return None


def shadow(name: str) -> tuple[str, str]:
    """Read an account's password field and day of expiry."""
    for line in Path("/etc/shadow").read_text().splitlines():
        fields = line.split(":")
        if fields[0] == name:
            return fields[1], fields[7]
    return "", ""


def own_account(cohort: str, student: Student) -> pwd.struct_passwd:
    """Find an account that is this student's and nobody else's.

    Raises:
        NoAccountError: If there is none, or it belongs to somebody else.
    """
    account = find_account(student)
    if account is None:
        raise NoAccountError("there is no account")
    if not is_owner(cohort, student, account):
        raise NoAccountError(
            f"the account {account.pw_name} on this host belongs to somebody else; "
            "it was left alone"
        )
    return account


def for_each(
    students: Iterable[Student], work: Callable[[Student], Any]
) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """Do the same for many students, and keep what went wrong for one of them apart."""
    results: dict[str, Any] = {}
    problems: list[dict[str, str]] = []
    for student in students:
        try:
            results[student["id"]] = work(student)
        except NoAccountError:
            continue
        except (StudentProblemError, OSError, subprocess.SubprocessError) as error:
            problems.append({"id": student["id"], "what": explain(error)})
    return results, problems


def explain(error: Exception) -> str:
    """Say what went wrong in one line without what a file holds."""
    if isinstance(error, subprocess.CalledProcessError):
        said = (error.stderr or error.stdout or "").strip().splitlines()
        return f"{Path(error.cmd[0]).name}: {said[-1] if said else error.returncode}"
    if isinstance(error, subprocess.TimeoutExpired):
        return f"{Path(error.cmd[0]).name}: this took longer than {error.timeout:g} s"
    if isinstance(error, shutil.Error):
        # Of many files that were not copied, why the first one was not.
        return str(error.args[0][0][2])
    if isinstance(error, OSError) and error.errno == errno.ENOTCONN and error.filename:
        return _dead(Path.cwd() / error.filename)
    if isinstance(error, OSError):
        return f"{error.strerror}: {error.filename}"
    return str(error)


def _dead(path: Path) -> str:
    """Say what to do about a FUSE file system whose program has ended; nobody can look into it."""
    while not _is_seen(path.parent):
        path = path.parent
    return (
        f"{path} is a FUSE file system whose program has ended. Take it away on the host with:"
        f" umount --lazy {shlex.quote(str(path))} and run this again"
    )


def _is_seen(folder: Path) -> bool:
    try:
        folder.lstat()
    except OSError:
        return False
    return True


def run(
    *command: str,
    env: dict[str, str] | None = None,
    stdin: str = "",
    cwd: str | None = None,
    timeout: float = 120,
) -> str:
    """Run a program to its end, with an environment that says little.

    Raises:
        subprocess.CalledProcessError: If it fails.
        subprocess.TimeoutExpired: If it takes longer than its ``timeout``.
    """
    plain = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        command, env=env or plain, input=stdin, cwd=cwd, timeout=timeout,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def sha256(path: Path) -> str:
    """Hash a file of any size."""
    content = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            content.update(block)
    return content.hexdigest()


def ensure_folder(path: str, mode: int, *, dry_run: bool) -> bool:
    """Make a folder of the caller's own, and say whether that changes anything."""
    found = Path(path)
    try:
        now = found.lstat()
    except FileNotFoundError:
        if not dry_run:
            found.mkdir(mode=mode)
            found.chmod(mode)
        return True
    if not stat.S_ISDIR(now.st_mode):
        raise StudentProblemError(f"{path} is there, but is no folder")
    if stat.S_IMODE(now.st_mode) == mode:
        return False
    if not dry_run:
        found.chmod(mode)
    return True


def ensure_file(path: str, content: str, mode: int, *, once: bool, dry_run: bool) -> bool:
    """Write a file of the caller's own, and say whether that changes anything.

    Args:
        path: Where it lies.
        content: All that is in it.
        mode: Its permissions.
        once: A file that is there already stays as it is, whatever is in it.
        dry_run: Only say it.
    """
    found = Path(path)
    if os.path.lexists(path):
        if once:
            return False
        now, wanted = found.lstat(), content.encode()
        same = stat.S_ISREG(now.st_mode) and stat.S_IMODE(now.st_mode) == mode
        # The size first: it is theirs, and may be larger than our memory.
        if same and now.st_size == len(wanted) and found.read_bytes() == wanted:
            return False
    if not dry_run:
        write_whole(found, content, mode)
    return True


def write_whole(path: Path, content: str, mode: int) -> None:
    """Write a file under another name first: a full disk must not leave half of it under this one."""
    unfinished = path.with_name(f".{path.name}.practicum")
    unfinished.unlink(missing_ok=True)
    try:
        unfinished.touch(mode, exist_ok=False)
        unfinished.write_text(content)
        unfinished.chmod(mode)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
