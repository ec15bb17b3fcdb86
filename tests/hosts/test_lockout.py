"""No change of sshd locks the operator out: it is refused, or it is undone."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from .play import group_vars, play

pytestmark = pytest.mark.hosts

PLAY = str(Path(__file__).with_name("plays") / "change-sshd.yml")
HARD = "PasswordAuthentication no\n"
REFUSED = {
    "what sshd does not know": (HARD + "Nonsense yes\n", "sshd would refuse"),
    "a group that the operator is not in": (HARD + "AllowGroups nobody\n", "may log in"),
    "a group of the operator's denied": (HARD + "DenyGroups root\n", "is denied"),
    "the operator denied": (HARD + "DenyUsers root\n", "is denied"),
    "no root, and the operator is root": (HARD + "PermitRootLogin no\n", "the operator is root"),
    "no keys": (HARD + "PubkeyAuthentication no\n", "forbids keys"),
    "passwords": ("PasswordAuthentication yes\n", "allows passwords"),
}
LOCKS_OUT = HARD + "Match User root\n  AuthorizedKeysFile /nonexistent\n"
"""Nothing in it can be told to be wrong before somebody tries to log in."""


@pytest.fixture(scope="module")
def door(new_host):
    return new_host("door")


@pytest.fixture(scope="module")
def refusals(door):
    changes = [{"05-test.conf": text} for text, _ in REFUSED.values()]
    outcome = play(PLAY, [door], group_vars(changes=changes, undo_after=600))
    (result,) = [result for result in outcome.results("door") if "results" in result]
    return dict(zip(REFUSED, result["results"], strict=True))


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_lock_the_operator_out_is_refused(refusals, name):
    assert REFUSED[name][1] in refusals[name]["msg"]
    assert "the old configuration was kept" in refusals[name]["msg"]


def test_what_is_refused_leaves_no_trace(door, refusals):
    assert door.shell("ls /etc/ssh/sshd_config.d; sshd -t; systemctl list-timers | grep -c sshd-undo "
                      "|| true") == "0\n"  # fmt: skip
    assert door.login("root", door.identity, "true").returncode == 0


def is_locked_out(door, seconds):
    """Change sshd so that nobody gets in; says whether we saw it before it was undone."""
    changes = [{"05-test.conf": LOCKS_OUT}]
    play(PLAY, [door], group_vars(changes=changes, undo_after=seconds))
    return door.login("root", door.identity, "true").returncode == 255


def test_a_change_after_which_nobody_logged_in_is_undone(door, refusals):
    # Where Ansible ends late it has been undone by then; so once more, with more time.
    seconds = next(seconds for seconds in (6, 20, 60) if is_locked_out(door, seconds))
    timer = door.shell("systemctl show -p ActiveState -p AccuracyUSec practicum-sshd-undo.timer")
    assert "ActiveState=active" not in timer or "AccuracyUSec=1s" in timer

    deadline = time.monotonic() + seconds + 60
    while door.login("root", door.identity, "true").returncode:
        assert time.monotonic() < deadline, "the operator stayed locked out"
        time.sleep(0.2)
    assert door.shell("ls /etc/ssh/sshd_config.d") == ""


def test_a_run_that_ended_before_its_proof_is_proved_by_the_next(door, refusals):
    again = group_vars(changes=[{"05-test.conf": HARD}], undo_after=600)

    play(PLAY, [door], again)
    outcome = play(PLAY, [door], again)

    (result,) = [result for result in outcome.results("door") if "results" in result]
    assert result["results"][0]["changed"]
    door.shell("systemctl stop practicum-sshd-undo.timer; rm /var/lib/practicum/sshd-undo.sh")
    outcome = play(PLAY, [door], again)
    (result,) = [result for result in outcome.results("door") if "results" in result]
    assert not result["results"][0]["changed"]
