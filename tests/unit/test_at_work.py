"""A lock of Pulumi's is taken away only where this home left it: names are the same elsewhere."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from pulumi import automation

from provisioner.pulumi_stack import at_work, engine

BUCKET = "s3://shared/practicum"
STACK = "mls26.wave-01"


@pytest.fixture
def homes(tmp_path):
    """Where Pulumi's homes are, as the state backend lays them out."""
    tmp_path.chmod(0o700)
    homes = tmp_path / "pulumi" / "mls26" / "home"
    homes.mkdir(parents=True, mode=0o700)
    return homes


def killed(homes, *, began):
    """A run that was killed has noted when it began, and no end."""
    with at_work.noted(BUCKET, STACK, homes):
        path = homes.parent / "at-work" / f"{STACK}.json"
        [[_, end]] = json.loads(path.read_bytes())
    path.write_text(json.dumps([[began, end]]))


def fail(homes, url=BUCKET):
    """A run that failed; returns what of its time it took for ours."""
    told = []
    with suppress(RuntimeError), at_work.noted(url, STACK, homes) as ours:
        told += [ours(time.time()), ours(time.time() + 60)]
        raise RuntimeError
    return tuple(told)


def is_ours(homes, moment, url=BUCKET):
    with at_work.noted(url, STACK, homes) as ours:
        return ours(moment)


def test_where_no_run_was_cut_off_no_lock_in_a_shared_state_is_ours(homes):
    with at_work.noted(BUCKET, STACK, homes) as ours:
        assert not ours(time.time())
    assert not is_ours(homes, time.time()), "a run that ended well has left none"


def test_a_lock_of_the_time_of_a_killed_run_is_ours_and_an_older_one_is_not(homes):
    began = time.time() - 3600
    killed(homes, began=began)

    with at_work.noted(BUCKET, STACK, homes) as ours:
        assert (ours(began + 5), ours(began - 5)) == (True, False)


def test_so_is_one_of_a_run_that_failed_and_none_of_after_its_end(homes):
    """Its engine may have been killed alone."""
    assert fail(homes) == (False, False)

    assert fail(homes) == (True, False)
    assert is_ours(homes, time.time()), "also the second time"


def test_what_an_earlier_run_left_stays_ours_until_one_ends_well(homes):
    path = homes.parent / "at-work" / f"{STACK}.json"
    fail(homes)
    path.write_text("[[100, 110]]")

    fail(homes)
    with at_work.noted(BUCKET, STACK, homes) as ours:
        assert (ours(105), ours(150)) == (True, False)
        assert len(json.loads(path.read_bytes())) == 3, "also if this one is killed"
    assert not is_ours(homes, 105)


def test_a_state_within_the_home_is_ours_alone(homes):
    home = homes.parents[2]

    assert is_ours(homes, 0.0, f"file://{home}/state")
    assert not is_ours(homes, 0.0, "file:///shared/state")


@pytest.mark.parametrize("text", ["", "{", "7", "[7]", '[["a", "b"]]', "null"])
def test_a_damaged_note_makes_nothing_ours(homes, text):
    fail(homes)
    (homes.parent / "at-work" / f"{STACK}.json").write_text(text)

    assert not is_ours(homes, time.time())


def test_where_no_note_can_be_written_the_run_goes_on(homes):
    (homes.parent / "at-work").write_text("in the way")

    assert not is_ours(homes, time.time())


# What the engine makes of it


class Held:
    """A stack that is locked until its lock is taken away; stands in for Pulumi."""

    def __init__(self, since):
        dead = subprocess.Popen(["true"])
        dead.wait()
        at = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.said = f"x.json: created by ops@{socket.gethostname()} (pid {dead.pid}) at {at}"
        self.locked = True

    def cancel(self):
        self.locked = False

    def operate(self, *_):
        if self.locked:
            raise automation.ConcurrentUpdateError(automation.CommandResult("", self.said, 255))


@pytest.fixture
def run(homes, monkeypatch):
    def run(stack):
        monkeypatch.setattr(engine, "_operate", stack.operate)
        with at_work.noted(BUCKET, STACK, homes) as ours:
            engine._operate_alone(stack, None, print, ours)

    return run


def test_a_dead_process_of_a_machine_of_our_name_may_live_there(run):
    """Two machines of one image: its number is free here, and busy there."""
    stack = Held(time.time())

    with pytest.raises(automation.ConcurrentUpdateError):
        run(stack)

    assert stack.locked


def test_the_lock_that_our_own_killed_run_left_is_taken_away(run, homes):
    killed(homes, began=time.time() - 60)
    stack = Held(time.time() - 30)

    run(stack)

    assert not stack.locked
