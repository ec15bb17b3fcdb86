"""A course on two real hosts: looked ahead at, prepared twice, then changed and taken down.

Every step is a run of a playbook that all tests share; each looks at another part of it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyrage
import pytest
import yaml

from .play import PLAYBOOKS, Outcome, group_vars, play, student
from .rig import NewHost, at_once
from .rig_host import LabHost

TOOLS = ["age", "gpg", "sops", "pass", "passage", "containerd", "docker", "kubectl", "git_server"]
ADA, BEN, CHO, DAN, EVE, FIN = 1, 2, 3, 4, 5, 6
GIL, HAN, IDA = 7, 8, 9
"""Those who leave, are suspended, and come back."""

CORRECTED = "20219909"
"""Ida's id, from the second week on."""

CANARY = "canary-7d1f-class-secret"


@dataclass(frozen=True)
class Course:
    """Two hosts, the people on them, and what each run did."""

    hosts: list[LabHost]
    folder: Path
    keys: dict[int, Path]
    """Each student's own SSH key, which they log in with."""
    ages: dict[int, pyrage.x25519.Identity]
    runs: dict[str, Outcome]
    common: dict[str, Any]
    own: dict[str, dict[str, Any]]

    def login(self, number: int, *command: str) -> subprocess.CompletedProcess[str]:
        return self.hosts[0].login(student(number)["account"], self.keys[number], *command)

    def as_student(self, number: int, script: str) -> str:
        done = self.login(number, script)
        assert done.returncode == 0, done.stderr
        return done.stdout


def new_key(path: Path) -> Path:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path]
    subprocess.run(command, check=True)
    return path


def sops_program() -> str:
    (found,) = sorted((Path.home() / ".cache/practicum/programs").glob("sops-*"))
    return str(found)


def class_secret(folder: Path, recipients: list[str]) -> None:
    """Write a SOPS file with age alone knowing it: the role must find its recipients."""
    (folder / "plain.yaml").write_text(f"password: {CANARY}\n")
    done = subprocess.run(
        [sops_program(), "encrypt", "--age", ",".join(recipients), "plain.yaml"],
        cwd=folder, env={"PATH": "/usr/bin:/bin", "HOME": str(folder)}, check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    (folder / "plain.yaml").unlink()
    (folder / "secrets").mkdir(exist_ok=True)
    for path in (folder / "secrets" / "class.sops.yaml", folder / "before.yaml"):
        path.write_text(done.stdout)


@pytest.fixture(scope="session")
def course(
    new_host: NewHost, tmp_path_factory: pytest.TempPathFactory, program_cache: None
) -> Course:
    """Apply all roles to two hosts: a look ahead, a first run, a second one."""
    folder = tmp_path_factory.mktemp("course")
    hosts = at_once(new_host, "lab1", "lab2")
    keys = {number: new_key(folder / f"key{number}") for number in range(ADA, IDA + 1)}
    ages = {number: pyrage.x25519.Identity.generate() for number in (ADA, BEN, CHO, GIL)}
    teacher = pyrage.x25519.Identity.generate()
    (folder / "teacher.txt").write_text(f"{teacher}\n")
    (folder / "teacher.txt").chmod(0o600)
    recipients = {number: str(identity.to_public()) for number, identity in ages.items()}
    class_secret(folder, [str(teacher.to_public()), *recipients.values()])

    def person(number: int, **changes: Any) -> dict[str, Any]:
        public = keys[number].with_suffix(".pub").read_text().strip()
        return student(
            number, **{"ssh_keys": [public], "recipient": recipients.get(number), **changes}
        )

    bad_key = "-----BEGIN " + "OPENSSH PRIVATE KEY-----"
    first = [person(ADA), person(BEN), person(CHO), person(DAN, ssh_keys=[bad_key]),
             person(EVE, account="twins"), person(FIN, account="twins"), person(GIL), person(HAN),
             person(IDA, state="suspended")]  # fmt: skip
    common = group_vars(
        lab_tools=TOOLS, lab_course_key=str(teacher.to_public()),
        lab_limits={"cpu": "500m", "memory": "1Gi", "processes": 100, "disk": "1Gi"},
        lab_archive_folder=str(folder / "archives"), lab_keys_folder=str(folder / "public"),
        lab_recipients=[{"id": student(n)["id"], "recipient": recipients[n]} for n in recipients],
        lab_groups=[{"id": "g1", "students": [student(ADA)["id"], student(BEN)["id"]]}],
        lab_secrets={"age": [str(teacher.to_public())], "gpg": [gpg_key(folder)],
                     "folder": str(folder / "secrets"), "identity": str(folder / "teacher.txt")},
        lab_mirrors={"docker.io": ["https://m.example"]},
    )  # fmt: skip
    own = {
        "lab1": {"lab_students": first},
        # The other operator is nobody in particular, and becomes root with sudo.
        "lab2": {"lab_students": [person(EVE), person(FIN)], "lab_student_keys": "provision",
                 "lab_tools": ["age", "gpg", "pass", "passage"], "ansible_user": "ops"},
    }  # fmt: skip
    runs = {}
    for name, check in (("look", True), ("first", False), ("second", False)):
        runs[name] = play("prepare-hosts.yml", hosts, common, own=own, check=check)
        if name == "look":
            hosts[0].shell("! getent passwd s20210001 && ! command -v age && ! command -v sops")
        if name == "first":
            account = student(FIN)["account"]
            change = f"ssh-keygen -q -p -P '' -N secret -f /home/{account}/.ssh/id_ed25519"
            hosts[1].shell(f"runuser -u {account} -- {change}")
    return Course(hosts=hosts, folder=folder, keys=keys, ages=ages, runs=runs, common=common,
                  own=own)  # fmt: skip


@pytest.fixture(scope="session")
def program_cache() -> None:
    """Have the pinned SOPS, which the class's secrets are made with before any role ran."""
    if not list((Path.home() / ".cache/practicum/programs").glob("sops-*")):
        defaults = yaml.safe_load((PLAYBOOKS / "roles/sops/defaults/main.yml").read_text())
        bring_program(defaults["sops_source"])


def bring_program(source: dict[str, str]) -> None:
    arguments = json.dumps({"ANSIBLE_MODULE_ARGS": {"source": source}})
    subprocess.run(
        [sys.executable, str(PLAYBOOKS / "library/lab_program.py")], input=arguments, text=True,
        check=True, capture_output=True, timeout=300,
    )  # fmt: skip


def gpg_key(folder: Path) -> str:
    """Make a teacher's OpenPGP key, and return its public half."""
    home = folder / "gnupg"
    home.mkdir(mode=0o700)
    base = ["gpg", "--homedir", str(home), "--batch"]
    subprocess.run([*base, "--passphrase", "", "--quick-generate-key", "teacher@example.org"],
                   check=True, capture_output=True)  # fmt: skip
    shown = subprocess.run(
        [*base, "--armor", "--export"], check=True, capture_output=True, text=True
    )
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True)
    return shown.stdout


@pytest.fixture(scope="session")
def changed(course: Course) -> Outcome:
    """The next week: one left, one is suspended, one is back, and one has another key."""
    new_key(course.folder / "new-key")
    people = {entry["id"]: dict(entry) for entry in course.own["lab1"]["lab_students"]}
    people[student(GIL)["id"]]["state"] = "dropped"
    people[student(HAN)["id"]]["state"] = "suspended"
    people[student(IDA)["id"]] |= {"state": "present", "id": CORRECTED}
    public = (course.folder / "new-key.pub").read_text().strip()
    people[student(DAN)["id"]]["ssh_keys"] = [public]
    staying = [who for who in course.common["lab_recipients"] if who["id"] != student(GIL)["id"]]
    host = course.hosts[0]
    host.shell("dpkg --remove --force-depends tree 2>/dev/null")
    host.shell("echo work > /home/s20210007/work; touch /tmp/left; chown 20007 /tmp/left")
    for number in (GIL, HAN):
        host.shell(f"setpriv --reuid={20000 + number} --regid=20000 --clear-groups sleep 900 &")
    return play(
        "prepare-hosts.yml", [host],
        {**course.common, "lab_recipients": staying},
        own={"lab1": {"lab_students": list(people.values())}},
    )  # fmt: skip


@pytest.fixture(scope="session")
def removed(course: Course) -> list[Outcome]:
    """The end of term, on the host whose operator is nobody in particular: twice."""
    for number in (EVE, FIN):
        course.hosts[1].shell(f"echo work > /home/{student(number)['account']}/work")
    course.hosts[1].shell("f=/var/lib/gitolite3/repositories/mls26; mkdir -p $f; echo 1 > $f/work")
    one_home_at_a_time = {**course.common, "accounts_archive_seconds": 0}
    return [
        play("remove-accounts.yml", course.hosts[1:], one_home_at_a_time, own=course.own)
        for _ in range(2)
    ]
