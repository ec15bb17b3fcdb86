"""Accounts and sshd on prepared hosts: who gets in, with what, and how far."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .course import ADA, BEN, DAN, EVE, FIN
from .play import play, student

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(900)]
SSHD_ALONE = str(Path(__file__).with_name("plays") / "sshd-alone.yml")


def test_a_look_ahead_says_what_would_change_and_changes_nothing(course):
    look = course.runs["look"]

    assert look.failed() == set()
    assert look.changed("lab1") > 10
    # The fixture looked at the host in between: no account, no tool.


def test_the_first_run_fails_nowhere(course):
    assert course.runs["first"].failed() == set(), course.runs["first"].output[-3000:]


@pytest.mark.parametrize("host", ["lab1", "lab2"])
def test_a_second_run_changes_nothing(course, host):
    assert course.runs["second"].failed() == set()
    assert course.runs["second"].changes(host) == []


def test_the_packages_of_all_tools_are_asked_for_once(course):
    """But for those whose configuration must be there first."""
    asked = [
        event["task"] for event in course.runs["first"].events
        if (event["host"], event["action"]) == ("lab1", "ansible.builtin.apt")
    ]  # fmt: skip

    assert asked == [
        "Ensure the packages of all tools are installed, in one go",
        "Ensure containerd is installed", "Ensure Docker is installed",
    ]  # fmt: skip


def test_where_all_packages_are_there_nobody_is_asked_for_any(course):
    asked = [event["action"] for event in course.runs["second"].events]

    assert "ansible.builtin.apt" not in asked
    assert "lab_accounts" in asked


def test_an_account_is_the_student_s_own_and_nothing_more(course):
    facts = course.as_student(
        ADA, "id -u; id -g; id -Gn; stat -c %a ~; sudo -n true || echo refused"
    )

    assert facts.split() == ["20001", "20001", "s20210001", "lab-mls26", "700", "refused"]


def test_no_password_opens_an_account(course):
    shadow = course.hosts[0].shell("getent shadow s20210001").split(":")

    assert shadow[1] == "*"


def test_a_neighbour_cannot_look_into_a_home(course):
    assert course.login(ADA, "ls /home/s20210002").returncode != 0
    assert course.login(BEN, "ls /home/s20210002").returncode == 0


def test_only_the_student_s_own_key_opens_their_account(course):
    account = student(ADA)["account"]

    assert course.hosts[0].login(account, course.keys[ADA], "true").returncode == 0
    assert course.hosts[0].login(account, course.keys[BEN], "true").returncode == 255


def test_a_session_is_bounded(course):
    bounds = "CPUQuotaPerSecUSec,MemoryMax,TasksMax"
    script = f"cat /proc/self/cgroup; systemctl show user-$(id -u).slice --property {bounds}"
    said = course.as_student(ADA, script)

    assert "user-20001.slice" in said
    assert {"CPUQuotaPerSecUSec=500ms", f"MemoryMax={1 << 30}", "TasksMax=100"} <= {*said.split()}


BOMB = r"""
import os, signal
children = []
try:
    while len(children) < 150:
        children.append(os.fork() or signal.pause())
except OSError as error:
    print(error.strerror)
for child in children:
    os.kill(child, signal.SIGKILL)
"""


def test_a_fork_bomb_ends_at_its_own_limit(course):
    said = course.as_student(ADA, f"python3 -c '{BOMB}'")

    assert said == "Resource temporarily unavailable\n"
    assert course.login(BEN, "true").returncode == 0


def test_a_key_that_is_none_is_told_and_left_out(course):
    identity = student(DAN)["id"]

    assert course.runs["first"].problems("lab1")[identity] == [
        "SSH key 1 is no public key; it was left out",
        "git: SSH key 1 is no public key; it was left out",
    ]
    assert course.seen["keys of Dan"] == ""
    assert "OPENSSH PRIVATE" not in json.dumps(course.runs["first"].problems("lab1"))


def test_two_students_with_one_unix_name_get_no_account_and_stop_nobody(course):
    problems = course.runs["first"].problems("lab1")

    for number in (EVE, FIN):
        (said,) = problems[student(number)["id"]]
        assert said.startswith("2 students have the account twins")
    assert not course.hosts[0].succeeds("getent passwd twins")


def test_sshd_takes_keys_only_and_root_only_where_the_operator_is_root(course):
    for host, root in ((course.hosts[0], "without-password"), (course.hosts[1], "no")):
        settings = host.shell("sshd -T").splitlines()

        assert "passwordauthentication no" in settings
        assert "kbdinteractiveauthentication no" in settings
        assert f"permitrootlogin {root}" in settings


def test_the_operator_is_never_locked_out(course):
    assert course.hosts[0].login("root", course.hosts[0].identity, "true").returncode == 0
    assert course.hosts[1].login("ops", course.hosts[1].identity, "sudo", "true").returncode == 0
    # The role logged in anew, so nothing waits to undo what it did.
    assert not course.hosts[0].succeeds("systemctl list-timers | grep sshd-undo")


def test_another_operator_of_the_same_host_shuts_nobody_out(course):
    host = course.hosts[0]  # which root has prepared
    host.shell("usermod --append --groups sudo ops")
    outcome = play(SSHD_ALONE, [host], {}, user="ops")

    assert outcome.failed() == set(), outcome.output[-2000:]
    for operator in ("root", "ops"):
        assert host.login(operator, host.identity, "true").returncode == 0


def test_whoever_is_in_no_group_of_the_cohort_does_not_get_in(course):
    host, key = course.hosts[0], course.keys[ADA].with_suffix(".pub").read_text()
    host.shell(
        "useradd -m -p '*' stranger; install -d -m 700 -o stranger ~stranger/.ssh;"
        "cat > ~stranger/.ssh/authorized_keys; chown -R stranger ~stranger/.ssh", stdin=key,
    )  # fmt: skip

    assert host.login("stranger", course.keys[ADA], "true").returncode == 255
    host.shell("usermod -aG lab-mls26 stranger")
    assert host.login("stranger", course.keys[ADA], "true").returncode == 0
    host.shell("userdel --remove --force stranger 2>/dev/null || true")
