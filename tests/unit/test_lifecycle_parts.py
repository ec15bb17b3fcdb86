"""Parts of a run that need no cluster: signals, which waves run and how, what is deleted."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from provisioner import manifest
from provisioner.archive import Member
from provisioner.errors import ClusterError, InputError, Interrupted, LockedError
from provisioner.lifecycle import backend
from provisioner.lifecycle import change as changing
from provisioner.lifecycle import target as targets
from provisioner.lifecycle.access import handout as handing
from provisioner.lifecycle.access import reinstatement
from provisioner.lifecycle.access import revoke as revoking
from provisioner.lifecycle.archives import restoring
from provisioner.lifecycle.interrupt import ending_in_order, finished, stopping
from provisioner.lifecycle.progress import Silent
from provisioner.lifecycle.removal import remove_surplus
from provisioner.lifecycle.stacks.engine import Engine
from provisioner.plan import Live, Part, make_plan
from provisioner.pulumi_stack import Outcome
from provisioner.settings import Settings

from ..sample import cohort, record
from .conftest import Answer
from .test_report import reading_of

# Signals


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=str)
def test_a_signal_stops_what_runs_and_gives_its_exit_code(number, code):
    stops, said, after = [], [], []

    def block():
        with stopping(lambda: stops.append(1), said.append):
            os.kill(os.getpid(), number)
            after.append(1)

    with pytest.raises(Interrupted) as caught:
        block()

    assert caught.value.exit_code == code
    assert (stops, after) == ([1], [])
    assert said == ["Stopping: what is in flight finishes. Once more ends it at once."]


def test_a_second_signal_stops_again_and_does_not_break_the_way_out():
    stops, cleaned = [], []

    def block():
        with stopping(lambda: stops.append(1), lambda _: None):
            try:
                os.kill(os.getpid(), signal.SIGINT)
            finally:
                os.kill(os.getpid(), signal.SIGINT)
                cleaned.append(1)

    with pytest.raises(Interrupted):
        block()

    assert (len(stops), cleaned) == (2, [1])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=str)
def test_afterwards_signals_do_what_they_did(number):
    before = signal.getsignal(number)

    with stopping(lambda: None, lambda _: None):
        assert signal.getsignal(number) is not before

    assert signal.getsignal(number) is before


def test_without_a_signal_an_error_comes_through():
    with pytest.raises(ClusterError), stopping(lambda: None, lambda _: None):
        raise ClusterError("told")


def test_where_nothing_else_is_at_work_a_second_signal_leaves_at_once():
    said, cleaned = [], []

    def block():
        with ending_in_order(said.append, go_on="Go on with: practicum handout x"):
            try:
                os.kill(os.getpid(), signal.SIGINT)
            finally:
                os.kill(os.getpid(), signal.SIGTERM)
                cleaned.append(1)

    with pytest.raises(Interrupted) as caught:
        block()

    assert (caught.value.exit_code, cleaned) == (143, [])
    assert caught.value.hint == "Go on with: practicum handout x"
    assert said[1] == "Ended at once; the next run repairs what is half done."


def test_what_is_to_be_finished_is_waited_for_and_the_rest_is_not_begun():
    done = []

    def step(number):
        os.kill(os.getpid(), signal.SIGTERM)
        done.append(number)

    def block():
        with ending_in_order(lambda _: None):
            for number in range(3):
                finished(step, number)

    with pytest.raises(Interrupted):
        block()

    assert done == [0]
    assert finished(len, "abc") == 3, "it is over with that"


NAMED = {"progress": Silent()}


@pytest.mark.parametrize(
    ("command", "options", "go_on"),
    [
        (handing.handout, {"ids": ()}, "the same command"),
        (handing.rotate, {"ids": ()}, "the same command"),
        (revoking.revoke, {"ids": ()}, "the same command"),
        (reinstatement.reinstate, {"ids": ()}, "practicum reinstate mls26, and practicum handout mls26"),
    ],
    ids=["handout", "rotate", "revoke", "reinstate"],
)  # fmt: skip
def test_what_gives_access_and_takes_it_ends_in_order(monkeypatch, command, options, go_on):
    done = []

    def work(*_, **__):
        os.kill(os.getpid(), signal.SIGTERM)
        done.append("begun after the signal")

    stand_in = SimpleNamespace(handout=work, rotate=work, revoke=work, reinstate=work)
    monkeypatch.setattr(backend, "of_name", lambda *_: stand_in)

    with pytest.raises(Interrupted) as caught:
        command(Settings(stacks=Path("stacks"), home=Path("home")), "mls26", **options, **NAMED)

    assert (caught.value.exit_code, done) == (143, [])
    assert go_on in caught.value.hint


def test_what_changes_some_students_ends_in_order_and_its_files_are_whole(tmp_path, monkeypatch):
    """`add`, `drop`, `rename`, `suspend` and `resume` go this way."""
    written, begun = [], []

    def write():
        os.kill(os.getpid(), signal.SIGTERM)
        written.append("key and roster")

    stand_in = SimpleNamespace(
        refuse_without_key=lambda *_: None, bring_up=lambda *_: begun.append("the cluster")
    )
    monkeypatch.setattr(backend, "of", lambda _: stand_in)
    monkeypatch.setattr(backend, "read", lambda *_: SimpleNamespace(cohort=None, whoami=str))
    monkeypatch.setattr(changing, "_wanted", lambda reading, _: reading)
    monkeypatch.setattr(changing, "refuse_mass_drop", lambda *_: None)
    proposal = changing.Proposal(event="added", ids=(), students={}, known={}, write=write)

    with pytest.raises(Interrupted) as caught:
        changing.carry_out(
            Settings(stacks=tmp_path, home=tmp_path / "home"), "mls26", lambda _: proposal,
            confirm=lambda *_: True, **NAMED,
        )  # fmt: skip

    assert (caught.value.exit_code, written, begun) == (143, ["key and roster"], [])


def test_nothing_is_restored_to_somebody_who_is_suspended():
    """Each object would be refused, with a sentence of Kubernetes' for each."""
    part = SimpleNamespace(name="s1", action="same")
    reading = SimpleNamespace(
        records={"1": record("1", name="s1", suspended=True)},
        plan=SimpleNamespace(students=[part]),
        cohort=SimpleNamespace(name="mls26"),
    )

    with pytest.raises(InputError, match="1 is suspended") as refused:
        restoring.record_in(reading, "1")

    assert refused.value.hint == "Run: practicum resume mls26 1"
    reading.records["1"] = record("1", name="s1")
    assert restoring.record_in(reading, "1") is reading.records["1"]


def test_a_restore_ends_in_order(tmp_path, monkeypatch):
    begun = []

    def run(_progress, *, dry_run):
        if not dry_run:
            os.kill(os.getpid(), signal.SIGTERM)
            begun.append("after the signal")
        return (restoring.Result(type="configmaps", name="a", state="restored"),)

    work = SimpleNamespace(record=record(), run=run)
    monkeypatch.setattr(restoring, "_load", lambda *_: SimpleNamespace(members=(), contents=None))
    monkeypatch.setattr(restoring.cohorts, "load", lambda *_: cohort())
    monkeypatch.setattr(backend, "of", lambda _: SimpleNamespace(restoring=lambda *_: work))
    source = restoring.Source(path=tmp_path, key=tmp_path)
    settings = Settings(stacks=tmp_path, home=tmp_path / "home")

    with pytest.raises(Interrupted) as caught:
        restoring.restore(settings, "mls26", "1", source, confirm=lambda _: True, **NAMED)

    assert (caught.value.exit_code, begun) == (143, [])


def test_an_object_or_a_volume_that_is_on_its_way_back_is_whole():
    made = []

    def slowly(what):
        os.kill(os.getpid(), signal.SIGINT)
        made.append(what)
        return restoring.Result(type="volume", name=what, state="restored")

    def back(members, volumes):
        with ending_in_order(lambda _: None):
            list(restoring.in_order(members, lambda *_: slowly("object"), volumes, Silent()))

    member = Member("objects/x/configmaps/a.json", b"")
    with pytest.raises(Interrupted):
        back([(member, {"metadata": {"name": "a"}})] * 2, iter(()))
    with pytest.raises(Interrupted):
        back([], (slowly(name) for name in ("volume", "another")))

    assert made == ["object", "volume"]


# Waves


@dataclass
class Recorder:
    """Stands where the worker processes would be: keeps the jobs, gives set outcomes."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    events: list = field(default_factory=list)
    jobs: list = field(default_factory=list)
    lost: bool = False
    stopping: bool = False

    def stop(self):
        self.stopping = True

    def run(self, jobs, tell=lambda *_: None):
        for job in list(jobs):
            self.jobs.append(job)
            for event in self.events:
                tell(job, event)
            yield self.outcomes.get(job.stack, Outcome(stack=job.stack))


class Advances(Silent):
    def __init__(self):
        self.students = []

    def advance(self, student):
        self.students.append(student)


def engine(*, known=(), outcomes=(), events=(), progress=None):
    reading = replace(reading_of([]), known={id: record(id) for id in known})
    recorder = Recorder({outcome.stack: outcome for outcome in outcomes}, list(events))
    settings = Settings(stacks=Path("stacks"), home=Path("home"))
    return Engine(
        settings=settings, reading=reading, workers=recorder, progress=progress or Silent()
    )


def part(id, action="create", wave=1, **fields):
    one = record(id, wave=wave, dropped=action == "remove")
    wanted = () if action == "remove" else tuple(manifest.environment(cohort(), one))
    return Part(name=one.name, action=action, record=one, wanted=wanted, **fields)


def test_only_waves_with_somebody_in_them_run_each_once_in_order():
    made = engine()

    why = made.run_waves([part("1", wave=3), part("2", wave=1), part("3", wave=3)], leave_out=set())

    assert why == {}
    assert [job.stack for job in made.workers.jobs] == ["mls26.wave-01", "mls26.wave-03"]
    assert {(job.operation, job.cohort, job.context) for job in made.workers.jobs} == {
        ("up", "mls26", "rehearsal")
    }
    assert Path(made.workers.jobs[0].stacks).is_absolute()


@pytest.mark.parametrize(
    ("action", "known", "refresh"),
    [
        ("create", False, False),  # new to us and to the engine: its state is right
        ("create", True, True),  # it was there once: the state may say that it is
        ("change", False, True),
        ("change", True, True),
        ("remove", True, False),
    ],
)
def test_the_engine_looks_at_the_cluster_where_its_state_may_be_wrong(action, known, refresh):
    made = engine(known=["1"] if known else [])

    made.run_waves([part("1", action)], leave_out=set())

    assert [job.refresh for job in made.workers.jobs] == [refresh]


def test_who_fails_beforehand_is_excluded_and_never_left_out():
    """To leave one out of the program would mean to delete them."""
    made = engine()

    made.run_waves([part("1"), part("2")], leave_out={"s2"})

    assert [job.exclude for job in made.workers.jobs] == [("s2",)]


def test_a_wave_in_which_everybody_is_excluded_does_not_run():
    made = engine()

    made.run_waves([part("1", wave=1), part("2", wave=2)], leave_out={"s1"})

    assert [job.stack for job in made.workers.jobs] == ["mls26.wave-02"]


def test_a_leaver_whom_no_record_knows_starts_no_wave():
    made = engine()

    assert made.run_waves([Part(name="s7", action="remove")], leave_out=set()) == {}
    assert made.workers.jobs == []


def test_a_wave_that_fails_as_a_whole_fails_for_its_students_alone():
    made = engine(
        outcomes=[
            Outcome(stack="mls26.wave-01", error="no engine"),
            Outcome(stack="mls26.wave-02", failed={"s3": "quota exceeded"}),
        ]
    )
    parts = [part("1"), part("2"), part("3", wave=2), part("4", wave=2)]

    assert made.run_waves(parts, leave_out=set()) == {
        "s1": "no engine", "s2": "no engine", "s3": "quota exceeded",
    }  # fmt: skip


def test_a_stack_that_another_run_holds_stops_the_run_with_what_to_do():
    held = Outcome(stack="mls26.guard", error="held by another run: process 7", locked=True)
    made = engine(outcomes=[held])

    with pytest.raises(LockedError) as caught:
        made.run_guard(refresh=False)

    assert caught.value.exit_code == 9
    assert "process 7" in caught.value.message
    assert caught.value.hint.endswith("pulumi cancel --stack mls26.guard")


def test_a_student_is_done_when_all_their_resources_are():
    one = part("1")
    done = {"event": "done", "student": "s1"}
    progress, count = Advances(), len(one.wanted) + 1

    engine(events=[done] * (count - 1), progress=progress).run_waves([one], leave_out=set())
    assert progress.students == []
    others = [{"event": "done", "student": ""}, {"event": "error", "student": "s1", "error": "x"}]
    engine(events=[done] * count + others, progress=progress).run_waves([one], leave_out=set())
    assert progress.students == ["s1"]


def test_every_stack_is_cleared_and_what_failed_is_told_by_stack():
    made = engine(
        outcomes=[
            Outcome(stack="mls26.wave-01", error="no"),
            Outcome(stack="mls26.guard", failed={"s1": "a", "s2": "b"}),
        ]
    )

    assert made.destroy([1, 2, manifest.GUARD]) == {"mls26.wave-01": "no", "mls26.guard": "a; b"}
    assert {job.operation for job in made.workers.jobs} == {"destroy"}
    assert len(made.workers.jobs) == 3


# Removal, with a server that refuses what a real one seldom does


def leaver(id):
    items = [
        {**item, "metadata": {**item["metadata"], "uid": f"{id}-{item['kind']}-{number}"}}
        for number, item in enumerate(manifest.environment(cohort(), record(id)))
    ]
    owned = {manifest.key_of(item): item for item in items}
    plan = make_plan(cohort(), {id: record(id, dropped=True)}, Live(owned=owned, foreign={}))
    return plan.students[0]


def test_what_lies_in_a_namespace_goes_with_it_and_each_by_its_uid(server, client):
    server.will("DELETE", Answer(body={}))
    server.will("GET", Answer(body={"metadata": {"resourceVersion": "1"}, "items": []}))

    why = remove_surplus(client, [leaver("1")], None)

    assert why == {}
    deleted = {r.path: r.body["preconditions"]["uid"] for r in server.asked if r.method == "DELETE"}
    assert deleted == {
        "/api/v1/namespaces/mls26--s1": "1-Namespace-0",
        "/api/v1/namespaces/practicum-mls26/serviceaccounts/s1": "1-ServiceAccount-5",
    }


class Told(Silent):
    """Keeps what a run told while it went on."""

    def __init__(self):
        self.steps, self.done = [], []

    def step(self, text, total=0):
        self.steps.append((text, total))

    def advance(self, student):
        self.done.append(student)


def test_how_many_have_gone_is_told_while_it_goes_on(server, client):
    """A removal may take minutes: also who loses no namespace is counted."""
    server.will("DELETE", Answer(body={}))
    server.will("GET", Answer(body={"metadata": {"resourceVersion": "1"}, "items": []}))
    gone = leaver("1")
    inside = replace(gone, name="s2", surplus=gone.surplus[-1:])
    told = Told()

    remove_surplus(client, [gone, inside], told)

    assert [total for _, total in told.steps] == [2]
    assert len(told.done) == 2


def test_a_namespace_that_is_another_one_by_now_is_no_reason_to_wait(server, client):
    """The UID no longer fits: the server refuses, and nobody waits for a stranger's to go."""
    server.will("DELETE", Answer(status=409, body={"message": "the UID in the precondition"}))
    server.will("GET", Answer(body={"metadata": {"resourceVersion": "1"}, "items": []}))

    why = remove_surplus(client, [leaver("1")], None)

    assert why.keys() == {"s1"}
    assert "the UID in the precondition" in why["s1"]


def test_a_namespace_whose_deletion_is_refused_is_not_waited_for(server, client):
    server.will("DELETE", Answer(status=422, body={"message": "this one stays"}))

    why = remove_surplus(client, [leaver("1")], None)

    assert "this one stays" in why["s1"]
    assert {asked.method for asked in server.asked} == {"DELETE"}


def test_what_is_gone_already_is_no_failure(server, client):
    server.will("DELETE", Answer(status=404, body={"message": "not found"}))
    server.will("GET", Answer(body={"metadata": {"resourceVersion": "1"}, "items": []}))

    assert remove_surplus(client, [leaver("1")], None) == {}


def test_nothing_to_remove_asks_nothing(server, client):
    assert remove_surplus(client, [part("1")], None) == {}
    assert server.asked == []


# Where the cluster is


def test_a_rehearsal_is_the_one_of_the_home(tmp_path):
    found = targets.of(cohort(), tmp_path)

    assert (found.kubeconfig, found.context) == (tmp_path / "rehearsal/kubeconfig", "rehearsal")
    with pytest.raises(ClusterError, match="none is up in") as caught:
        targets.connect(cohort(), tmp_path)
    assert caught.value.hint == "Start it with: practicum rehearsal up"


def test_a_cluster_of_ones_own_is_the_context_that_the_cohort_names(tmp_path):
    own = cohort(cluster={"kubeconfig": "some/config", "context": "course"})

    found = targets.of(own, tmp_path)

    assert found.kubeconfig == Path("some/config").resolve()
    assert found.context == "course"
    with pytest.raises(ClusterError, match="There is no kubeconfig at"):
        targets.connect(own, tmp_path)
