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
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.lab_student import write_whole

FOLDER = Path("/etc/ssh/sshd_config.d")
MAIN = Path("/etc/ssh/sshd_config")
UNDO = Path("/var/lib/practicum/sshd-undo.sh")
TIMER = "practicum-sshd-undo"
OPERATOR_GROUPS = "@OPERATOR_GROUPS@"
"""What stands in a file for the groups that the operator is in on this host."""

Settings = dict[str, list[str]]
"""What sshd would do for somebody, by its keyword."""

Files = dict[str, "str | None"]
"""What each file in the folder holds; None for one that is not to be there."""


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


def a_member(group: str) -> str | None:
    """Name one of the students, where there are any yet."""
    members = [entry.gr_mem for entry in grp.getgrall() if entry.gr_name == group]
    return next((name for names in members for name in names), None)


def settings_for(name: str) -> Settings:
    """Ask sshd what it would do for somebody, by all of its files and in their order."""
    settings: Settings = {}
    for line in sshd("-T", "-C", f"user={name},host=localhost,addr=127.0.0.1").splitlines():
        keyword, _, value = line.partition(" ")
        settings.setdefault(keyword, []).append(value)
    return settings


def reads_folder(config: str) -> bool:
    """Say whether sshd reads the folder at all; what lies there would be for nothing else.

    >>> reads_folder("# Include /etc/ssh/sshd_config.d/*.conf")
    False
    """
    words = [line.split() for line in config.splitlines()]
    return any(
        line[0].lower() == "include" and f"{FOLDER}/*.conf" in line[1:] for line in words if line
    )


def check(operator: str, group: str) -> None:
    """See that the whole configuration is as it should be for the operator and the students.

    Raises:
        RefusedError: If it is not.
    """
    if not reads_folder(MAIN.read_text()):
        raise RefusedError(f"{MAIN} does not read {FOLDER}; add: Include {FOLDER}/*.conf")
    # Where sshd does not run it is missing, and sshd would judge nothing without it.
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    sshd("-t")
    check_operator(operator, settings_for(operator))
    student = a_member(group)
    if student and asks_for_passwords(settings_for(student)):
        raise RefusedError("another file of sshd's allows passwords for students")


def asks_for_passwords(settings: Settings) -> bool:
    """Say whether somebody who has no key could try passwords."""
    ways = ("passwordauthentication", "kbdinteractiveauthentication")
    return any(settings.get(way, ["no"])[0] != "no" for way in ways)


def check_operator(operator: str, settings: Settings) -> None:
    """See that the operator gets in, by key.

    Raises:
        RefusedError: If they do not.
    """
    groups = groups_of(operator)
    if asks_for_passwords(settings):
        raise RefusedError("another file of sshd's allows passwords")
    if settings.get("pubkeyauthentication") != ["yes"]:
        raise RefusedError("another file of sshd's forbids keys; the operator would be locked out")
    if operator == "root" and settings.get("permitrootlogin") == ["no"]:
        raise RefusedError("root may not log in, and the operator is root")
    allowed = listed(settings, "allowgroups")
    if allowed and not allowed & set(groups):
        raise RefusedError(f"none of the operator's groups may log in: {', '.join(groups)}")
    if listed(settings, "denygroups", "denyusers") & {operator, *groups}:
        raise RefusedError("the operator is denied by another file of sshd's")


def listed(settings: Settings, *keywords: str) -> set[str]:
    """Return all names that stand behind some keywords."""
    lines = [line for keyword in keywords for line in settings.get(keyword, ())]
    return {name for line in lines for name in line.split()}


def write(files: Files) -> None:
    """Write the files, and remove those that are to be none."""
    for name, content in files.items():
        if content is None:
            (FOLDER / name).unlink(missing_ok=True)
        else:
            write_whole(FOLDER / name, content, 0o644)


def stand_ready(before: Files, seconds: int) -> None:
    """Start the timer that puts the old files back and reloads sshd."""
    lines = ["#!/bin/sh"]
    for name, content in before.items():
        path = shlex.quote(str(FOLDER / name))
        lines.append(f"rm -f {path}" if content is None
                     else f"printf %s {shlex.quote(content)} > {path}")  # fmt: skip
    lines.append("systemctl reload ssh")
    UNDO.parent.mkdir(mode=0o711, exist_ok=True)
    write_whole(UNDO, "\n".join(lines) + "\n", 0o700)
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
    if subprocess.run(["systemctl", "is-active", "--quiet", unit], check=False).returncode:
        return False
    subprocess.run(["systemctl", "stop", unit], check=True, capture_output=True)
    return True


def confirm(module: AnsibleModule) -> None:
    """Stop the timer, for somebody has logged in anew."""
    awaited, in_time = UNDO.exists(), stand_down()
    UNDO.unlink(missing_ok=True)
    if awaited and not in_time:
        undone = "ssh: the new login came too late, so the old configuration was put back"
        module.fail_json(msg=f"{undone}; run this again")


def wanted(params: dict[str, Any]) -> Files:
    """Return what the files are to hold on this host."""
    own = " ".join(sorted(groups_of(params["operator"])))
    return {
        name: content.replace(OPERATOR_GROUPS, own) if content else None
        for name, content in params["files"].items()
    }


def now_in(path: Path) -> str | None:
    """Return what a file holds, if it is there."""
    return path.read_text() if path.exists() else None


def apply(params: dict[str, Any], before: Files, files: Files) -> None:
    """Write, check and reload; where it may not be so, all is as it was.

    Raises:
        RefusedError: If it may not be so.
    """
    write(files)
    try:
        check(params["operator"], params["group"])
        if params["systemd"]:
            stand_ready(before, params["undo_after"])
            subprocess.run(["systemctl", "reload", "ssh"], check=True, capture_output=True)
    except (RefusedError, KeyError, OSError, subprocess.SubprocessError) as error:
        write(before)
        raise RefusedError(f"{error}; the old configuration was kept") from error


def change(module: AnsibleModule) -> dict[str, Any]:
    """Make the files as they should be, and say whether a new login has to prove something."""
    files = wanted(module.params)
    before = {name: now_in(FOLDER / name) for name in files}
    changed = {name: content for name, content in files.items() if before[name] != content}
    # A run that was killed before its proof leaves the timer, which would take the files back.
    unproven = module.params["systemd"] and UNDO.exists()
    if changed and not module.check_mode:
        apply(module.params, before, changed)
    diff = {"before": "".join(before[name] or "" for name in changed),
            "after": "".join(content or "" for content in changed.values())}  # fmt: skip
    return {"changed": bool(changed) or unproven, "diff": diff}


ARGUMENTS = {
    "files": {"type": "dict", "default": {}},
    "operator": {"type": "str", "default": "root"},
    "group": {"type": "str", "default": ""},
    "undo_after": {"type": "int", "default": 180},
    "systemd": {"type": "bool", "default": True},
    "confirmed": {"type": "bool", "default": False},
}


def main() -> None:
    """Change how people get in; or report that the new login worked."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    if module.params["confirmed"]:
        if not module.check_mode:
            confirm(module)
        module.exit_json(changed=False)
    try:
        module.exit_json(**change(module))
    except KeyError:
        module.fail_json(msg=f"ssh: there is no account {module.params['operator']} on this host")
    except RefusedError as error:
        module.fail_json(msg=f"ssh: {error}")


if __name__ == "__main__":
    main()
