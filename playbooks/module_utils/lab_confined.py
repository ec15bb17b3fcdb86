"""Run what somebody else wrote: with a student's rights, bounded, and gone when it is over.

It runs in a process namespace of its own, which ends with everything in it, so that no
daemon stays behind; without a network unless it is the download itself; with no way to
more rights (``no_new_privs``); and with an environment that holds nothing of ours.
"""

from __future__ import annotations

import os
import pwd
import select
import subprocess
import time

from ansible.module_utils.lab_student import StudentProblemError

MEMORY = 1 << 30
FILE_SIZE = 200 << 20
PROCESSES = 200
CPU_SECONDS = 120
MOST_SAID = 4 << 20
"""Bytes that root holds of each of its two outputs."""

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


class TooMuchError(StudentProblemError):
    """It said more than anybody wants to hear."""


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
        TooMuchError: If it says more than it may; it has ended then, too.
    """
    apart = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--ipc"]
    apart += [] if network else ["--net"]
    limits = [
        "prlimit", f"--as={MEMORY}", f"--fsize={FILE_SIZE}", f"--nproc={PROCESSES}", "--core=0",
        f"--cpu={CPU_SECONDS}",
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
    with subprocess.Popen(
        [*apart, *limits, *first, *lower, *command],
        cwd=folder or account.pw_dir, env={**(variables or {}), **env},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        try:
            out, err = _heard(process, command[0], seconds)
        finally:
            process.kill()
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def _heard(process: subprocess.Popen[bytes], name: str, seconds: float) -> tuple[str, str]:
    """Read what a program says to its end; what it says is somebody else's, and may not end.

    Raises:
        TooLongError: If it goes on for too long.
        TooMuchError: If it says too much.
    """
    said = {process.stdout: bytearray(), process.stderr: bytearray()}
    deadline, open_ones = time.monotonic() + seconds, list(said)
    while open_ones:
        ready = select.select(open_ones, [], [], max(0, deadline - time.monotonic()))[0]
        if not ready:
            raise TooLongError(f"{name} took longer than {seconds:g} s and was ended")
        for pipe in ready:
            block = os.read(pipe.fileno(), 1 << 16)
            said[pipe] += block
            if not block:
                open_ones.remove(pipe)
            if len(said[pipe]) > MOST_SAID:
                raise TooMuchError(f"{name} said more than {MOST_SAID >> 20} MiB and was ended")
    # Both are the namespace's own, too: they end when it does.
    process.wait()
    out, err = (bytes(text).decode(errors="replace") for text in said.values())
    return out, err
