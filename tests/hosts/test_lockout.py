"""No change of sshd locks the operator out: it is refused, or it is undone."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..waiting import until
from .play import group_vars, play

pytestmark = pytest.mark.hosts

PLAY = str(Path(__file__).with_name("plays") / "change-sshd.yml")
GROUP = "p-course"
HARD = "PasswordAuthentication no\n"
REFUSED = {
    "what sshd does not know": (HARD + "Nonsense yes\n", "sshd would refuse"),
    "a group that the operator is not in": (HARD + "AllowGroups nobody\n", "may log in"),
    "a group of the operator's denied": (HARD + "DenyGroups root\n", "is denied"),
    "the operator denied": (HARD + "DenyUsers root\n", "is denied"),
    "no root, and the operator is root": (HARD + "PermitRootLogin no\n", "the operator is root"),
    "no keys": (HARD + "PubkeyAuthentication no\n", "forbids keys"),
    "passwords": ("PasswordAuthentication yes\n", "allows passwords; the"),
    "what PAM asks for": (HARD + "KbdInteractiveAuthentication yes\n", "allows passwords; the"),
    "passwords for a group of students": (
        HARD + f"Match Group {GROUP}\n  PasswordAuthentication yes\n",
        "passwords for students",
    ),
    "passwords for one student": (
        HARD + "Match User student\n  KbdInteractiveAuthentication yes\n",
        "passwords for students",
    ),
}
LOCKS_OUT = HARD + "Match User root\n  AuthorizedKeysFile /nonexistent\n"
"""Nothing in it can be told to be wrong before somebody tries to log in."""


@pytest.fixture(scope="module")
def host(new_host):
    """A host with one student."""
    host = new_host("door")
    host.shell(f"groupadd {GROUP}; useradd -m -G {GROUP} student")
    return host


AS_IT_WAS = (
    "systemctl stop practicum-sshd-undo.timer 2>/dev/null || true;"
    "rm -f /var/lib/practicum/sshd-undo.sh /etc/ssh/sshd_config.d/*; systemctl reload ssh"
)


@pytest.fixture
def door(host):
    """The host, which nobody has changed; what a test changes is taken back."""
    yield host
    host.shell(AS_IT_WAS)


def tried(host, changes, seconds):
    """Try some changes one after the other; return what was said of each."""
    outcome = play(PLAY, [host], group_vars(changes=changes, undo_after=seconds, group=GROUP))
    (result,) = [result for result in outcome.results("door") if "results" in result]
    return result["results"]


@pytest.fixture(scope="module")
def refusals(host):
    """What is said of each change that must be refused, and what is there afterwards."""
    results = tried(host, [{"05-test.conf": text} for text, _ in REFUSED.values()], 600)
    left = host.shell(
        "ls /etc/ssh/sshd_config.d; sshd -t; systemctl list-timers | grep -c sshd-undo || true"
    )
    return dict(zip(REFUSED, results, strict=True)), left


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_lock_the_operator_out_or_let_passwords_in_is_refused(refusals, name):
    said = refusals[0][name]["msg"]

    assert REFUSED[name][1] in said
    assert "the old configuration was kept" in said


def test_what_is_refused_leaves_no_trace(host, refusals):
    assert refusals[1] == "0\n"
    assert host.login("root", host.identity, "true").returncode == 0


def is_locked_out(door, seconds):
    """Change sshd so that nobody gets in; says whether we saw it before it was undone."""
    changes = [{"05-test.conf": LOCKS_OUT}]
    tried(door, changes, seconds)
    return door.login("root", door.identity, "true").returncode == 255


def test_a_change_after_which_nobody_logged_in_is_undone(door):
    # Where Ansible ends late it has been undone by then; so once more, with more time.
    assert any(is_locked_out(door, seconds) for seconds in (6, 20, 60, 180))
    timer = door.shell("systemctl show -p ActiveState -p AccuracyUSec practicum-sshd-undo.timer")
    assert "ActiveState=active" not in timer or "AccuracyUSec=1s" in timer

    until(lambda: not door.login("root", door.identity, "true").returncode, "the operator gets in")
    assert door.shell("ls /etc/ssh/sshd_config.d") == ""


def test_a_run_that_ended_before_its_proof_is_proved_by_the_next(door):
    changes = [{"05-test.conf": HARD}]
    first, again = (tried(door, changes, 600)[0] for _ in range(2))
    door.shell("systemctl stop practicum-sshd-undo.timer; rm /var/lib/practicum/sshd-undo.sh")
    proved = tried(door, changes, 600)[0]

    assert [one["changed"] for one in (first, again, proved)] == [True, True, False]
