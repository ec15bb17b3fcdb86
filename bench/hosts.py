"""Lab hosts: `practicum hosts up` on a real host over SSH, beside a plain playbook with loops."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import yaml

from provisioner.playbook import Play, Run
from tests.hosts import rig_image
from tests.hosts.rig_host import LabHost, start_host

from .engine import running
from .results import HostRun
from .stage import CaseError

SIZES = (10, 40, 100)
LOOP_MOST = 40
"""The plain playbook takes as long for each of more."""

PRACTICUM, LOOP = "practicum", "plain playbook"
FIRST, SECOND = "first run", "second run"
PLAIN = Path(__file__).with_name("plain_loop.yml")
NAME = "bench"
TOOLS = ("age", "gpg", "pass")
FOR_STUDENTS = frozenset(
    [
        *("lab_accounts", "lab_archives", "lab_dotfiles", "lab_facts", "lab_gitolite"),
        *("lab_keyrings", "lab_keys", "lab_limits", "lab_record", "lab_removals", "lab_seeds"),
    ]
)
"""Modules that look at every student; all else is the host's part."""
TOOK = re.compile(r"^took ([0-9.]+) s on \S+ by (\S+): ", re.MULTILINE)


def run(home: Path, repeats: int, sizes: tuple[int, ...] = SIZES) -> Iterator[HostRun]:
    """Yield every measurement, each pair of runs on a host that nobody has prepared.

    Args:
        home: A folder that is emptied before and after.
        repeats: How often each is measured.
        sizes: How many students there are on the host; no more than some are looped over.

    Raises:
        CaseError: If a run does not do what it is to do.
    """
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    key = _key(home / "operator")
    with running() as engine:
        image = rig_image.ensure_image(engine)
        for repeat in range(1, repeats + 1):
            looped = tuple(size for size in sizes if size <= LOOP_MOST)
            for subject, its in ((PRACTICUM, sizes), (LOOP, looped)):
                for students in its:
                    host = start_host(engine, image, key, f"bench-{students}")
                    try:
                        yield from _pair(home, host, subject, students, repeat)
                    finally:
                        engine.docker("rm", "--force", "--volumes", host.container)
    shutil.rmtree(home, ignore_errors=True)


def _pair(home: Path, host: LabHost, subject: str, students: int, repeat: int) -> Iterator[HostRun]:
    course = home / f"{subject.replace(' ', '-')}-{students}-{repeat}"
    _write(course, host, students)
    for case in (FIRST, SECOND):
        began = time.monotonic()
        changed = _practicum(course) if subject == PRACTICUM else _loop(course, host, students)
        seconds = round(time.monotonic() - began, 2)
        if case == SECOND and changed:
            raise CaseError(f"{subject}: the second run of {students} changed {changed} tasks")
        part = _host_part(course) if subject == PRACTICUM else None
        print(f"hosts: {subject}, {students} students, {case}: {seconds} s, {part}", flush=True)
        yield HostRun(
            subject=subject,
            case=case,
            students=students,
            seconds=seconds,
            host_part=part,
            unit=f"hosts of {students}, {subject}, {repeat}",
        )


def _host_part(course: Path) -> float:
    """Return the seconds of the tasks that look at no student, from the log of the last run."""
    log = max((course / "home" / "logs" / "hosts").iterdir())
    took = TOOK.findall(log.read_text())
    if not took:
        raise CaseError(f"{log} does not say how long each task took")
    return round(sum(float(time) for time, by in took if by not in FOR_STUDENTS), 2)


def _write(course: Path, host: LabHost, students: int) -> None:
    files = course / "stacks" / NAME
    (files / "keys").mkdir(parents=True)
    ids = [str(20260000 + number) for number in range(students)]
    (files / "roster.csv").write_text("id,name\n" + "".join(f"{id},Student\n" for id in ids))
    public = _key(course / "one").with_suffix(".pub").read_text().split()
    for number, id in enumerate(ids):
        # Generating a pair each would take longer than the run: other bytes are another key.
        (files / "keys" / id).write_text(f"{public[0]} {_other(public[1], number)}\n")
    document = {
        "course": "Bench",
        "term": {"starts": "2026-09-01", "ends": "2027-12-19"},
        "cluster": "rehearsal",
        "hosts": [{"name": "lab1", "address": host.address, "port": host.port,
                   "identity": str(host.identity)}],
        "accounts": {"tools": list(TOOLS)},
    }  # fmt: skip
    (files / "cohort.yaml").write_text(yaml.safe_dump(document))
    (files / "known_hosts").write_text(host.known_hosts())


def _other(blob: str, number: int) -> str:
    import base64

    raw = bytearray(base64.b64decode(blob))
    raw[-4:] = number.to_bytes(4)
    return base64.b64encode(bytes(raw)).decode()


def _practicum(course: Path) -> int:
    command = [
        sys.executable, "-m", "provisioner", "--stacks", str(course / "stacks"), "--home",
        str(course / "home"), "hosts", "up", NAME, "--yes", "--json",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CaseError(f"hosts up exits with {done.returncode}: {done.stderr[-500:]}")
    return sum(int(host["changed"]) for host in json.loads(done.stdout)["hosts"])


def _loop(course: Path, host: LabHost, students: int) -> int:
    """Run the plain playbook with the same connection settings."""
    known = course / "stacks" / NAME / "known_hosts"
    listed = [
        {"account": f"s{20260000 + number}", "uid": 20_000 + number, "ssh_keys": ["ssh-ed25519 A"]}
        for number in range(students)
    ]
    variables = {
        "ansible_host": host.address,
        "ansible_port": host.port,
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(host.identity),
        "ansible_ssh_common_args": f"-o UserKnownHostsFile={known} -o BatchMode=yes",
        "lab_group": "bench",
        "lab_students": listed,
    }
    play = Play(playbook=PLAIN, hosts={"lab1": variables}, home=course / "home", cohort=NAME)
    result = Run(play).follow()["lab1"]
    if not result.is_done:
        raise CaseError(f"the plain playbook failed: {result.why}")
    return result.changed


def _key(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)]
    subprocess.run(command, check=True)
    return path
