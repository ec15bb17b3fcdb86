"""Prewarming: when it begins, whom it is for, and what it says was not in time."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from provisioner.cli.prewarm import _moment
from provisioner.cli.prewarm import prewarm as command
from provisioner.cohort.clusters import Berth
from provisioner.errors import ClusterError, InputError
from provisioner.lifecycle import prewarm
from provisioner.lifecycle.choice import EVERYBODY
from provisioner.lifecycle.progress import Silent
from provisioner.settings import Settings

from . import test_own_clusters as own_clusters
from .test_report import reading_of

NOW = datetime(2026, 11, 30, 7, 0).astimezone()
TAKES = 300.0


@pytest.fixture
def course(monkeypatch):
    """A course whose clock is ours, and where everybody but the last is missing."""
    found = SimpleNamespace(now=NOW, made=[], slept=[], reading=reading_of(["1", "2"]), then=None)
    backend = SimpleNamespace(seconds_for=lambda count: TAKES * (count > 0))

    def up(_settings, _name, *, wishes, confirm, **_):
        found.made.append(wishes.choice.ids)
        assert confirm(found.then or found.reading)
        found.now += timedelta(seconds=TAKES)
        return "done"

    def sleep(seconds):
        found.slept.append(seconds)
        found.now += timedelta(seconds=seconds)

    found.sleep = sleep
    monkeypatch.setattr(prewarm, "_now", lambda: found.now)
    monkeypatch.setattr(prewarm, "up", up)
    monkeypatch.setattr(prewarm.backend, "read", lambda *_: found.reading)
    monkeypatch.setattr(prewarm.backend, "of", lambda _: backend)
    return found


def warmed(course, at):
    return prewarm.prewarm(
        Settings(stacks=None, home=None), "mls26", at,
        confirm=lambda _: True, progress=Silent(), sleep=course.sleep,
    )  # fmt: skip


def test_it_waits_until_what_is_missing_is_just_ready_in_time(course):
    done = warmed(course, NOW + timedelta(hours=1))

    assert sum(course.slept) == 3600 - TAKES
    assert max(course.slept) <= prewarm.STEP
    assert (course.made, done.in_time) == ([("1", "2")], True)


def test_where_it_is_late_it_begins_at_once_and_says_so(course):
    done = warmed(course, NOW + timedelta(seconds=TAKES - 1))

    assert (course.slept, len(course.made), done.in_time) == ([], 1, False)


def test_where_nobody_is_missing_it_does_not_wait(course):
    course.reading = reading_of([])

    done = warmed(course, NOW + timedelta(hours=1))

    assert (course.slept, course.made, done.result) == ([], [], None)


def test_a_dry_run_says_who_is_missing_and_when_it_would_begin_and_does_not_wait(course):
    course.reading = reading_of(["1", "2", "3"], changed=["3"])
    at = NOW + timedelta(hours=1)

    found = prewarm.look(Settings(stacks=None, home=None), "mls26", at)

    assert (found.missing, found.begins) == (("1", "2"), at - timedelta(seconds=TAKES))
    assert [part.name for part in found.reading.plan.students] == ["s1", "s2"]
    assert (course.slept, course.made) == ([], [])


def test_in_a_dry_run_it_is_said_and_nothing_is_made(course):
    settings = Settings(stacks=None, home=None)
    at = NOW + timedelta(seconds=TAKES)
    arguments = ["mls26", "--at", at.isoformat(), "--dry-run"]

    said = CliRunner().invoke(command, arguments, obj=settings)
    document = json.loads(CliRunner().invoke(command, [*arguments, "--json"], obj=settings).stdout)

    assert (said.exit_code, said.stdout) == (0, "")
    assert "  + 1 (mls26--s1)\n" in said.stderr
    assert "2 to be made; that begins at 07:00:00." in said.stderr
    assert (document["missing"], document["dry_run"]) == (["1", "2"], True)
    assert datetime.fromisoformat(document["begins"]) == NOW
    assert course.made == []


def test_a_dry_run_in_which_nobody_is_missing_says_so(course):
    course.reading = reading_of(["1"], changed=["1"])

    found = prewarm.look(Settings(stacks=None, home=None), "mls26", NOW + timedelta(hours=1))

    assert (found.missing, found.begins, found.reading.plan.students) == ((), None, ())


def without_guard(reading, **cohort):
    """A cohort that was never up: what all students share is to be made, too."""
    plan = replace(reading.plan, guard=replace(reading.plan.guard, action="create"))
    return replace(reading, plan=plan, cohort=reading.cohort.model_copy(update=cohort))


def test_a_cohort_that_was_never_up_is_made_for_everybody(course):
    course.reading = without_guard(course.reading)

    done = warmed(course, NOW + timedelta(hours=1))

    assert course.made == [EVERYBODY.ids]
    assert (done.missing, done.result) == (("1", "2"), "done")


@pytest.mark.parametrize(
    "reading",
    [
        without_guard(reading_of(["1", "2"], changed=["1"])),
        without_guard(reading_of(["1"], left=["3"])),
        without_guard(reading_of(["1"]), hosts=("a host",)),
    ],
    ids=["one differs", "one leaves", "hosts"],
)
def test_what_it_could_make_only_by_touching_more_is_told_before_the_wait(course, reading):
    course.reading = reading

    with pytest.raises(ClusterError, match="is not up"):
        warmed(course, NOW + timedelta(hours=1))

    assert (course.slept, course.made) == ([], [])


def test_who_leaves_in_the_last_moment_is_not_removed_by_it(course):
    course.reading = without_guard(course.reading)
    course.then = without_guard(reading_of(["1"], left=["2"]))

    with pytest.raises(ClusterError, match="nothing was changed"):
        warmed(course, NOW)


def test_half_a_cluster_is_missing_and_a_silent_engine_is_told(course):
    cohort = own_clusters.course(engines=["local", *own_clusters.LABS], **own_clusters.KIND)
    berths = {
        f"s{id}": Berth(name=f"s{id}", id=id, engine=engine, cluster=f"mls26--s{id}",
                        image=own_clusters.DIGEST)
        for id, engine in (("1", "local"), ("2", "local"), ("3", "lab1"), ("4", "lab1"))
    }  # fmt: skip
    half = own_clusters.there(None, "1", whole=False)
    stopped = own_clusters.there(None, "2", running=False, host=30001)
    seen = own_clusters.sight(half, stopped, silent=["lab1"])
    course.reading = own_clusters.read(cohort, own_clusters.people("1", "2", "3"), seen, berths)

    done = warmed(course, NOW + timedelta(hours=1))

    assert course.made == [("1",)]
    assert [*done.unseen] == ["3"]
    assert "lab1 does not answer" in done.unseen["3"]


def test_a_cluster_whose_student_took_its_mark_away_is_left_alone(course):
    """They have worked there, and nobody is asked."""
    cohort = own_clusters.course(**own_clusters.KIND)
    [node] = own_clusters.there(None, "1").nodes
    worked_in = replace(
        own_clusters.there(None, "1", whole=False), nodes=(replace(node, id="first"),)
    )
    made = {
        f"s{id}": Berth(
            name=f"s{id}", id=id, engine="local", cluster=f"mls26--s{id}",
            image=own_clusters.DIGEST, made="first" if id == "1" else "",
        )
        for id in ("1", "2")
    }  # fmt: skip
    half = own_clusters.there(None, "2", whole=False, host=30001)
    seen = own_clusters.sight(worked_in, half)
    course.reading = own_clusters.read(cohort, own_clusters.people("1", "2"), seen, made)
    assert {part.action for part in course.reading.plan.students} == {"change"}

    warmed(course, NOW + timedelta(hours=1))

    assert course.made == [("2",)]


def test_where_nothing_is_missing_and_not_all_is_seen_it_says_so_and_fails(course, monkeypatch):
    course.reading = reading_of(["1"], foreign=["1"])

    monkeypatch.chdir("/")
    told = CliRunner().invoke(
        command, ["demo", "--at", "2026-11-30T08:00"], obj=Settings(stacks=None, home=None)
    )

    assert told.exit_code == 6
    assert "nobody's environment is missing" not in told.output
    assert "is Eve's" in told.output


def test_more_than_a_day_ahead_is_for_cron(course):
    with pytest.raises(InputError, match="more than a day"):
        warmed(course, NOW + timedelta(hours=25))


def test_an_hour_is_the_next_one_of_that_name():
    now = datetime.now().astimezone()

    for minutes in (-5, 5):
        near = now + timedelta(minutes=minutes)
        found = _moment(f"{near:%H:%M}")
        assert now < found <= now + timedelta(days=1)
        assert (found.hour, found.minute) == (near.hour, near.minute)


@pytest.mark.parametrize("text", ["", "soon", "25:00", "8", "2026-13-01T08:00"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(InputError, match="is no time"):
        _moment(text)
