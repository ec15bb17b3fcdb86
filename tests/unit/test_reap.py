"""Which cohort is taken down on which day: never without a warning, never too early."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest
import yaml

from provisioner import cohort as cohorts
from provisioner.cohort import Record, placement
from provisioner.cohort import records as record_file
from provisioner.cohort.placement import Seat
from provisioner.lifecycle import reap
from provisioner.lifecycle.archives.archiving import Archived
from provisioner.lifecycle.backend import Whole
from provisioner.lifecycle.progress import Silent
from provisioner.lifecycle.reap import Case, Notice, decide, last_day
from provisioner.lifecycle.receipt import Receipt
from provisioner.report import reaping
from provisioner.report import status as status_text
from provisioner.settings import Settings

from ..sample import cohort, record

ENDS = date(2026, 12, 19)
OVER = date(2027, 1, 2)
NOTICE = Notice(warned=date(2027, 1, 3), over=OVER, cluster="u")
CASE = Case(cohort="mls26", verdict="gone", over=OVER, cluster="u", students=3)


def verdict(today, *, notice=None, protect=False, after=7, case=CASE):
    return decide(case, protect=protect, warning=notice, today=today, after=after).verdict


@pytest.mark.parametrize(
    ("today", "notice", "expected"),
    [
        (ENDS, None, "running"),
        (OVER, None, "running"),  # access ends with the last second of this day
        (OVER + timedelta(days=1), None, "warn"),
        (date(2027, 1, 3), NOTICE, "waiting"),  # a second run on the day of the warning
        (date(2027, 1, 9), NOTICE, "waiting"),
        (date(2027, 1, 10), NOTICE, "due"),
        (date(2031, 1, 1), NOTICE, "due"),
        (date(2031, 1, 1), None, "warn"),  # however late: never without the warning
        (OVER, NOTICE, "running"),
        (date(2027, 1, 10), replace(NOTICE, over=ENDS), "warn"),  # the term has moved since
        (date(2027, 1, 10), replace(NOTICE, cluster="other"), "warn"),
        (date(2027, 1, 10), replace(NOTICE, warned=date(2027, 2, 1)), "waiting"),
    ],
)
def test_what_is_done_on_which_day(today, notice, expected):
    assert verdict(today, notice=notice) == expected


def test_what_is_protected_is_refused_and_only_once_it_is_over():
    assert verdict(OVER, protect=True) == "running"
    assert verdict(date(2027, 1, 10), protect=True, notice=NOTICE) == "protected"
    assert verdict(date(2027, 1, 10), protect=False, notice=NOTICE) == "due"


def test_the_days_between_can_be_said():
    assert verdict(date(2027, 1, 4), notice=NOTICE, after=1) == "due"
    assert verdict(date(2027, 1, 10), notice=NOTICE, after=8) == "waiting"


@pytest.mark.parametrize(
    ("ends", "grace", "over"),
    [
        ("2028-02-28", 1, date(2028, 2, 29)),
        ("2027-02-28", 1, date(2027, 3, 1)),
        ("2026-12-31", 0, date(2026, 12, 31)),
        ("2026-10-24", 1, date(2026, 10, 25)),  # clocks change in Berlin; a day is a day
    ],
)
def test_grace_is_counted_in_days_of_the_calendar(ends, grace, over):
    term = {"starts": "2026-09-01", "ends": ends, "grace_days": grace}

    assert last_day(cohort(term=term), []) == (over, ())


def test_a_student_with_a_later_end_holds_the_cohort_back():
    students = [
        record("1"),
        record("2", until=date(2026, 11, 1)),  # an end of one's own before the term's
        record("3", until=date(2027, 2, 1)),
        record("5", until=date(2026, 12, 30)),  # within the grace that all have
        record("4", until=date(2027, 6, 1), dropped=True),
    ]

    assert last_day(cohort(), students) == (date(2027, 2, 1), ("3",))


# What is written, and read again


@pytest.fixture
def settings(tmp_path):
    return Settings(stacks=tmp_path / "stacks", home=tmp_path / "home")


def write(settings, name, **document):
    folder = settings.stacks / name
    folder.mkdir(parents=True)
    usual = {
        "course": "C", "term": {"starts": "2026-09-01", "ends": str(ENDS)}, "cluster": "rehearsal",
    }  # fmt: skip
    (folder / "cohort.yaml").write_text(yaml.safe_dump(usual | document))
    (folder / "roster.csv").write_text("id,name\n1,Ada\n")
    return folder


def test_a_warning_is_noted_and_void_once_the_cohort_runs_again(settings):
    case = replace(CASE, verdict="warn", warned=date(2027, 1, 3))
    reap.warn(settings, [case])
    assert reap._warning(settings, "mls26") == NOTICE

    reap.warn(settings, [replace(case, verdict="waiting")])
    assert reap._warning(settings, "mls26") == NOTICE
    reap.warn(settings, [replace(case, verdict="running")])

    assert reap._warning(settings, "mls26") is None


@pytest.mark.parametrize("damaged", ["", "[]", "{}", '{"warned": "soon"}', "\xff"])
def test_a_damaged_note_is_none(settings, damaged):
    reap.warn(settings, [replace(CASE, verdict="warn", warned=date(2027, 1, 3))])
    (settings.home / "reap" / "mls26.json").write_text(damaged)

    assert reap._warning(settings, "mls26") is None


def test_running_cohorts_and_those_that_are_down_ask_no_cluster(settings):
    write(settings, "running", cluster={"kubeconfig": "/none", "context": "c"})
    down = write(settings, "down", cluster={"kubeconfig": "/none", "context": "c"},
                 term={"starts": "2025-09-01", "ends": "2025-12-19"})  # fmt: skip
    record_file.save(down / "students.json", {"1": record("1", dropped=True)})
    write(settings, "rehearsed", term={"starts": "2025-09-01", "ends": "2025-12-19"})

    cases = reap.survey(settings, today=ENDS, after=7)

    assert {case.cohort: case.verdict for case in cases} == {
        "running": "running", "down": "gone", "rehearsed": "gone",
    }  # fmt: skip


def test_where_all_were_dropped_one_by_one_what_they_shared_is_still_there(settings):
    """`down` forgets the cluster when it has proved the end, and `drop` does not."""
    folder = write(settings, "mls26", cluster={"kubeconfig": "/none", "context": "c"},
                   term={"starts": "2025-09-01", "ends": "2025-12-19"})  # fmt: skip
    gone = {"1": record("1", dropped=True)}
    record_file.save(folder / "students.json", gone, cluster="a-cluster")

    [case] = reap.survey(settings, today=ENDS, after=7)

    assert (case.verdict, "/none" in case.why) == ("unreadable", True), "the cluster was asked"


@pytest.mark.parametrize(("dropped", "verdict"), [(True, "gone"), (False, "warn")])
def test_who_still_has_an_account_on_a_lab_host_keeps_a_cohort_from_being_gone(
    settings, monkeypatch, dropped, verdict
):
    folder = write(settings, "mls26", cluster={"kubeconfig": "/none", "context": "c"},
                   hosts=[{"name": "lab1", "address": "192.0.2.1"}],
                   term={"starts": "2025-09-01", "ends": "2025-12-19"})  # fmt: skip
    record_file.save(folder / "students.json", {"1": record("1", dropped=True)})
    seat = Seat(name="s1", id="1", host="lab1", account="mls26-1", uid=20000, first_port=20000,
                last_port=20009, dropped=dropped)  # fmt: skip
    placement.save(folder / "hosts.json", {"s1": seat})
    nothing = Whole(names=(), students=0, anything=False, where="u")
    monkeypatch.setattr(reap.backend, "all_of", lambda _: nothing)
    monkeypatch.setattr(reap.backend, "read", lambda settings, name, **_: SimpleNamespace(
        cohort=cohorts.load(settings.stacks, name), records={}))  # fmt: skip

    [case] = reap.survey(settings, today=ENDS, after=7)

    assert case.verdict == verdict


def test_a_cohort_that_cannot_be_looked_at_is_named_and_the_others_go_on(settings):
    past = {"starts": "2025-09-01", "ends": "2025-12-19"}
    write(settings, "a", term=past, cluster={"kubeconfig": "/none", "context": "c"})
    write(settings, "b", course=["x"])
    write(settings, "c")

    a, b, c = reap.survey(settings, today=ENDS, after=7)

    assert (a.verdict, b.verdict, c.verdict) == ("unreadable", "unreadable", "running")
    assert "/none" in a.why
    assert "cohort.yaml:2:1: `course`" in b.why


def test_who_answers_the_warning_at_the_last_moment_is_kept(settings):
    """Between the look and the answer to the question, the term was extended."""
    write(settings, "mls26", term={"starts": "2026-09-01", "ends": "2027-07-01"})

    [case] = reap.reap(
        settings,
        [replace(CASE, verdict="due")],
        today=date(2027, 1, 10),
        after=7,
        progress=Silent(),
    )

    assert case.verdict == "running"


# How it is told


def test_every_verdict_has_its_line():
    verdicts = reap.Verdict.__args__
    cases = [replace(CASE, verdict=v, why="because", held_by=("3",)) for v in verdicts]

    lines = list(reaping.lines(cases))

    assert len(set(lines)) == len(verdicts)
    assert all(line[2:4] in ("= ", "! ", "- ") and "mls26: " in line for line in lines)
    assert [next(reaping.lines([]))] == ["There is no cohort."]


def test_the_document_names_the_receipt_and_what_holds():
    receipt = Receipt(
        cohort="mls26", server="s", cluster="u", version="v", removed=1, searched={}, remaining=(),
        time=datetime(2027, 1, 10, tzinfo=UTC), archived=Archived(cohort="mls26"), path=settings_path(),
    )  # fmt: skip
    case = replace(CASE, verdict="down", held_by=("3",), receipt=receipt)

    found = reaping.document([case], date(2027, 1, 10))

    assert found == json.loads(json.dumps(found))
    assert found["cohorts"][0]["receipt"] == "/h/r.json"
    assert found["cohorts"][0]["held_by"] == ["3"]


def settings_path():
    from pathlib import Path

    return Path("/h/r.json")


# How long a term still goes


@pytest.mark.parametrize(
    ("today", "said"),
    [
        (date(2026, 8, 31), "The term starts in 1 day (2026-09-01)."),
        (date(2026, 9, 1), "The term ends in 109 days (2026-12-19)."),
        (date(2026, 12, 18), "The term ends in 1 day (2026-12-19)."),
        (ENDS, "The term ends today (2026-12-19)."),
        (date(2026, 12, 20), "The term ended 1 day ago; access ends with 2027-01-02."),
        (OVER, "The term ended 14 days ago; access ends with 2027-01-02."),
        (date(2027, 1, 3), "The term is over, and its grace ended 1 day ago."),
    ],
)
def test_the_days_to_the_end_are_told_in_a_word(today, said):
    assert status_text.term(cohort().term, today) == said


def test_a_record_has_the_end_that_reaping_reads():
    assert Record.__dataclass_fields__["until"].default is None
