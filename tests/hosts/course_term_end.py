"""What a changed roster does on a prepared host, and what the end of term leaves there."""

from __future__ import annotations

import subprocess

import pyrage
import pytest

from .course import ADA, CORRECTED, DAN, GIL, HAN, IDA
from .play import play, student

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(900)]


def open_archive(course, name, member):
    identity = pyrage.x25519.Identity.from_str((course.folder / "teacher.txt").read_text().strip())
    packed = pyrage.decrypt((course.folder / "archives" / name).read_bytes(), [identity])
    shown = subprocess.run(
        ["tar", "--extract", "--to-stdout", member], input=packed, capture_output=True, check=True
    )
    return shown.stdout.decode()


def test_a_change_of_the_roster_fails_nowhere(changed):
    assert changed.failed() == set(), changed.output[-3000:]


def test_a_package_that_somebody_removed_is_there_again(course, changed):
    assert course.hosts[0].succeeds("command -v tree")
    asked = [event["task"] for event in changed.events if event["action"] == "ansible.builtin.apt"]
    assert asked == ["Ensure the packages of all tools are installed, in one go"]


def test_whoever_left_is_archived_then_gone_with_all_that_ran(course, changed):
    assert open_archive(course, "s20210007.lab1.tar.age", "./s20210007/work") == "work\n"
    leftovers = "getent passwd s20210007; getent group s20210007; ls -d /home/s20210007 /tmp/left; pgrep -u 20007"
    assert course.hosts[0].shell(f"({leftovers}) 2>/dev/null || true") == ""


def test_an_archive_says_nothing_without_the_course_s_key(course, changed):
    packed = (course.folder / "archives" / "s20210007.lab1.tar.age").read_bytes()

    assert packed.startswith(b"age-encryption.org/v1")
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(packed, [course.ages[ADA]])


def test_whoever_is_suspended_is_out_and_keeps_their_work(course, changed):
    assert course.login(HAN, "true").returncode == 255
    assert course.hosts[0].shell("test -d /home/s20210008; pgrep -u 20008 || true") == ""


def test_an_expired_account_is_refused_even_with_its_key(course, changed):
    """The key is gone, too; this is the second lock."""
    public = course.keys[HAN].with_suffix(".pub").read_text()
    course.hosts[0].write("/home/s20210008/.ssh/authorized_keys", public)

    assert course.login(HAN, "true").returncode == 255


def test_whoever_was_suspended_and_is_back_gets_in(course, changed):
    assert course.login(IDA, "true").returncode == 0


def test_whose_id_was_corrected_keeps_account_and_work(course, changed):
    found = course.hosts[0].shell("getent passwd s20210009")

    assert f"practicum {course.common['lab_cohort']} {CORRECTED}" in found
    assert CORRECTED not in changed.problems("lab1")


def test_a_new_key_takes_the_place_of_what_was_none(course, changed):
    account = student(DAN)["account"]

    assert course.hosts[0].login(account, course.folder / "new-key", "true").returncode == 0
    assert student(DAN)["id"] not in changed.problems("lab1")


def test_the_host_has_the_new_secret_and_none_of_the_former(course, changed):
    ours = (course.folder / "secrets" / "class.sops.yaml").read_text()

    assert course.seen["secrets"] == "class.sops.yaml\nformer.sops.yaml\n"
    assert course.hosts[0].shell("cd /srv/practicum/mls26/secrets; ls -A; cat *") == (
        f"class.sops.yaml\n{ours}"
    )


def test_the_end_of_term_archives_everybody_and_leaves_the_tools(course, removed):
    host = course.hosts[1]

    assert removed[0].failed() == set(), removed[0].output[-3000:]
    for account in ("s20210005", "s20210006"):
        assert open_archive(course, f"{account}.lab2.tar.age", f"./{account}/work") == "work\n"
    assert open_archive(course, "repositories.lab2.tar.age", "./mls26/work") == "1\n"
    leftovers = (
        "getent group lab-mls26; ls -d /home/s2* /etc/practicum/mls26 /srv/practicum/mls26 "
        "/var/lib/practicum/mls26.json /etc/ssh/sshd_config.d/11* /etc/systemd/system/user-2*; "
        "ls -d /var/lib/practicum/archives/mls26 /etc/security/limits.d/practicum*; "
        "ls -d /var/lib/gitolite3/repositories/mls26"
    )
    assert host.shell(f"({leftovers}) 2>/dev/null || true") == ""
    assert host.succeeds("command -v age && command -v gpg && command -v pass")
    assert host.login("ops", host.identity, "true").returncode == 0


def test_a_home_is_fetched_and_removed_before_the_next_is_packed(removed):
    packed = [one["archives"] for one in removed[0].results("lab2") if "archives" in one]

    assert [len(one) for one in packed if one and one[0]["account"] != "repositories"] == [1, 1]


def test_an_end_of_term_again_changes_nothing(removed):
    assert removed[1].failed() == set()
    assert removed[1].changes("lab2") == []


def test_reading_a_host_says_what_is_there_and_changes_nothing(course, changed):
    said = play("read-hosts.yml", course.hosts[:1], course.common)
    (facts,) = [result for result in said.results("lab1") if "accounts" in result]
    states = {entry["id"]: entry["state"] for entry in facts["accounts"]}

    assert said.changes("lab1") == []
    assert states[student(ADA)["id"]] == "open"
    assert states[student(HAN)["id"]] == "shut"
    assert student(GIL)["id"] not in states
    assert facts["services"]["containerd"] == "active"
    assert facts["record"]["cohort"] == "mls26"


def test_nothing_of_the_cohort_is_left_after_the_end_of_term(course, removed):
    said = play("read-hosts.yml", course.hosts, course.common, own=course.own)
    (kept,) = [result["leftovers"] for result in said.results("lab1") if "leftovers" in result]
    (gone,) = [result["leftovers"] for result in said.results("lab2") if "leftovers" in result]

    assert gone == []
    assert {"account s20210001", "group lab-mls26", "/srv/practicum/mls26"} <= set(kept)
