"""A course on two real hosts: looked ahead at, prepared twice, then changed and taken down.

Every step is a run of a playbook that all tests share; each looks at another part of it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyrage
import pytest
import yaml

from provisioner import toolchain

from .ansible_modules import library
from .play import PLAYBOOKS, Outcome, group_vars, play, student
from .rig import NewHost, at_once
from .rig_host import LabHost

lab_program = library("lab_program")

TOOLS = ["age", "gpg", "sops", "pass", "passage", "containerd", "docker", "kubectl", "git_server"]
FOR_STUDENTS = ["age", "gpg", "sops", "pass", "passage", "git_server"]
"""Tools of which each student has something of their own, so that a roster changes it."""

ADA, BEN, CHO, DAN, EVE, FIN = 1, 2, 3, 4, 5, 6
GIL, HAN, IDA = 7, 8, 9
"""Those who leave, are suspended, and come back."""

CORRECTED = "20219909"
"""Ida's id, from the second week on."""

CANARY = "canary-7d1f-class-secret"
SEEN = {
    "keys of Dan": f"cat /home/{student(DAN)['account']}/.ssh/authorized_keys",
    "the class's rule": "cat /etc/practicum/mls26/sops/.sops.yaml",
    "recipients": "ls /etc/practicum/mls26/recipients",
    "secrets": "ls /srv/practicum/mls26/secrets",
}
"""Scripts for the first host, by what they show."""


@dataclass(frozen=True)
class Course:
    """Two hosts, the people on them, and what each run did."""

    hosts: list[LabHost]
    folder: Path
    keys: dict[int, Path]
    """Each student's own SSH key, which they log in with."""
    ages: dict[int, pyrage.x25519.Identity]
    runs: dict[str, Outcome]
    seen: dict[str, str]
    """What lay on the hosts after the first run, and is another thing later."""
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


def class_secret(folder: Path, recipients: list[str]) -> Path:
    """Write a SOPS file for some people, as `practicum hosts up` does before any playbook runs."""
    (folder / "plain.yaml").write_text(f"password: {CANARY}\n")
    done = subprocess.run(
        [sops_program(), "encrypt", "--age", ",".join(recipients), "plain.yaml"],
        cwd=folder, env={"PATH": "/usr/bin:/bin", "HOME": str(folder)}, check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    (folder / "plain.yaml").unlink()
    path = folder / "secrets" / "class.sops.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(done.stdout)
    return path


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
    secret = class_secret(folder, [str(teacher.to_public()), *recipients.values()])
    former = secret.with_name("former.sops.yaml")
    former.write_text(secret.read_text())

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
                     "files": [str(secret), str(former)]},
        lab_mirrors={"docker.io": ["https://m.example"]},
    )  # fmt: skip
    own = {
        "lab1": {"lab_students": first},
        # The other operator is nobody in particular, and becomes root with sudo.
        "lab2": {"lab_students": [person(EVE), person(FIN)], "lab_student_keys": "provision",
                 "lab_tools": ["age", "gpg", "pass", "passage", "kind"], "ansible_user": "ops"},
    }  # fmt: skip
    runs = {"look": play("prepare-hosts.yml", hosts[:1], common, own=own, check=True)}
    hosts[0].shell("! getent passwd s20210001 && ! command -v age && ! command -v sops")
    runs["first"] = play("prepare-hosts.yml", hosts, common, own=own)
    account = student(FIN)["account"]
    change = f"ssh-keygen -q -p -P '' -N secret -f /home/{account}/.ssh/id_ed25519"
    hosts[1].shell(f"runuser -u {account} -- {change}")
    runs["second"] = play("prepare-hosts.yml", hosts, common, own=own)
    seen = {name: hosts[0].shell(script) for name, script in SEEN.items()}
    return Course(hosts=hosts, folder=folder, keys=keys, ages=ages, runs=runs, seen=seen,
                  common=common, own=own)  # fmt: skip


@pytest.fixture(scope="session")
def program_cache() -> None:
    """Have the pinned SOPS, which the class's secrets are made with before any role ran.

    And the pinned kind, which other tests have the toolchain build: to build it again takes a minute.
    """
    if not list(lab_program.cache().glob("sops-*")):
        bring_program(source_of("sops"))
    kind = lab_program.place(source_of("kind"))
    if not kind.exists():
        unfinished = kind.with_name(f"{kind.name}.{os.getpid()}")
        shutil.copy(toolchain.find("kind")["kind"].path, unfinished)
        unfinished.replace(kind)


def source_of(role: str) -> dict[str, str]:
    """Read where a role's program comes from."""
    defaults = yaml.safe_load((PLAYBOOKS / "roles" / role / "defaults/main.yml").read_text())
    found: dict[str, str] = defaults[f"{role}_source"]
    return found


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
    teacher = course.common["lab_course_key"]
    secret = class_secret(course.folder, [teacher, *(who["recipient"] for who in staying)])
    host = course.hosts[0]
    host.shell("dpkg --remove --force-depends tree 2>/dev/null")
    host.shell("echo work > /home/s20210007/work; touch /tmp/left; chown 20007 /tmp/left")
    for number in (GIL, HAN):
        host.shell(f"setpriv --reuid={20000 + number} --regid=20000 --clear-groups sleep 900 &")
    return play(
        "prepare-hosts.yml", [host],
        {**course.common, "lab_recipients": staying, "lab_tools": FOR_STUDENTS,
         "lab_secrets": {**course.common["lab_secrets"], "files": [str(secret)]}},
        own={"lab1": {"lab_students": list(people.values())}},
    )  # fmt: skip


@pytest.fixture(scope="session")
def provisioned(course: Course) -> dict[str, str]:
    """What a student finds and does on the host on which keys were made, before its end."""
    host, home = course.hosts[1], f"/home/{student(EVE)['account']}"
    asked = {name: host.shell(script.format(home=home)) for name, script in PROVISIONED.items()}
    for name, script in STORES.items():
        done = host.login(student(EVE)["account"], course.keys[EVE], script)
        asked[name] = done.stdout or done.stderr
    return asked


PROVISIONED = {
    "age": "age-keygen -y {home}/.config/sops/age/keys.txt",
    "ssh": "ssh-keygen -y -f {home}/.ssh/id_ed25519 | cut -d' ' -f1-2",
    "modes": "stat -c '%U %a' {home}/.ssh/id_ed25519 {home}/.config/sops/age/keys.txt",
    "private": "grep -h SECRET {home}/.config/sops/age/keys.txt",
}
STORES = {
    "pass": "echo s3cret | pass insert --echo first >/dev/null && pass show first",
    "passage": "cd ~/.passage && cat store/.age-recipients >/dev/null 2>&1 || "
    "age-keygen -y identities > store/.age-recipients;"
    "echo hello | age -R store/.age-recipients -o store/a.age && age -d -i identities store/a.age",
}


@pytest.fixture(scope="session")
def removed(course: Course, provisioned: dict[str, str]) -> list[Outcome]:
    """The end of term, on the host whose operator is nobody in particular: twice."""
    for number in (EVE, FIN):
        course.hosts[1].shell(f"echo work > /home/{student(number)['account']}/work")
    course.hosts[1].shell("f=/var/lib/gitolite3/repositories/mls26; mkdir -p $f; echo 1 > $f/work")
    one_home_at_a_time = {**course.common, "accounts_archive_seconds": 0}
    return [
        play("remove-accounts.yml", course.hosts[1:], one_home_at_a_time, own=course.own)
        for _ in range(2)
    ]
