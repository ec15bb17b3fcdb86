"""REL-30: whatever happens to a cohort, in whatever order, one plain `up` makes it right."""

from __future__ import annotations

import json
import shutil
import signal

import psutil
import pyrage
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from provisioner import rehearsal

from . import runs
from .conftest import ControlPlane
from .course import Course
from .leaks import Canaries
from .term import Credential, Member, await_death, killed

pytestmark = pytest.mark.cluster

IDS = ["1", "2", "3", "4"]
someone = st.sampled_from(IDS)
DRIFT = {
    "quota deleted": ("delete", "resourcequota", "practicum"),
    "limits deleted": ("delete", "limitrange", "practicum"),
    "fence deleted": ("delete", "networkpolicy", "practicum"),
    "way in deleted": ("delete", "rolebinding", "practicum-student"),
    "quota raised": (
        "patch", "resourcequota", "practicum", "--type=merge",
        '-p={"spec": {"hard": {"pods": "999"}}}',
    ),
    "somebody let in": (
        "patch", "rolebinding", "practicum-student", "--type=json",
        '-p=[{"op": "add", "path": "/subjects/-", "value":'
        ' {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "mallory"}}]',
    ),
}  # fmt: skip


class Term(RuleBasedStateMachine):
    """A cohort of at most four, and everything that may happen to it."""

    def __init__(self, plane: ControlPlane, course: Course) -> None:
        super().__init__()
        self.plane, self.course = plane, course
        self.roster: dict[str, Member] = {}
        self.live: dict[str, Member] = {}
        """Who has an environment since the last `up` that succeeded."""
        self.ended: list[tuple[Credential, str]] = []
        """What must not work any more once the next `up` is done, and where it did."""
        self.perhaps_going: set[str] = set()
        """Leavers of a killed `up`, by id: it may have begun to delete what they have."""
        self.suspended_before: dict[str, bool] = {}
        """Of who left: coming back lifts nothing."""
        self.canaries = Canaries()
        self.identity = course.stacks / "course.agekey"
        self.identity.write_text(f"{course.course_key}\n")
        self.identity.chmod(0o600)

    @initialize()
    def two_students(self) -> None:
        for id in IDS[:2]:
            self._join(id)
        self.up()

    # What an instructor does to the roster

    @precondition(lambda self: len(self.roster) < len(IDS))
    @rule(id=someone)
    def join(self, id: str) -> None:
        if id not in self.roster:
            self._join(id)

    @rule(id=someone)
    def leave(self, id: str) -> None:
        member = self.roster.pop(id, None)
        if member:
            self._end(member.given, member)
            member.given = None
            self.suspended_before[id] = member.suspended
        self.course.roster(self.roster)

    # What they run

    @precondition(lambda self: not self.roster)
    @rule(command=st.sampled_from(["plan", "up", "handout"]))
    def nobody_is_left(self, command: str) -> None:
        """An empty roster is a slip more often than a wish: it keeps `down` alone from nothing."""
        asked = ["--yes"] if command == "up" else []
        refused = self.course.run(command, self.course.name, *asked, code=3)
        assert "there is no student below the header" in refused.stderr

    @precondition(lambda self: self.roster)
    @rule()
    def up(self) -> None:
        done = self.course.up("--no-archive", *self._drops())
        assert done["failed"] == []
        self.live, self.perhaps_going = dict(self.roster), set()
        for student in self.course.json("plan", self.course.name)["students"]:
            self.roster[student["id"]].namespace = student["namespace"]
        self.holds()

    @rule(after=st.floats(min_value=0.3, max_value=4))
    def killed_up(self, after: float) -> None:
        killed(self.course, after, *self._drops())
        self.perhaps_going |= self.live.keys() - self.roster.keys()

    @precondition(lambda self: self.roster)
    @rule()
    def hand_out(self) -> None:
        """Of a run that was killed, some have no environment yet, or nobody has."""
        without = self.roster.keys() - self.live.keys()
        done = self.course.run_any("handout", self.course.name, "--json")
        assert "Traceback" not in done.stderr, done.stderr
        assert done.returncode == 0 or without, done.stderr
        if done.stdout:
            found = json.loads(done.stdout)
            assert {one["id"] for one in found["failed"]} <= without
            self._given(found["issued"])

    @precondition(lambda self: self._with_access())
    @rule(data=st.data())
    def rotate(self, data: st.DataObject) -> None:
        member = self._one_of(data, self._with_access(), "who")
        old = member.given
        self._given(self.course.json("rotate", self.course.name, member.id, "--now")["issued"])
        assert member.given != old
        self._end(old, member)

    @precondition(lambda self: self._with_access())
    @rule(data=st.data())
    def revoke_and_reinstate(self, data: st.DataObject) -> None:
        member = self._one_of(data, self._with_access(), "who")
        assert member.given
        self.course.json("revoke", self.course.name, member.id)
        await_death([(member.given, member.namespace)])
        back = self.course.json("reinstate", self.course.name, member.id)
        self._given(back["issued"])

    @precondition(lambda self: self._working())
    @rule(data=st.data())
    def suspend(self, data: st.DataObject) -> None:
        member = self._one_of(data, self._working(), "who")
        self.course.json("suspend", self.course.name, member.id, "--yes")
        member.suspended = True

    @precondition(lambda self: self._suspended())
    @rule(data=st.data())
    def resume(self, data: st.DataObject) -> None:
        member = self._one_of(data, self._suspended(), "who")
        self.course.json("resume", self.course.name, member.id, "--yes")
        member.suspended = False

    @precondition(lambda self: self._working())
    @rule(data=st.data())
    def correct_an_id(self, data: st.DataObject) -> None:
        """The namespace and the credential stay; only the id is another."""
        member = self._one_of(data, self._working(), "whose")
        other = f"{member.id}0"
        while other in self.course.keys:  # somebody's, now or earlier: two do not become one
            other += "0"
        self.course.json("rename", self.course.name, member.id, other, "--yes")
        self.course.keys[other] = self.course.keys.pop(member.id)
        for students in (self.roster, self.live):
            students[other] = students.pop(member.id)
        member.id = other

    @precondition(lambda self: self._working())
    @rule(data=st.data())
    def archive(self, data: st.DataObject) -> None:
        member = self._one_of(data, self._working(), "whose")
        made = self.course.json("archive", "make", self.course.name, member.id)
        [one] = made["archives"]
        opened = self.course.json("archive", "open", one["path"], "--identity", str(self.identity))
        assert opened["student"] == member.id

    # What happens to them

    @precondition(lambda self: self._staying())
    @rule(data=st.data(), what=st.sampled_from(sorted(DRIFT)))
    def drift(self, data: st.DataObject, what: str) -> None:
        member = self._one_of(data, list(self._staying().values()), "whose")
        verb, *rest = DRIFT[what]
        ignore = ["--ignore-not-found"] if verb == "delete" else []
        if self._exists(member, *rest[:2]):
            self.course.admin(verb, "-n", member.namespace, *rest, *ignore)

    @precondition(lambda self: self._staying())
    @rule(data=st.data(), name=st.sampled_from(["thesis", "notes"]))
    def work(self, data: st.DataObject, name: str) -> None:
        member = self._one_of(data, list(self._staying().values()), "whose")
        if name not in member.work:
            self.course.admin("create", "configmap", name, "-n", member.namespace)
            member.work.add(name)

    @rule()
    def restarted_api(self) -> None:
        record = rehearsal.status(self.plane.home)
        server = next(one for one in record.processes if one.name == "kube-apiserver")
        psutil.Process(server.pid).send_signal(signal.SIGKILL)
        rehearsal.up(self.plane.home)

    @rule()
    def end_of_term(self) -> None:
        for member in self._having():
            self._end(member.given, member)
        receipt = self.course.json(
            "down", self.course.name, "--yes", self.course.name, "--no-archive"
        )
        assert receipt["proved"]
        self.live, self.perhaps_going = {}, set()
        for member in self.roster.values():
            member.given = None
            member.work.clear()
        await_death(self.ended)

    # What always holds

    def holds(self) -> None:
        """See that what runs is what is wanted, and nothing else of us is anywhere."""
        assert self.course.actions() == dict.fromkeys(self.roster, "same")
        assert runs.namespaces(self.course) == {member.namespace for member in self.roster.values()}
        await_death(self.ended)
        self.ended.clear()
        for member in self._having():
            assert member.given
            others = [one.namespace for one in self.roster.values() if one is not member]
            assert member.given.answer(member.namespace) == (403 if member.suspended else 200)
            assert {member.given.answer(other) for other in others} <= {403}
        for member in self.roster.values():
            kept = {name for name in member.work if self._exists(member, "configmap", name)}
            assert kept == member.work
        for state in (self.course.home / "state").rglob("*.json"):
            json.loads(state.read_text())
        runs.await_no_strays(self.course)
        assert self.canaries.in_files([self.course.home, self.course.stacks]) == set()

    # How the model knows

    def _one_of(self, data: st.DataObject, members: list[Member], what: str) -> Member:
        return data.draw(st.sampled_from(members), what)

    def _join(self, id: str) -> None:
        suspended = self.suspended_before.get(id, False)
        self.roster[id] = Member(id=id, namespace=self.course.namespace(id), suspended=suspended)
        if id not in self.course.keys:
            self.course.give_key(id)
        self.course.roster(self.roster)

    def _end(self, credential: Credential | None, member: Member) -> None:
        if credential:
            self.ended.append((credential, member.namespace))

    def _drops(self) -> list[str]:
        leaving = len(self.live.keys() - self.roster.keys())
        return ["--allow-drop", str(leaving)] if leaving > 3 else []

    def _having(self) -> list[Member]:
        return [one for id, one in self.roster.items() if one.given and id in self.live]

    def _with_access(self) -> list[Member]:
        return [one for one in self._having() if not one.suspended]

    def _working(self) -> list[Member]:
        """Who has an environment and is in the roster, and is not suspended."""
        return [
            one for id, one in self._staying().items() if id in self.roster and not one.suspended
        ]

    def _suspended(self) -> list[Member]:
        return [one for id, one in self._staying().items() if id in self.roster and one.suspended]

    def _staying(self) -> dict[str, Member]:
        """Who has an environment that nobody may have begun to delete."""
        return {id: one for id, one in self.live.items() if id not in self.perhaps_going}

    def _given(self, issued: list[dict[str, str]]) -> None:
        for one in issued:
            member = self.roster[one["id"]]
            path = self.course.home / "handout" / self.course.name / f"{member.id}.kubeconfig.age"
            opened = pyrage.decrypt(path.read_bytes(), [self.course.keys[member.id]])
            member.given = Credential.read(opened)
            self.canaries.add(f"token {len(self.canaries.forms)}", member.given.token)

    def _exists(self, member: Member, *what: str) -> bool:
        found = self.course.admin(
            "get", "-n", member.namespace, *what, "--ignore-not-found", "-o", "name"
        )
        return bool(found.strip())

    def teardown(self) -> None:
        self.course.run("down", self.course.name, "--yes", self.course.name, "--no-archive")


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    """A control plane of its own: its API server is killed now and then."""
    home = tmp_path_factory.mktemp("model")
    found = rehearsal.up(home)
    yield ControlPlane(home=home, kubeconfig=found.kubeconfig, server=found.server)
    rehearsal.down(home)
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def terms(plane, kubectl, tmp_path_factory):
    """Make a machine with a cohort of its own for every example."""

    def run(**limits) -> None:
        def begin() -> Term:
            name = f"m{next(numbers)}"
            course = Course(name, tmp_path_factory.mktemp("stacks"), plane.home,
                            plane.kubeconfig, kubectl)  # fmt: skip
            course.write([])
            return Term(plane, course)

        numbers = iter(range(1, 10_000))
        run_state_machine_as_test(
            begin,
            settings=settings(
                deadline=None,
                database=None,
                phases=[Phase.generate],  # to shrink what takes minutes would take days
                suppress_health_check=list(HealthCheck),
                print_blob=True,
                **limits,
            ),
        )

    return run


BY_CHANCE = {"killed_up", "restarted_api"}
"""How far a run had come is another thing in every run: for the soak."""

STEPS = [
    ("hand_out", {}), ("work", {"name": "thesis"}), ("archive", {}), ("drift", {"what": "fence deleted"}),
    ("suspend", {}), ("up", {}),
    ("resume", {}), ("rotate", {}), ("revoke_and_reinstate", {}), ("correct_an_id", {}),
    ("join", {"id": "3"}), ("leave", {"id": "2"}), ("up", {}),
    ("end_of_term", {}), ("up", {}),
    ("leave", {"id": "10"}), ("leave", {"id": "3"}),
    ("nobody_is_left", {"command": "up"}), ("end_of_term", {}),
]  # fmt: skip


class Told(Term):
    """A term in which nothing is drawn: of several it is the first one's turn."""

    def _one_of(self, data: None, members: list[Member], what: str) -> Member:
        return members[0]


@pytest.mark.timeout(600)
def test_a_term_in_which_everything_happens_once(control_plane, kubectl, tmp_path):
    """The same steps in every run, whatever hypothesis would draw; another order is for the soak."""
    home = tmp_path / "home"  # of its own: all that is written there is looked at
    (home / "rehearsal").mkdir(parents=True, mode=0o700)
    shutil.copy(control_plane.kubeconfig, home / "rehearsal" / "kubeconfig")
    course = Course("told", tmp_path / "stacks", home, control_plane.kubeconfig, kubectl)
    course.write([])
    term = Told(control_plane, course)
    rules = {rule.function.__name__: rule for rule in term.rules}
    assert rules.keys() - BY_CHANCE == {name for name, _ in STEPS}

    term.two_students()
    for name, how in STEPS:
        assert all(holds(term) for holds in rules[name].preconditions), name
        drawn = {"data": None} if "data" in rules[name].arguments else {}
        getattr(term, name)(**how, **drawn)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_many_terms_in_any_order(terms):
    terms(max_examples=15, stateful_step_count=30, derandomize=False)
