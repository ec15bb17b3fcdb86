"""Hosts that cannot be prepared: each says why in one line, and the others are done."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from ..waiting import until
from .play import Outcome, group_vars, play, student
from .rig import at_once
from .rig_host import LabHost

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(900)]

LOCK = "/var/lib/dpkg/lock-frontend"
HOLD = (
    "import fcntl, time; file = open('" + LOCK + "', 'w'); fcntl.lockf(file, fcntl.LOCK_EX);"
    "open('/run/locked', 'w').close(); time.sleep(600)"
)
SAYS = {
    "locked": f"another program holds the lock of the package manager ({LOCK})",
    "other": "other cannot be prepared: it is no Debian or Ubuntu",
    "bare": "bare cannot be prepared: it has no Python; install the package python3",
    "full": "/home has 0 MiB left, and 500 MiB are needed",
}
SPOIL = {
    "locked": f'systemd-run --quiet --unit=holder python3 -c "{HOLD}"',
    "other": "printf 'ID=fedora\\n' > /tmp/os && mount --bind /tmp/os /etc/os-release",
    "bare": "mv /usr/bin/python3 /usr/bin/python3.away",
    "full": "mount -t tmpfs -o size=40k tmpfs /home",
    # Nothing keeps it from being prepared: quotas are asked for where they were never switched on.
    "well": "truncate -s 1G /disk; mkfs.ext4 -q -F /disk; mount -o loop /disk /mnt;"
    "cp -a /home/. /mnt; rmdir /mnt/lost+found; umount /mnt; mount -o loop,usrquota /disk /home",
}
MEND = {
    "locked": "systemctl stop holder",
    "other": "umount /etc/os-release",
    "bare": "mv /usr/bin/python3.away /usr/bin/python3",
    "full": "mount -o remount,size=600m /home",
}


@dataclass(frozen=True)
class Bad:
    """What two runs did to the hosts: as they were, and mended."""

    hosts: dict[str, LabHost]
    first: Outcome
    full: Outcome
    mended: Outcome
    others_are_done: bool
    """Whether the host that is well had its accounts after the first run."""

    @property
    def well(self) -> LabHost:
        """The host that nothing is wrong with."""
        return self.hosts["well"]


@pytest.fixture(scope="module")
def bad(new_host) -> Bad:
    hosts = {host.name: host for host in at_once(new_host, *SPOIL)}
    for name, script in SPOIL.items():
        hosts[name].shell(script)
    until(lambda: hosts["locked"].succeeds("test -e /run/locked"), "it is locked")
    common = group_vars(
        lab_students=[student(n) for n in range(1, 9)],
        lab_limits={"disk": "1Gi"},
        ready_lock_seconds=1,
    )
    first = play("prepare-hosts.yml", list(hosts.values()), common)
    is_done = hosts["well"].succeeds("getent passwd s20210008")
    # The disk that fills up half way, which nobody can tell in advance.
    late = {**common, "ready_least_mib": 0}
    full = play("prepare-hosts.yml", [hosts["full"]], late)
    for name, script in MEND.items():
        hosts[name].shell(script)
    spoilt = [hosts[name] for name in SAYS]
    return Bad(hosts, first, full, play("prepare-hosts.yml", spoilt, common), is_done)


@pytest.mark.parametrize("name", SAYS)
def test_a_host_that_cannot_be_prepared_says_why_in_one_line(bad, name):
    said = bad.first.failure(name)

    assert SAYS[name] in said
    assert "\n" not in said.strip()


@pytest.mark.parametrize("name", SAYS)
def test_nothing_was_touched_on_it(bad, name):
    assert bad.first.changes(name) == []


def test_the_other_hosts_are_done(bad):
    assert "well" not in bad.first.failed()
    assert bad.others_are_done


def test_a_disk_that_fills_up_half_way_stops_single_students_and_leaves_no_half_home(bad):
    problems = bad.full.problems("full")

    assert bad.full.failed() == set(), bad.full.output[-2000:]
    assert 0 < len(problems) <= 8
    assert "No space left" in next(iter(problems.values()))[0]


@pytest.mark.parametrize("name", SAYS)
def test_a_run_again_mends_everything(bad, name):
    assert name not in bad.mended.failed(), bad.mended.output[-2000:]
    assert bad.mended.problems(name) == {}
    homes = bad.hosts[name].shell("ls -A /home/s20210001 /home/s20210008; ls -A /home")
    assert homes.count(".bashrc") == 2
    assert ".practicum-" not in homes


DEAD = {3: "/home/s20210003/data", 4: "/tmp/theirs"}
"""By student, what they mounted with FUSE; the program behind it has ended."""


@dataclass(frozen=True)
class Unkept:
    """The end of term on one host, nothing to be archived, with file systems that are none's."""

    outcome: Outcome
    left: list[str]
    """Homes and archives that are there afterwards."""

    def said(self, number: int) -> str:
        (said,) = self.outcome.problems("well")[student(number)["id"]]
        return said


def end_of_term(host: LabHost) -> Outcome:
    return play("remove-accounts.yml", [host], group_vars(lab_students=[], lab_archive=False))


@pytest.fixture(scope="module")
def unkept(bad) -> Unkept:
    bad.well.shell(
        "mkdir -m 700 /home/s20210001/data; mount -t tmpfs tmpfs /home/s20210001/data;"
        "echo shared > /home/s20210001/data/everybodys; touch /home/s20210002/work"
    )
    bad.well.write("/root/fuse.py", Path(__file__).with_name("fuse.py").read_text())
    for number, path in DEAD.items():
        bad.well.shell(f"mkdir {path}; python3 /root/fuse.py dead {path} {20000 + number}")
    outcome = end_of_term(bad.well)
    left = bad.well.shell("ls /home; ls /var/lib/practicum/archives/mls26").split()
    return Unkept(outcome, left)


def test_where_nothing_is_to_be_archived_accounts_go_and_no_archive_is_made(bad, unkept):
    archives = [one for said in unkept.outcome.results("well") for one in said.get("archives", [])]

    assert unkept.outcome.failed() == set(), unkept.outcome.output[-2000:]
    assert {one["sha256"] for one in archives} == {""}
    assert unkept.left == ["ops", "s20210001", "s20210003", "s20210004"]
    assert not bad.well.succeeds("getent passwd s20210002")


def test_a_disk_that_is_mounted_in_a_home_is_never_emptied(bad, unkept):
    """It is in no archive, and it may be everybody's."""
    assert unkept.said(1).startswith("/home/s20210001/data is a file system of its own")
    assert bad.well.shell("cat /home/s20210001/data/everybodys") == "shared\n"
    assert bad.well.succeeds("getent passwd s20210001")


@pytest.mark.parametrize("number", DEAD)
def test_what_a_student_mounted_is_told_with_the_command_that_takes_it_away(unkept, number):
    """Also in a folder that is everybody's, where it must stop no other student's end."""
    assert unkept.said(number).startswith(f"{DEAD[number]} is a FUSE file system of the account's")
    assert f"Take it away on the host with: umount --lazy {DEAD[number]} and" in unkept.said(number)


@pytest.mark.soak
def test_once_it_is_taken_away_the_account_goes(bad, unkept):
    for number in DEAD:
        bad.well.shell(re.search("umount --lazy [^ ]+", unkept.said(number))[0])

    again = end_of_term(bad.well)

    assert {student(number)["id"] for number in DEAD} & set(again.problems("well")) == set()
    assert not bad.well.succeeds("getent passwd s20210003 || getent passwd s20210004")


def test_a_disk_whose_quotas_were_never_switched_on_fails_nothing_and_is_told(bad, unkept):
    (limits,) = [said for said in bad.first.results("well") if "disk_quota" in said]
    told = [said["no_quota"] for said in unkept.outcome.results("well") if "no_quota" in said]

    assert not limits["disk_quota"]
    assert bad.first.problems("well") == {}
    assert told[0].startswith("/home is mounted with quotas, and has none: repquota: ")
