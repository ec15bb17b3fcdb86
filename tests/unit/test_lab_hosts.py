"""What hosts are told, and what is made of their answers; no host is asked."""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pyrage
import pytest
import yaml

from provisioner import cohort as cohorts
from provisioner.cohort import enrolment, records
from provisioner.errors import InputError, MissingToolError
from provisioner.lifecycle.access import class_secret
from provisioner.lifecycle.hosts import harvest as host_harvest
from provisioner.lifecycle.hosts import inventory as host_inventory
from provisioner.lifecycle.hosts import reading as lab_hosts
from provisioner.lifecycle.hosts import report as host_report
from provisioner.lifecycle.hosts import status as hosts_status
from provisioner.lifecycle.hosts.harvest import Harvest
from provisioner.lifecycle.hosts.inventory import Folders
from provisioner.lifecycle.hosts.receipt import HostReceipt, HostsReceipt
from provisioner.lifecycle.hosts.report import HostRow, HostsResult
from provisioner.lifecycle.hosts.run import Ran
from provisioner.lifecycle.hosts.scan import Scanned
from provisioner.lifecycle.hosts.status import _absent, _differences, _host
from provisioner.playbook import HostKey, HostResult
from provisioner.report import hosts as text
from provisioner.settings import Settings

SOPS = Path(sys.executable).parent / "sops"
TEACHER = pyrage.x25519.Identity.generate()
COHORT = """\
course: Machine-learning systems
term: {starts: 2026-09-01, ends: 2026-12-19}
cluster: rehearsal
hosts:
  - {name: lab1, address: lab1.example.org, user: ops, identity: key}
  - {name: lab2, address: 192.0.2.10, port: 2222}
"""
IDS = ("20260001", "20260002", "20260003", "20260004")


class Course:
    """A cohort on disk."""

    def __init__(self, folder):
        self.settings = Settings(stacks=folder / "stacks", home=folder / "home")
        self.folder = folder / "stacks" / "course"
        (self.folder / "keys").mkdir(parents=True)
        self.write(COHORT)
        self.roster(*IDS)
        self.secrets = {}

    def write(self, content):
        (self.folder / "cohort.yaml").write_text(content)

    def roster(self, *ids):
        lines = [f"{id},Person {id[-1]},A,,pair{int(id[-1]) % 2}" for id in ids]
        (self.folder / "roster.csv").write_text(
            "\n".join(["id,name,section,email,group", *lines, ""])
        )

    def key(self, id):
        self.secrets[id] = pyrage.x25519.Identity.generate()
        (self.folder / "keys" / id).write_text(f"{self.secrets[id].to_public()}\n")

    def labs(self, *only):
        return lab_hosts.read(self.settings, "course", only)

    def save(self):
        lab_hosts.save(self.labs())

    def suspend(self, id):
        known = enrolment.assign({}, list(IDS), "course", 50)
        known[id] = replace(known[id], suspended=True)
        records.save(self.folder / "students.json", known, cluster="uid")


@pytest.fixture
def course(tmp_path):
    return Course(tmp_path)


@pytest.fixture
def folders(tmp_path):
    return Folders(archives=tmp_path / "archives", keys=tmp_path / "keys")


def inventory(course, folders, name="lab1", **about):
    labs = course.labs()
    host = next(host for host in labs.hosts if host.name == name)
    return host_inventory.variables(labs, host, folders, **{"archive": True, **about})


def test_no_name_of_a_person_reaches_a_host(course, folders):
    assert "Person" not in json.dumps(inventory(course, folders))


def test_students_have_their_state_and_their_own_key_alone(course, folders):
    course.key(IDS[0])
    course.save()
    course.suspend(IDS[2])
    course.roster(*IDS[:3])

    students = {one["id"]: one for one in inventory(course, folders)["lab_students"]}
    others = {one["id"]: one for one in inventory(course, folders, "lab2")["lab_students"]}

    states = {id: one["state"] for id, one in (students | others).items()}
    assert states == dict(zip(IDS, ["present", "present", "suspended", "dropped"], strict=True))
    assert students[IDS[0]]["recipient"] == str(course.secrets[IDS[0]].to_public())
    assert students[IDS[0]]["ssh_keys"] == []  # an age key lets nobody in


MIRRORS = """\
accounts:
  tools: [containerd]
  mirrors: {docker.io: ["https://mirror.example.edu"]}
"""


def test_mirrors_of_image_registries_reach_containerd(course, folders):
    assert inventory(course, folders)["lab_mirrors"] == {}

    course.write(COHORT + MIRRORS)

    assert inventory(course, folders)["lab_mirrors"] == {
        "docker.io": ["https://mirror.example.edu"]
    }


def test_an_ssh_key_lets_its_student_in(course, folders, tmp_path):
    key = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    public = key.with_suffix(".pub").read_text()
    (course.folder / "keys" / IDS[0]).write_text(public)

    student = inventory(course, folders)["lab_students"][0]

    assert student["ssh_keys"] == [" ".join(public.split()[:2])]


def test_ssh_believes_the_pinned_key_alone(course, folders):
    options = inventory(course, folders)["ansible_ssh_common_args"]

    assert "StrictHostKeyChecking=yes" in options
    assert f'UserKnownHostsFile="{course.folder.resolve()}/known_hosts"' in options
    assert "GlobalKnownHostsFile=none" in options


def test_without_an_archive_no_key_is_told(course, folders):
    course.write(COHORT + f"course_key: {TEACHER.to_public()}\n")

    assert inventory(course, folders)["lab_course_key"] == str(TEACHER.to_public())
    assert inventory(course, folders, archive=False)["lab_course_key"] is None


def test_who_works_together_is_told(course, folders):
    groups = {one["id"]: one["students"] for one in inventory(course, folders)["lab_groups"]}

    assert groups == {"pair1": [IDS[0], IDS[2]], "pair0": [IDS[1], IDS[3]]}


@pytest.mark.parametrize(
    "title", ["x @all", "x mls26/s20260007", "조 1", "x\n    RW+ = @all", "../x"]
)
def test_a_groups_title_is_no_rule_of_the_git_server(title):
    assert re.fullmatch(r"[a-z0-9-]+", host_inventory._repository(title))
    assert host_inventory._repository(title) != host_inventory._repository(title + " ")


def test_an_unknown_host_is_told_with_those_there_are(course):
    with pytest.raises(InputError) as caught:
        course.labs("lab3")

    assert caught.value.hint == "It has: lab1, lab2."


def test_many_who_leave_are_refused_until_their_number_is_said(course):
    course.roster(*IDS, "20260009")
    course.save()
    course.roster("20260009")

    with pytest.raises(InputError, match="4 of 5"):
        lab_hosts.refuse_mass_drop(course.labs(), None)
    lab_hosts.refuse_mass_drop(course.labs(), 4)


def test_a_drop_is_told_once_and_sent_for_ever(course, folders):
    course.save()
    course.roster(*IDS[:3])
    assert [seat.id for seat in lab_hosts.leavers(course.labs())] == [IDS[3]]

    course.save()

    assert lab_hosts.leavers(course.labs()) == []
    assert inventory(course, folders, "lab2")["lab_students"][1]["state"] == "dropped"


def test_who_leaves_another_host_than_the_run_is_about_has_not_left_yet(course):
    course.save()
    on_lab2 = {seat.id for seat in course.labs().seats.values() if seat.host == "lab2"}
    course.roster(*(id for id in IDS if id not in on_lab2))

    lab_hosts.save(course.labs("lab1"))

    assert {seat.id for seat in lab_hosts.leavers(course.labs())} == on_lab2
    lab_hosts.vacate(course.labs("lab1"), ["lab1"])
    assert {seat.id for seat in lab_hosts.leavers(course.labs())} == on_lab2


@pytest.mark.parametrize("hosts", [["lab1"], []])
def test_a_host_with_accounts_does_not_go_from_the_cohort_file_unnoticed(course, hosts):
    course.save()
    course.roster(IDS[0], IDS[2])  # who left in the same edit still has an account there
    left = yaml.safe_load(COHORT)
    left["hosts"] = [host for host in left["hosts"] if host["name"] in hosts]
    course.write(yaml.safe_dump(left))
    cohort = cohorts.load(course.settings.stacks, "course")

    with pytest.raises(InputError, match="does not name any more") as caught:
        lab_hosts.refuse_lost(cohort)

    assert "lab2" in {problem.where for problem in caught.value.problems}
    course.write(COHORT)
    lab_hosts.vacate(course.labs(), ["lab1", "lab2"])
    lab_hosts.refuse_lost(cohort)


def test_a_tool_is_absent_where_something_of_it_was_to_be_brought(course):
    found = {"programs": ["age", "gpg", "sops", "pass"]}  # all that the default tools bring

    assert list(_absent(course.labs(), found)) == []
    course.write(
        COHORT + "accounts: {dotfiles: {repository: https://x.org/d, commit: %s}}\n" % ("a" * 40)
    )
    assert list(_absent(course.labs(), found)) == ["dotfiles"]
    assert list(_absent(course.labs(), {"programs": ["dotdrop"]})) == [
        "age", "gpg", "sops", "pass", "passage",
    ]  # fmt: skip


def test_an_account_that_stands_in_no_list_is_told_as_nobodys_to_look_after(course):
    course.save()
    labs = course.labs()
    there = [*labs.wanted_on(labs.hosts[0]), "s20259999"]
    facts = {"record": {"cohort": "course"}, "programs": ["age", "gpg", "sops", "pass"]}
    facts["accounts"] = [{"account": account, "state": "open"} for account in there]
    ran = Ran(rows=(row(),), data={"lab1": {"lab_facts": facts}}, harvest=Harvest())

    found = _host(labs, labs.hosts[0], row(), ran, None)

    assert (found.state, found.unlisted, found.changed) == ("differs", ("s20259999",), 0)
    facts["accounts"].pop()
    assert _host(labs, labs.hosts[0], row(), ran, None).state == "ready"


def test_on_this_very_machine_the_operator_is_who_runs_practicum(course, folders):
    course.write(COHORT + "  - {name: here, connection: local}\n")

    said = inventory(course, folders, "here")

    assert said["ansible_user"] == pwd.getpwuid(os.getuid()).pw_name


def test_what_differs_is_told_by_what_would_be_done():
    wanted = {"a": "present", "b": "suspended", "c": "present", "d": "present"}
    there = {"b": "present", "c": "suspended", "d": "present", "e": "present"}

    assert _differences(wanted, there) == {
        "create": ("a",), "suspend": ("b",), "resume": ("c",), "remove": ("e",),
    }  # fmt: skip


def row(name="lab1", state="ok", **about):
    return HostRow(name=name, state=state, **{"changed": 0, "failed": 0, "students": 1, **about})


def test_where_no_disk_quota_is_kept_plan_and_status_say_why(course):
    facts = {"record": {}, "accounts": [], "no_quota": "/home is not mounted with quotas"}
    ran = SimpleNamespace(data={"lab1": {"lab_facts": facts}})
    labs = course.labs()

    found = hosts_status._host(labs, labs.hosts[0], row(), ran, None)
    shown = hosts_status.HostsStatus(cohort="course", hosts=(found,))

    assert found.to_json()["no_quota"] == facts["no_quota"]
    for lines in (text.plan(shown), text.status(shown)):
        assert any(line.endswith(f"no disk quota: {facts['no_quota']}") for line in lines)


CODES = [
    ([row(), row("lab2", "changed")], 0),
    ([row(), row("lab2", "unreachable")], 6),
    ([row(), row("lab2", "never started")], 6),
    ([row("lab1", "failed"), row("lab2", "unreachable")], 5),
    ([row(problems=(("1", "full"),))], 6),
    ([row("lab1", "never started", held=True), row("lab2", "unreachable")], 9),
    ([row("lab1", "never started", held=True), row("lab2", "changed")], 6),
]


@pytest.mark.parametrize(("rows", "code"), CODES)
def test_the_exit_code_says_whether_some_are_done(rows, code):
    assert HostsResult(cohort="course", rows=tuple(rows)).exit_code == code


@pytest.mark.parametrize(
    ("states", "code"),
    [(("ready", "differs", "not prepared"), 0), (("ready", "unreachable"), 6),
     (("not pinned", "differs"), 6), (("unreachable", "failed", "not pinned"), 5)],
)  # fmt: skip
def test_a_look_says_by_its_exit_code_whether_every_host_could_be_asked(states, code):
    hosts = (
        hosts_status.HostStatus(name=name, address="", state=name, students=0, differs={})
        for name in states
    )

    assert hosts_status.HostsStatus(cohort="c", hosts=tuple(hosts)).exit_code == code


def test_a_host_that_another_run_holds_never_started():
    result = HostResult(name="lab1", started=True, finished=True, failed=1, why="held")
    result.take({"lab_claim": {"holder": "process 7 on laptop"}})

    found = host_report.row_of(result, students=3)

    assert (found.state, found.held, found.is_done) == ("never started", True, False)


def test_the_next_run_takes_what_failed(course):
    rows = (row(), row("lab2", "failed", why="disk"))
    host_report.remember(course.settings, HostsResult(cohort="course", rows=rows))

    assert host_report.failed_last_time(course.settings, "course") == ("lab2",)
    host_report.remember(course.settings, HostsResult(cohort="course", rows=(row("lab2"),)))

    with pytest.raises(InputError, match="No host"):
        host_report.failed_last_time(course.settings, "course")
    assert set(host_report.last(course.settings, "course").rows) == {"lab1", "lab2"}


def test_a_damaged_note_of_the_last_run_is_none(course):
    host_report.remember(course.settings, HostsResult(cohort="course", rows=(row(),)))
    (course.settings.home / "hosts" / "course.json").write_text('{"time": 1}')

    assert host_report.last(course.settings, "course") is None


def test_a_run_that_failed_says_how_to_go_on():
    lines = list(text.up(HostsResult(cohort="course", rows=CODES[1][0] and tuple(CODES[1][0]))))

    assert lines[-1] == "Mend these and run again: practicum hosts up course --failed"
    assert lines[-2].startswith("course: 1 of 2 hosts done")


def test_a_receipt_proves_nothing_where_a_host_was_not_searched():
    clean = HostReceipt(name="lab1", state="changed")
    dark = HostReceipt(name="lab2", state="unreachable", remaining=("not searched: dark",))

    def receipt(*hosts, **about):
        return HostsReceipt(cohort="course", time=datetime.now(UTC), hosts=hosts, **about)

    assert receipt(clean).exit_code == 0
    assert receipt(clean, dark).exit_code == 6
    assert receipt(dark).exit_code == 8
    assert receipt(clean, not_archived=(("1", "disk"),)).exit_code == 6
    assert receipt(replace(dark, held=True)).exit_code == 9
    assert receipt(replace(dark, held=True), clean).exit_code == 6


def key(kind, blob):
    return HostKey(kind=kind, blob=blob)


SCANS = [
    ({key("a", "x")}, set(), "new"),
    (set(), {key("a", "x")}, "silent"),
    ({key("a", "x"), key("b", "y")}, {key("a", "x")}, "pinned"),
    ({key("a", "x")}, {key("a", "x"), key("b", "y")}, "pinned"),
    ({key("a", "z")}, {key("a", "x")}, "changed"),
    ({key("a", "z"), key("b", "y")}, {key("a", "x"), key("b", "y")}, "changed"),
    ({key("b", "y")}, {key("a", "x")}, "changed"),
]


@pytest.mark.parametrize(("shown", "pinned", "state"), SCANS)
def test_a_scan_says_whether_it_is_the_pinned_machine(shown, pinned, state):
    found = Scanned(name="lab1", place="lab1", shown=frozenset(shown), pinned=frozenset(pinned))

    assert found.state == state


def test_of_a_machines_keys_those_alone_are_believed_that_were_compared():
    """Who sits in between can show the true key, which is public, beside one of their own."""
    true, theirs = key("ssh-ed25519", "dHJ1ZQ=="), key("ecdsa-sha2-nistp256", "dGhlaXJz")
    found = Scanned(name="lab1", place="lab1", shown=frozenset({true, theirs}))

    assert found.known_by((true.fingerprint,)) == {true}
    assert found.known_by(("SHA256:another",)) == frozenset()


AGE = b"age-encryption.org/v1\n"


def harvest(course, folders, content=AGE + b"home", digest=None):
    path = folders.archives / "lab1" / "s20260001.lab1.tar.age"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    sha = digest or hashlib.sha256(content).hexdigest()
    one = {"id": IDS[0], "account": "s20260001", "path": "/var/x", "sha256": sha}
    told = {"lab_archives": {"archives": [one]}}
    return host_harvest.take_in(course.labs(), {"lab1": told}, folders)


def test_an_archive_counts_with_its_true_size(course, folders):
    found = harvest(course, folders)

    assert found.problems == ()
    assert found.archives[0]["bytes"] == len(AGE) + 4


@pytest.mark.parametrize("wrong", [{"content": b"plain tar"}, {"digest": "0" * 64}])
def test_an_archive_that_is_not_what_was_told_does_not_count(course, folders, wrong):
    found = harvest(course, folders, **wrong)

    assert found.archives == ()
    assert len(found.problems) == 1


def brought(course, folders, name, content, host="lab1"):
    path = folders.keys / host / f"{IDS[0]}.{name}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return host_harvest.take_in(course.labs(), {}, folders)


def test_a_host_brings_no_key_for_another_hosts_student(course, folders):
    """It may be in somebody else's hands, and hand-outs are encrypted to that key."""
    public = str(pyrage.x25519.Identity.generate().to_public())

    assert brought(course, folders, "age.pub", f"{public}\n", host="lab2").keys == ()
    assert not (course.folder / "keys" / IDS[0]).exists()


def test_a_key_from_a_host_is_the_students_where_there_was_none(course, folders):
    public = str(pyrage.x25519.Identity.generate().to_public())

    assert brought(course, folders, "age.pub", f"{public}\n").keys == (IDS[0],)
    assert (course.folder / "keys" / IDS[0]).read_text() == f"{public}\n"


def test_a_key_that_was_handed_in_stays(course, folders):
    course.key(IDS[0])
    before = (course.folder / "keys" / IDS[0]).read_text()
    other = str(pyrage.x25519.Identity.generate().to_public())

    assert brought(course, folders, "age.pub", f"{other}\n").keys == ()
    assert (course.folder / "keys" / IDS[0]).read_text() == before


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("age.pub", str(pyrage.x25519.Identity.generate())),
        ("age.pub", "age1notone"),
        ("ssh.pub", 'command="id" ssh-ed25519 AAAA'),
        ("gpg.asc", "-----BEGIN PGP PRIVATE KEY BLOCK-----"),
    ],
    ids=["private", "damaged", "with-options", "gpg-private"],
)
def test_what_a_host_sends_as_a_key_and_is_none_is_told(course, folders, name, content):
    found = brought(course, folders, name, content)

    assert len(found.problems) == 1
    assert not list((course.folder / "keys").iterdir())


# --- who may read the class's secrets, with the real sops -----------------------------------

SECRETS = f"""\
accounts:
  secrets:
    recipients: [{TEACHER.to_public()}]
    identity: {{identity}}
"""


def sops(*arguments, key=None, config=None):
    environment = {"PATH": "", "HOME": "/nonexistent"}
    if key:
        environment["SOPS_AGE_KEY"] = str(key)
    return subprocess.run(
        [SOPS, "--disable-version-check", *arguments],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture
def secret(course, tmp_path):
    """A course whose three of four students have a key, and a file that the teacher can read."""
    identity = tmp_path / "teacher.txt"
    identity.write_text(str(TEACHER))
    course.write(COHORT + SECRETS.format(identity=identity))
    for id in IDS[:3]:
        course.key(id)
    folder = course.folder / "secrets"
    folder.mkdir()
    plain = tmp_path / "plain.yaml"
    plain.write_text("password: canary-of-the-class\nnested: {list: [one, two]}\n")
    done = sops("encrypt", "--age", str(TEACHER.to_public()), plain)
    assert done.returncode == 0, done.stderr
    (folder / "class.sops.yaml").write_text(done.stdout)
    return folder / "class.sops.yaml"


def can_read(file, key):
    return "canary-of-the-class" in sops("decrypt", file, key=key).stdout


def test_members_can_read_and_who_left_cannot(course, secret):
    (before,) = class_secret.renew(course.settings, course.labs())
    first = yaml.safe_load(secret.read_text())
    assert before.missing == IDS[:3]
    assert all(can_read(secret, course.secrets[id]) for id in IDS[:3])
    old = secret.read_bytes()

    course.save()
    course.roster(*IDS[1:])
    (renewed,) = class_secret.renew(course.settings, course.labs())

    assert len(renewed.extra) == 1
    assert not can_read(secret, course.secrets[IDS[0]])
    assert all(can_read(secret, key) for key in (TEACHER, *(course.secrets[i] for i in IDS[1:3])))
    # A new data key: what the leaver knows of the old file opens nothing in the new one.
    assert yaml.safe_load(secret.read_text())["password"] != first["password"]
    assert old != secret.read_bytes()


def test_a_suspended_student_cannot_read_either(course, secret):
    course.save()
    course.suspend(IDS[1])

    class_secret.renew(course.settings, course.labs())

    assert not can_read(secret, course.secrets[IDS[1]])


def test_a_file_that_is_right_is_left_alone(course, secret):
    class_secret.renew(course.settings, course.labs())
    before = secret.read_bytes()

    assert class_secret.renew(course.settings, course.labs()) == ()
    assert secret.read_bytes() == before


def test_who_can_decrypt_is_told_against_who_should(course, secret):
    (found,) = class_secret.audit(course.labs())

    assert (found.missing, found.unkeyed, len(found.readers)) == (IDS[:3], IDS[3:], 1)


def test_a_key_of_another_kind_is_somebody_who_can_decrypt(course, secret):
    document = yaml.safe_load(secret.read_text())
    document["sops"]["pgp"] = [{"fp": "85D7", "created_at": "2026-09-01T00:00:00Z", "enc": "x"}]
    document["sops"]["key_groups"] = [{"kms": [{"arn": "arn:aws:kms:x", "enc": "x"}]}]
    secret.write_text(yaml.safe_dump(document))

    (found,) = class_secret.audit(course.labs())

    assert found.extra == ("kms:arn:aws:kms:x", "pgp:85D7")


def test_nothing_plain_is_left_behind(course, secret):
    class_secret.renew(course.settings, course.labs())

    for path in (*course.settings.home.rglob("*"), *course.folder.rglob("*")):
        assert not path.is_file() or b"canary-of-the-class" not in path.read_bytes()


def test_without_a_key_of_the_teachers_it_is_told_before_anything_runs(course, secret):
    course.write(COHORT + SECRETS.replace("    identity: {identity}\n", ""))

    with pytest.raises(InputError, match="no key can change it"):
        class_secret.renew(course.settings, course.labs())


def test_a_key_in_the_operators_home_is_not_used_by_accident(course, secret, tmp_path, monkeypatch):
    """sops looks into the home and into its own variables."""
    (tmp_path / ".ssh").mkdir()
    keys = tmp_path / ".config" / "sops" / "age"
    keys.mkdir(parents=True)
    (keys / "keys.txt").write_text(str(TEACHER))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SOPS_AGE_KEY", str(TEACHER))
    (tmp_path / "teacher.txt").write_text(str(pyrage.x25519.Identity.generate()))
    before = secret.read_bytes()

    with pytest.raises(Exception, match="sops exited"):
        class_secret.renew(course.settings, course.labs())

    assert secret.read_bytes() == before


PLAIN = [
    "password: hunter2\n", "- a\n", "", "sops: {age: []}\npassword: hunter2\n",
    "sops: {age: [], key_groups: [x]}\n", "sops: {age: [], pgp: [x]}\n", "sops: x\n",
]  # fmt: skip


@pytest.mark.parametrize("content", PLAIN)
def test_a_file_that_is_not_encrypted_never_reaches_a_host(course, secret, content):
    secret.write_text(content)

    with pytest.raises(InputError) as caught:
        class_secret.renew(course.settings, course.labs())

    assert "hunter2" not in str(caught.value.message) + str(caught.value.problems)


BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nsops: {age: [*b, *b]}\n"


@pytest.mark.parametrize(
    ("content", "what"),
    [("[" * 3_000, "nested deeper"), (BOMB, "aliases"), ("a: " + "x" * (1 << 20), "1 MiB")],
    ids=["deep", "bomb", "large"],
)
def test_a_file_that_takes_more_to_read_than_it_shows_is_refused(course, secret, content, what):
    secret.write_text(content)

    with pytest.raises(InputError) as caught:
        class_secret.audit(course.labs())

    assert what in str(caught.value.message) + str(caught.value.problems)
    assert str(secret) in str(caught.value.message)


def test_what_holds_nothing_is_not_plain(course, secret):
    """SOPS leaves nothing as it is, in its files as in its own part of them."""
    document = yaml.safe_load(secret.read_text())
    document |= {"empty": None, "text": "", "none": {}}
    document["sops"] |= {"kms": None, "pgp": [], "key_groups": None}
    secret.write_text(yaml.safe_dump(document))

    (found,) = class_secret.audit(course.labs())

    assert found.extra == ()


def test_a_leaf_that_was_left_plain_is_named(course, secret):
    document = yaml.safe_load(secret.read_text())
    document["nested"]["list"][1] = "plain"
    secret.write_text(yaml.safe_dump(document))

    with pytest.raises(InputError) as caught:
        class_secret.audit(course.labs())

    assert [problem.where for problem in caught.value.problems] == ["nested.list[1]"]


def test_without_sops_it_is_told_how_to_get_it(course, secret, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")

    with pytest.raises(MissingToolError, match="sops cannot be found"):
        class_secret.renew(course.settings, course.labs())
