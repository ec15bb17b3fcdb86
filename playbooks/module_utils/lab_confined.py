"""Run what somebody else wrote: with a student's rights, bounded, and gone when it is over.

It runs in a process namespace of its own, which ends with everything in it, so that no
daemon stays behind; without a network unless it is the download itself; with no way to
more rights (``no_new_privs``); and with an environment that holds nothing of ours.
"""

from __future__ import annotations

import pwd
import subprocess

from ansible.module_utils.lab_student import StudentProblemError

MEMORY = 1 << 30
FILE_SIZE = 200 << 20
PROCESSES = 200

GIT = (
    "git", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false",
    "-c", "submodule.recurse=false", "-c", "protocol.allow=never",
    "-c", "protocol.https.allow=always", "-c", "protocol.ssh.allow=always",
    "-c", "transfer.fsckObjects=true", "-c", "advice.detachedHead=false",
    "-c", "filter.lfs.smudge=", "-c", "filter.lfs.process=", "-c", "filter.lfs.required=false",
)  # fmt: skip
"""Git that follows no hook, no filter and no protocol but https and ssh."""


class TooLongError(StudentProblemError):
    """It did not end in its time."""


def confined(
    account: pwd.struct_passwd,
    *command: str,
    seconds: float,
    folder: str | None = None,
    network: bool = False,
    variables: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program with an account's rights and little else, to its end or to its time's.

    Raises:
        TooLongError: If it takes longer than it may; it has ended then, with all it started.
    """
    apart = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--ipc"]
    apart += [] if network else ["--net"]
    limits = [
        "prlimit", f"--as={MEMORY}", f"--fsize={FILE_SIZE}", f"--nproc={PROCESSES}", "--core=0",
    ]  # fmt: skip
    # The namespace's first process stays root's: one that gives up its rights would no longer
    # hear that we have ended, and all that it had started would go on.
    first = ["timeout", "--signal=KILL", str(seconds + 10)]
    lower = [
        "setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups",
        "--inh-caps=-all", "--no-new-privs",
    ]  # fmt: skip
    env = {
        "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": account.pw_dir,
        "USER": account.pw_name, "LOGNAME": account.pw_name, "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o StrictHostKeyChecking=yes",
    }  # fmt: skip
    try:
        return subprocess.run(
            [*apart, *limits, *first, *lower, *command],
            cwd=folder or account.pw_dir, env={**(variables or {}), **env}, timeout=seconds,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise TooLongError(f"{command[0]} took longer than {seconds:g} s and was ended") from None
