"""REL-03: what a killed run left half done is settled, also where nothing differs any more."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from provisioner.errors import LockedError, ToolError
from provisioner.lifecycle import journal
from provisioner.lifecycle.stacks.settling import half_done, noted, settle
from provisioner.pulumi_stack import Outcome
from provisioner.settings import Settings

from .test_journal import cut, ended
from .test_lifecycle_parts import engine, part
from .test_report import reading_of

GUARD, WAVE = "mls26.guard", "mls26.wave-01"


class Silent:
    """A cluster that says nothing."""

    is_silent = True

    def answers(self):
        return False


@pytest.fixture
def settings(tmp_path):
    return Settings(stacks=Path("stacks"), home=tmp_path)


def test_a_stack_that_was_begun_and_would_be_passed_over_is_settled(settings):
    cut(settings, done=[GUARD])

    assert half_done(settings, reading_of([], foreign=["1"])) == {}, "nobody is in it"
    assert half_done(settings, reading_of(["1"], foreign=["1"])) == {WAVE: 1}


def test_a_stack_that_runs_anyway_or_was_finished_is_not(settings):
    cut(settings)
    assert half_done(settings, reading_of(["1"])) == {GUARD: "guard"}, "the wave runs"

    cut(settings, done=[GUARD, WAVE])
    assert half_done(settings, reading_of(["1"], foreign=["1"])) == {}


def test_a_run_for_some_settles_nothing(settings):
    cut(settings)

    assert half_done(settings, replace(reading_of(["1"]), only=frozenset({"s1"}))) == {}


def test_a_run_for_some_in_between_forgets_nothing(settings):
    cut(settings, stacks=[WAVE])
    ended(settings, [WAVE], done=[WAVE], some=True)

    assert half_done(settings, reading_of(["1"], foreign=["1"])) == {WAVE: 1}


def test_whose_worker_was_lost_is_not_noted_as_through(settings):
    lost = Outcome(stack=GUARD, error="its worker process died", lost=True)
    made = replace(engine(outcomes=[lost]), settings=settings)
    with noted(made, "up", [GUARD, WAVE]) as kept, suppress(ToolError):
        kept.workers.lost = True
        settle(kept, {GUARD: "guard", WAVE: 1})

    assert journal.unfinished(settings, "mls26").stacks == (GUARD,)


@pytest.mark.parametrize("passing", [True, False])
def test_what_nobody_answered_may_have_been_done_and_is_settled_by_the_next_run(settings, passing):
    hung = Outcome(stack=WAVE, failed={"s1": "the cluster did not answer"}, passing=passing)
    made = replace(engine(outcomes=[hung]), settings=settings)
    made = replace(made, reading=replace(made.reading, client=Silent()))
    with noted(made, "up", [GUARD, WAVE]) as kept:
        kept.run_guard(refresh=False)
        kept.run_waves([part("1")], leave_out=set())

    after = half_done(settings, reading_of(["1"], foreign=["1"]))
    assert after == ({WAVE: 1} if passing else {})


def test_nothing_is_settled_once_a_run_stops():
    made = engine()
    made.workers.stopping = True

    settle(made, {GUARD: "guard", WAVE: 1})

    assert made.workers.jobs == []


def test_without_a_killed_run_there_is_nothing_to_settle(settings):
    assert half_done(settings, reading_of(["1"])) == {}


def test_the_engine_looks_at_the_cluster_and_leaves_out_who_differs():
    made = engine()
    made = replace(made, reading=reading_of(["1"], foreign=["1"]))

    settle(made, {GUARD: "guard", WAVE: 1})

    assert [(job.stack, job.refresh, job.exclude) for job in made.workers.jobs] == [
        (GUARD, True, ()), (WAVE, True, ("s1",)),
    ]  # fmt: skip


def test_nothing_starts_nothing():
    made = engine()

    settle(made, {})

    assert made.workers.jobs == []


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        (Outcome(stack=WAVE, error="the saved state cannot be used"), ToolError),
        (Outcome(stack=WAVE, failed={"s1": "refused"}), ToolError),
        (Outcome(stack=WAVE, error="held by another run", locked=True), LockedError),
    ],
)
def test_what_cannot_be_settled_is_told(outcome, error):
    with pytest.raises(error, match=r"mls26\.wave-01"):
        settle(engine(outcomes=[outcome]), {WAVE: 1})
