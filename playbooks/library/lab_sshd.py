"""Change how sshd lets people in, so that no mistake can lock the operator out.

What sshd would refuse, and what would refuse the operator, is put back before sshd sees it.
After the reload a timer stands ready that puts the old files back: only a new login, which
``confirmed`` reports, stops it.
"""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

FOLDER = Path("/etc/ssh/sshd_config.d")
UNDO = Path("/var/lib/practicum/sshd-undo.sh")
TIMER = "practicum-sshd-undo"


class RefusedError(Exception):
    """sshd would not start so, or would not let the operator in."""


def sshd(*arguments: str) -> str:
    """Ask sshd itself."""
    done = subprocess.run(
        ["/usr/sbin/sshd", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or [str(done.returncode)]
        raise RefusedError(f"sshd would refuse its configuration: {said[-1]}")
    return done.stdout


def groups_of(operator: str) -> list[str]:
    """Name the groups that an account is in, as sshd sees them."""
    account = pwd.getpwnam(operator)
    return [grp.getgrgid(gid).gr_name for gid in os.getgrouplist(operator, account.pw_gid)]


def check(operator: str) -> None:
    """See that the whole configuration, in the order sshd reads it, is as it should be.

    Raises:
        RefusedError: If it is not.
    """
    groups = groups_of(operator)
    # Where sshd does not run it is missing, and sshd would judge nothing without it.
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    sshd("-t")
    asked = sshd("-T", "-C", f"user={operator},host=localhost,addr=127.0.0.1")
    settings: dict[str, list[str]] = {}
    for line in asked.splitlines():
        name, _, value = line.partition(" ")
        settings.setdefault(name, []).append(value)
    said = {name: values[0] for name, values in settings.items()}
    if said.get("passwordauthentication") != "no":
        raise RefusedError("another file of sshd's allows passwords; it is read before ours")
    if said.get("pubkeyauthentication") != "yes":
        raise RefusedError("another file of sshd's forbids keys; the operator would be locked out")
    if operator == "root" and said.get("permitrootlogin") == "no":
        raise RefusedError("root may not log in, and the operator is root")
    allowed = {group for line in settings.get("allowgroups", []) for group in line.split()}
    if allowed and not allowed & set(groups):
        raise RefusedError(f"none of the operator's groups may log in: {', '.join(groups)}")
    denied = {name for key in ("denygroups", "denyusers") for line in settings.get(key, [])
              for name in line.split()}  # fmt: skip
    if denied & {operator, *groups}:
        raise RefusedError("the operator is denied by another file of sshd's")


def write(files: dict[str, str | None]) -> None:
    """Write the files, and remove those that are to be none."""
    for name, content in files.items():
        path = FOLDER / name
        if content is None:
            path.unlink(missing_ok=True)
            continue
        unfinished = path.with_suffix(".unfinished")
        unfinished.write_text(content)
        unfinished.chmod(0o644)
        unfinished.replace(path)


def stand_ready(before: dict[str, str | None], seconds: int) -> None:
    """Start the timer that puts the old files back and reloads sshd."""
    lines = ["#!/bin/sh"]
    for name, content in before.items():
        path = shlex.quote(str(FOLDER / name))
        lines.append(f"rm -f {path}" if content is None
                     else f"printf %s {shlex.quote(content)} > {path}")  # fmt: skip
    lines.append("systemctl reload ssh")
    UNDO.parent.mkdir(mode=0o711, exist_ok=True)
    UNDO.write_text("\n".join(lines) + "\n")
    UNDO.chmod(0o700)
    stand_down()
    subprocess.run(
        ["systemd-run", "--quiet", "--collect", f"--unit={TIMER}", f"--on-active={seconds}",
         "--timer-property=AccuracySec=1s",  # else within a minute of it
         "/bin/sh", str(UNDO)],
        check=True, capture_output=True,
    )  # fmt: skip


def stand_down() -> bool:
    """Stop the timer; say whether there was one."""
    unit = f"{TIMER}.timer"
    active = (
        subprocess.run(["systemctl", "is-active", "--quiet", unit], check=False).returncode == 0
    )
    if active:
        subprocess.run(["systemctl", "stop", unit], check=True, capture_output=True)
    return active


@dataclass(frozen=True)
class Change:
    """Files of sshd's that are to be others than they are."""

    before: dict[str, str | None]
    files: dict[str, str | None]
    """Those that differ, as they are to be; none where one is to go."""

    @classmethod
    def of(cls, wanted: dict[str, str | None]) -> Change:
        """Compare what is wanted with what is there."""
        paths = {name: FOLDER / name for name in wanted}
        before = {name: path.read_text() if path.exists() else None for name, path in paths.items()}
        differ = {name: content for name, content in wanted.items() if before[name] != content}
        return cls(before, differ)

    @property
    def diff(self) -> dict[str, str]:
        """What Ansible shows of it."""
        return {"before": "".join(self.before[name] or "" for name in self.files),
                "after": "".join(content or "" for content in self.files.values())}  # fmt: skip

    def make(self, operator: str, undo_after: int, *, systemd: bool) -> None:
        """Write, check, reload, with the timer that undoes it; or leave all as it was.

        Raises:
            RefusedError: If it would not work.
        """
        write(self.files)
        try:
            check(operator)
            if systemd:
                stand_ready(self.before, undo_after)
                subprocess.run(["systemctl", "reload", "ssh"], check=True, capture_output=True)
        except (RefusedError, KeyError, OSError, subprocess.SubprocessError) as error:
            write(self.before)
            raise RefusedError(f"{error}; the old configuration was kept") from error


def confirm() -> None:
    """Note that a new login worked, so that nothing is undone.

    Raises:
        RefusedError: If it came too late for that.
    """
    awaited, in_time = UNDO.exists(), stand_down()
    UNDO.unlink(missing_ok=True)
    if awaited and not in_time:
        raise RefusedError(
            "the new login came too late, so the old configuration was put back; run this again"
        )


def run(module: AnsibleModule) -> dict[str, Any]:
    """Do what the parameters say; return what Ansible is told.

    Raises:
        RefusedError: If it would lock the operator out, or the proof came too late.
    """
    given = module.params
    if given["confirmed"]:
        if not module.check_mode:
            confirm()
        return {"changed": False}
    change = Change.of(given["files"])
    # A run that was killed before its proof leaves the timer, which would take the files back.
    unproven = given["systemd"] and UNDO.exists()
    if module.check_mode or not change.files:
        return {"changed": bool(change.files) or unproven, "diff": change.diff}
    change.make(given["operator"], given["undo_after"], systemd=given["systemd"])
    return {"changed": True, "diff": change.diff}


def main() -> None:
    """Write, check, reload; or report that the new login worked."""
    module = AnsibleModule(
        argument_spec={
            "files": {"type": "dict", "default": {}},
            "operator": {"type": "str", "default": "root"},
            "undo_after": {"type": "int", "default": 180},
            "systemd": {"type": "bool", "default": True},
            "confirmed": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    try:
        told = run(module)
    except RefusedError as error:
        module.fail_json(msg=f"ssh: {error}")
    else:
        module.exit_json(**told)


if __name__ == "__main__":
    main()
