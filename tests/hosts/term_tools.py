"""What the stages of a term on lab hosts are made of: who is there, what runs, what is left."""

from __future__ import annotations

import os
import re
import subprocess
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import psutil
import pyrage

from provisioner.cohort import enrolment, records

from ..waiting import until
from .lab_course import CANARY, NAME

IDS = ("20260001", "20260002", "20260003", "root")
"""One of them is called as the host's administrator."""

SUSPENDED, LEAVER = IDS[0], IDS[2]
CLAIM = f"/var/lib/practicum/{NAME}.claim"
SOPS = {"PATH": f"{Path(os.sys.executable).parent}:{os.environ['PATH']}", "HOME": "/nonexistent"}
PATIENCE = 240
"""Seconds until something must have happened that takes two where nothing else runs."""


def secret(course):
    return course.files / "secrets" / "class.sops.yaml"


def sops(*arguments, key=None, **options):
    env = SOPS | ({"SOPS_AGE_SSH_PRIVATE_KEY_FILE": str(key)} if key else {})
    command = ["sops", "--disable-version-check", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, **options).stdout


def readers(course, ids=IDS):
    """Name those who can decrypt the class's secret."""
    file = str(secret(course))
    return {id for id in ids if "word-of-the-class" in sops("decrypt", file, key=course.key(id))}


def logins(course):
    """Log everybody in with their own key; say with which uid, and which secret they see."""
    script = f"id -u; cat /srv/practicum/{NAME}/secrets/class.sops.yaml"
    said = {id: course.login(id, script).stdout.partition("\n") for id in course.ids}
    return SimpleNamespace(
        uids={id: one[0] for id, one in said.items()},
        secrets={one[2] for one in said.values()},
        decided={id: str(course.seat(id)["uid"]) for id in course.ids},
    )


def started(course, *arguments):
    return subprocess.Popen(
        course.command("hosts", "up", NAME, "--yes", "--json", *arguments),
        env=course.environment(), text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def files_below(folder):
    """List what is in a folder that may go while we look."""
    return [Path(at, name) for at, _, names in os.walk(folder) for name in names]


def left_over(course):
    """Processes of a run that still live, and folders that it should have taken with it."""
    found = []
    ports = {str(host.port) for host in course.hosts}
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            command = process.cmdline()
            marked = f"{course.home}:{NAME}" in process.environ().get("PRACTICUM_PLAYBOOK", "")
            stays = command and command[0].startswith("ssh: /tmp/practicum-")
            there = {str(one.raddr.port) for one in process.net_connections() if one.raddr}
            if marked or (stays and there & ports):
                found.append(" ".join(command[:4]))
    return found + [str(path) for path in course.home.glob("playbook/*")]


def holding(paths):
    """Name the files that hold the operator's secret."""
    found = []
    for path in paths:
        with suppress(OSError):
            if CANARY.encode() in path.read_bytes():
                found.append(path)
    return found


@contextmanager
def out_of_the_way(host, path):
    """Put a folder where a file or folder of ours should be."""
    host.shell(f"mv {path} /root/kept; mkdir {path}")
    yield
    host.shell(f"rmdir {path}; mv /root/kept {path}")


def set_suspended(course, id, *, to):
    """What `practicum suspend` and `resume` write down when the cluster has done it."""
    path = course.files / "students.json"
    known = records.load(path) or enrolment.assign({}, course.ids, NAME, 50)
    records.save(path, known | {id: replace(known[id], suspended=to)}, cluster="uid")


OTHER_KEY = (
    "cd /etc/ssh; mkdir old; mv ssh_host_* old; ssh-keygen -A >/dev/null; systemctl start ssh"
)
OWN_KEY = "cd /etc/ssh; rm ssh_host_*; mv old/* .; rmdir old; systemctl restart ssh"


def course_key(course):
    """The private half of what archives are encrypted to."""
    text = next(course.home.glob("keys/*")).read_text()
    return pyrage.x25519.Identity.from_str(re.search("AGE-SECRET-KEY-1[A-Z0-9]+", text)[0])


def at_work(course):
    """Start a run, and return it when it is at work on the hosts, and holds them."""
    run, is_held = started(course), f"test -s {CLAIM}"
    until(lambda: all(host.succeeds(is_held) for host in course.hosts), "it is at work", run=run)
    return run
