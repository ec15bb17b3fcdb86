"""Hosts that cannot be prepared: each says why in one line, and the others are done."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest

from .play import Outcome, group_vars, play, student
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
    "well": "true",
}
MEND = {
    "locked": "systemctl stop holder",
    "other": "umount /etc/os-release",
    "bare": "mv /usr/bin/python3.away /usr/bin/python3",
    "full": "mount -o remount,size=600m /home",
    "well": "true",
}


@dataclass(frozen=True)
class Bad:
    """What two runs did to the hosts: as they were, and mended."""

    hosts: dict[str, LabHost]
    first: Outcome
    full: Outcome
    mended: Outcome


@pytest.fixture(scope="module")
def bad(new_host) -> Bad:
    hosts = {name: new_host(name) for name in SPOIL}
    for name, script in SPOIL.items():
        hosts[name].shell(script)
    deadline = time.monotonic() + 20
    while not hosts["locked"].succeeds("test -e /run/locked"):
        assert time.monotonic() < deadline
    common = group_vars(lab_students=[student(n) for n in range(1, 9)], ready_lock_seconds=1)
    first = play("prepare-hosts.yml", list(hosts.values()), common)
    # The disk that fills up half way, which nobody can tell in advance.
    late = {**common, "ready_least_mib": 0}
    full = play("prepare-hosts.yml", [hosts["full"]], late)
    for name, script in MEND.items():
        hosts[name].shell(script)
    return Bad(hosts, first, full, play("prepare-hosts.yml", list(hosts.values()), common))


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
    assert bad.hosts["well"].succeeds("getent passwd s20210008")


def test_a_disk_that_fills_up_half_way_stops_single_students_and_leaves_no_half_home(bad):
    problems = bad.full.problems("full")

    assert bad.full.failed() == set(), bad.full.output[-2000:]
    assert 0 < len(problems) <= 8
    assert "No space left" in next(iter(problems.values()))[0]


@pytest.mark.parametrize("name", SPOIL)
def test_a_run_again_mends_everything(bad, name):
    assert name not in bad.mended.failed(), bad.mended.output[-2000:]
    assert bad.mended.problems(name) == {}
    homes = bad.hosts[name].shell("ls -A /home/s20210001 /home/s20210008; ls -A /home")
    assert homes.count(".bashrc") == 2
    assert ".practicum-" not in homes
