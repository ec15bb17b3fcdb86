"""The roles on this very machine, with ``ansible_connection=local``, in a copy that is thrown away.

Run as root inside ``IN_A_COPY``: an overlay over the whole disk takes all that is written, and
a process namespace ends all that is started. So real accounts are made and real packages are
installed, and the machine is afterwards as it was.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from .play import Outcome, group_vars, run_play, student

TOOLS = ["age", "gpg", "pass", "passage"]
IN_A_COPY = r"""
scratch=$(mktemp -d)
mount -t tmpfs -o size=3g tmpfs "$scratch"
mkdir "$scratch/upper" "$scratch/work" "$scratch/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$scratch/upper,workdir=$scratch/work" "$scratch/root"
cd "$scratch/root"
mount -t proc proc proc
mount --rbind /dev dev
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mkdir -p ".$PROJECT"
mountpoint -q "$PROJECT" && mount --bind "$PROJECT" ".$PROJECT"
cat /etc/resolv.conf > /dev/null && cp -L /etc/resolv.conf etc/resolv.conf 2>/dev/null || true
printf '#!/bin/sh\nexit 101\n' > usr/sbin/policy-rc.d
chmod 755 usr/sbin/policy-rc.d
exec chroot . /bin/sh -c 'cd "$PROJECT" && exec "$PYTHON" -m tests.hosts.local_run'
"""


def once(playbook: str, common: dict[str, Any]) -> Outcome:
    """Run a playbook here."""
    with tempfile.TemporaryDirectory() as folder:
        line = {"ansible_connection": "local", "ansible_python_interpreter": "/usr/bin/python3"}
        return run_play(Path(folder), playbook, {"here": line}, common)


def main() -> None:
    """Prepare twice, then take down; print what happened."""
    common = group_vars(
        lab_cohort="local", lab_group="lab-local", lab_tools=TOOLS, lab_student_keys="provision",
        lab_students=[student(1), student(2, state="suspended")],
        lab_course_key="", lab_limits={"processes": 100},
    )  # fmt: skip
    first = once("prepare-hosts.yml", common)
    passwd = Path("/etc/passwd").read_text()
    second = once("prepare-hosts.yml", common)
    said = {
        "failed": sorted(first.failed() | second.failed()), "why": first.output[-3000:],
        "changed": [first.changed("here"), second.changed("here")],
        "again": second.changes("here"), "accounts": passwd.count("practicum local"),
    }  # fmt: skip
    sys.stdout.write(f"{json.dumps(said)}\n")


if __name__ == "__main__":
    main()
