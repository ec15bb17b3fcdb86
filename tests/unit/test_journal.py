"""After a power cut, what was begun and not finished is known; what ended is not told again."""

from __future__ import annotations

import json
import os
import stat
from contextlib import suppress
from pathlib import Path

import pytest

from provisioner.errors import ClusterError, InputError, Interrupted
from provisioner.lifecycle import journal
from provisioner.report import recovery
from provisioner.settings import Settings

WAVES = ["mls26.guard", "mls26.wave-01", "mls26.wave-03"]
DEAD = 2**22 + 1  # above the kernel's highest process number


@pytest.fixture
def settings(tmp_path):
    return Settings(stacks=Path("stacks"), home=tmp_path)


def file_of(settings):
    return settings.home / "journal" / "mls26.jsonl"


def lines(settings):
    return [json.loads(line) for line in file_of(settings).read_text().splitlines()]


def whole(settings):
    """All lines but torn ones."""
    for text in file_of(settings).read_text().splitlines():
        with suppress(ValueError):
            yield json.loads(text)


def ended(settings, stacks, *, done=(), command="up", some=False):
    """A run that finished some stacks, and came to its end."""
    with journal.kept(settings, "mls26", command, stacks, some=some) as kept:
        for stack in done:
            kept.finished(stack, well=True)


def cut(settings, *, stacks=WAVES, done=(), command="up", some=False, pid=DEAD):
    """A run that wrote its intent, finished some waves and was never seen again."""
    ended(settings, stacks, done=done, command=command, some=some)
    text = [line | ({"pid": pid} if "pid" in line else {}) for line in whole(settings)]
    file_of(settings).write_text("".join(f"{json.dumps(line)}\n" for line in text[:-1]))


def test_what_a_run_sets_out_to_do_is_on_disk_before_it_does_it(settings):
    with journal.kept(settings, "mls26", "up", WAVES):
        [began] = lines(settings)
        assert (began["event"], began["command"], began["stacks"]) == ("began", "up", WAVES)
        assert began["pid"] == os.getpid()

    assert [line["event"] for line in lines(settings)] == ["began", "ended"]
    assert stat.S_IMODE(file_of(settings).stat().st_mode) == 0o600


def test_what_ended_is_not_unfinished_however_it_ended(settings):
    assert journal.unfinished(settings, "mls26") is None
    with journal.kept(settings, "mls26", "up", WAVES):
        pass
    assert journal.unfinished(settings, "mls26") is None
    for error in (ClusterError("x"), Interrupted("x", signal=15)):
        with pytest.raises(type(error)), journal.kept(settings, "mls26", "up", WAVES):
            raise error
        assert journal.unfinished(settings, "mls26") is None
    assert lines(settings)[-1]["result"] == "stopped with exit code 143"


def test_after_a_power_cut_it_is_known_which_waves_are_unknown(settings):
    cut(settings, done=["mls26.guard", "mls26.wave-01"])

    found = journal.unfinished(settings, "mls26")

    assert (found.command, found.stacks, found.alive) == ("up", ("mls26.wave-03",), False)
    assert recovery.unfinished("mls26", found) == (
        f"An `up` that began at {found.began:%Y-%m-%d %H:%M} UTC did not end in order; wave 3"
        " may be half done. Run it again: practicum up mls26"
    )


def test_all_that_was_to_be_done_is_unknown_where_nothing_was_finished(settings):
    cut(settings, command="down")

    told = recovery.unfinished("mls26", journal.unfinished(settings, "mls26"))

    assert "A `down` that began" in told
    assert "what all students share, wave 1 and wave 3 may be half done" in told
    assert told.endswith("practicum down mls26 --yes mls26")


def unknown(settings):
    found = journal.unfinished(settings, "mls26")
    return found and found.stacks


def test_it_stays_unknown_until_a_run_for_everybody_has_been_through_it(settings):
    guard, first, third = WAVES
    cut(settings, stacks=[first, third])
    began = journal.unfinished(settings, "mls26").began

    ended(settings, [first], done=[first], some=True)
    assert unknown(settings) == (first, third), "of a wave, a run for some leaves the others"
    ended(settings, [guard], done=[guard])
    assert unknown(settings) == (first, third), "another stack"
    ended(settings, [third])
    assert unknown(settings) == (first, third), "it came to its end before that stack"
    ended(settings, [first], done=[first])
    assert unknown(settings) == (third,)
    assert journal.unfinished(settings, "mls26").began == began
    ended(settings, [third], done=[third])
    assert unknown(settings) is None


def test_what_several_runs_left_is_unknown_together(settings):
    guard, first, third = WAVES
    cut(settings, stacks=[third])
    cut(settings, stacks=[first, third], done=[first], some=True)
    cut(settings, stacks=[], command="hosts up")
    cut(settings, stacks=[guard], command="down")

    found = journal.unfinished(settings, "mls26")
    assert (found.command, found.stacks) == ("up", (third, guard))

    journal.settle(settings, "mls26")
    assert unknown(settings) is None


def test_a_run_of_which_a_part_was_ended_by_force_is_as_good_as_killed(settings):
    with journal.kept(settings, "mls26", "up", WAVES, lost=lambda: True) as kept:
        kept.finished(WAVES[0], well=True)

    assert unknown(settings) == tuple(WAVES[1:])


def test_a_run_that_lives_is_told_as_one(settings):
    with journal.kept(settings, "mls26", "up", WAVES):
        found = journal.unfinished(settings, "mls26")
        assert found.alive
        assert "is under way since" in recovery.unfinished("mls26", found)


def test_the_next_run_that_finds_all_as_it_should_be_settles_it(settings):
    cut(settings)

    journal.settle(settings, "mls26")

    assert journal.unfinished(settings, "mls26") is None
    before = lines(settings)
    journal.settle(settings, "mls26")
    assert lines(settings) == before, "and is not told twice"


def test_a_torn_line_says_nothing_and_hides_nothing(settings):
    cut(settings)
    with file_of(settings).open("ab") as file:
        file.write(b'{"run": "x", "ti\xff\n[1]\nnull\n{"event": "ended"}\n{"run"')

    assert journal.unfinished(settings, "mls26").stacks == tuple(WAVES)


def test_what_comes_after_a_torn_line_is_not_lost_with_it(settings):
    ended(settings, WAVES, done=WAVES)
    with file_of(settings).open("ab") as file:
        file.write(b'{"run": "x", "ti')

    cut(settings, stacks=[WAVES[1]])

    assert unknown(settings) == (WAVES[1],)


@pytest.mark.parametrize(
    "damage", [{"time": "soon"}, {"time": 5}, {"time": "2026-09-01"}, {"stacks": 1}, {"stacks": [{}]},
               {"run": []}],
)  # fmt: skip
def test_a_line_that_nobody_of_us_wrote_says_nothing(settings, damage):
    cut(settings, stacks=[WAVES[1]])
    [began] = lines(settings)
    with file_of(settings).open("a") as file:
        file.write(json.dumps({**began, "run": "x", **damage}) + "\n")

    assert unknown(settings) == (WAVES[1],)


def test_the_file_does_not_grow_for_ever(settings, monkeypatch):
    monkeypatch.setattr(journal, "MOST", 4096)
    for _ in range(60):
        with journal.kept(settings, "mls26", "up", WAVES):
            pass

    assert file_of(settings).stat().st_size < 2 * 4096
    assert journal.unfinished(settings, "mls26") is None


def test_what_is_unknown_outlives_all_that_is_dropped(settings, monkeypatch):
    monkeypatch.setattr(journal, "MOST", 4096)
    cut(settings, stacks=[WAVES[2]])
    for _ in range(60):
        ended(settings, [WAVES[0]], done=[WAVES[0]], some=True)

    assert file_of(settings).stat().st_size < 2 * 4096
    assert unknown(settings) == (WAVES[2],)


def test_a_run_that_the_cut_goes_through_stays_whole(settings, monkeypatch):
    """Without its first line a run for some would pass for one for everybody."""
    guard, first, third = WAVES
    cut(settings, stacks=[third])
    ended(settings, [first], done=[first])
    ended(settings, [third, guard], done=[*[guard] * 20, third], some=True)
    before = lines(settings)
    monkeypatch.setattr(journal, "MOST", 1)

    ended(settings, [first], done=[first])

    left = lines(settings)
    assert len(left) < len(before) + 3, "it was cut"
    assert unknown(settings) == (third,)
    runs = {line["run"] for line in left if line["event"] == "began"}
    assert all(line["run"] in runs for line in left)


def test_an_intent_that_cannot_be_written_stops_the_run_before_it_begins(settings):
    settings.home.joinpath("journal").write_text("in the way")

    with pytest.raises(InputError), journal.kept(settings, "mls26", "up", WAVES):
        raise AssertionError("it went on")


def test_a_result_that_cannot_be_written_stops_nothing(settings):
    with journal.kept(settings, "mls26", "up", WAVES) as kept:
        file_of(settings).unlink()
        file_of(settings).mkdir()
        kept.finished("mls26.wave-01", well=True)


def test_it_says_nothing_of_students_or_secrets(settings):
    with journal.kept(settings, "mls26", "up", WAVES) as kept:
        kept.finished("mls26.wave-01", well=False)

    assert {key for line in lines(settings) for key in line} == {
        "run", "time", "event", "command", "stacks", "some", "pid", "host", "stack", "result",
    }  # fmt: skip
