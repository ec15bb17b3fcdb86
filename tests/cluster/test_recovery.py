"""What is lost or damaged is found, kept aside and built anew; what runs is not changed."""

from __future__ import annotations

import itertools
import json
import shutil
from dataclasses import replace

import pytest
import yaml

from provisioner.cohort import records

from . import runs
from .audit import about, mutations

pytestmark = pytest.mark.cluster

IDS = ["1", "2"]
PODS = itertools.count(21)


def change(course, ids=IDS, **cohort):
    """Give everybody another quota than anybody had: something to do for the next `up`."""
    course.write(ids, environment={"quota": {"pods": str(next(PODS))}}, **cohort)


def stack_of(course, part="wave-01"):
    return f"{course.name}.{part}"


@pytest.fixture(scope="module")
def running(new_course):
    """A cohort that is up; every test leaves it as it should be."""
    course = new_course(IDS)
    course.up()
    return course


@pytest.fixture
def good(running):
    """The cohort, with a state to come back to: an older one than what runs is as good."""
    kept = {part: runs.state_of(running, part).read_bytes() for part in ("wave-01", "guard")}
    yield running
    for part, content in kept.items():
        path = runs.state_of(running, part)
        path.write_bytes(content)
        for other in path.parent.glob(f"{path.name}.*"):
            other.unlink()


DAMAGE = {
    "empty": lambda content: b"",
    "cut-off": lambda content: content[: len(content) // 2],
    "garbage": lambda content: b"\0" * len(content),
    "no-state": lambda content: b"{}",
    "anothers": lambda content: content.replace(b".wave-01", b".wave-77"),
    "no-parent": lambda content: without_provider(content),
}


def without_provider(content):
    document = json.loads(content)
    latest = document["checkpoint"]["latest"]
    kind = "pulumi:providers:kubernetes"
    latest["resources"] = [one for one in latest["resources"] if one["type"] != kind]
    return json.dumps(document).encode()


@pytest.mark.parametrize("how", ["cut-off"])
def test_a_damaged_state_stops_its_wave_and_is_never_written_over(good, control_plane, how):
    check_damaged(good, control_plane, how)


@pytest.mark.soak
@pytest.mark.parametrize("how", sorted(DAMAGE.keys() - {"cut-off"}))
def test_every_other_damage_of_a_state_too(good, control_plane, how):
    check_damaged(good, control_plane, how)


def check_damaged(course, control_plane, how):
    path = runs.state_of(course)
    damaged = DAMAGE[how](path.read_bytes())
    path.write_bytes(damaged)
    path.with_name(path.name + ".bak").unlink(missing_ok=True)
    change(course)
    mark = control_plane.mark()

    failed = course.up(code=6)["failed"]

    assert [one["id"] for one in failed] == IDS
    assert f"the saved state of {stack_of(course)} cannot be used" in failed[0]["error"]
    assert f"practicum adopt {course.name}" in failed[0]["error"]
    assert path.read_bytes() == damaged
    inside = {course.namespace(id) for id in IDS}
    touched = mutations(control_plane.since(mark))
    assert [event for event in touched if about(event, "namespace") in inside] == []

    adopted = course.json("adopt", course.name, "--yes")

    [aside] = adopted["aside"]
    assert path.with_name(aside).read_bytes() == damaged
    assert (adopted["rebuilt"], adopted["failed"]) == ([], []), "all differ: they are left for `up`"
    assert course.up()["changed"] == len(IDS)
    runs.check_converged(course, IDS)


def test_a_damaged_state_is_restored_from_the_backup_by_itself(good):
    path = runs.state_of(good)
    path.with_name(path.name + ".bak").write_bytes(path.read_bytes())
    path.write_bytes(b"")
    change(good)

    done = good.up()

    assert (done["changed"], done["failed"]) == (len(IDS), [])
    runs.check_converged(good, IDS)


def test_a_damaged_state_of_what_all_share_stops_the_run(good):
    path = runs.state_of(good, "guard")
    path.write_bytes(b"{")
    path.with_name(path.name + ".bak").unlink(missing_ok=True)
    good.admin("label", "clusterrole", f"practicum-{good.name}-student", "practicum.dev/x=y")

    done = good.run("up", good.name, "--yes", code=5)

    assert "practicum adopt" in done.stderr
    assert path.read_bytes() == b"{"
    good.json("adopt", good.name, "--yes")
    assert good.up()["failed"] == []
    assert runs.in_state(good, "guard") == {"guard"}


def test_a_state_that_a_later_version_wrote_is_refused_and_kept(good):
    path = runs.state_of(good)
    newer = path.read_bytes().replace(b'"version":3', b'"version":9', 1)
    assert newer != path.read_bytes()
    path.write_bytes(newer)
    change(good)

    [failed, _] = good.up(code=6)["failed"]

    assert "too new: a later Pulumi wrote it (format 9)" in failed["error"]
    adopted = good.json("adopt", good.name, "--yes", code=6)
    assert adopted["aside"] == []
    assert path.read_bytes() == newer


def test_a_lost_state_is_built_anew_and_nothing_that_runs_is_changed(good):
    """REL-09: the same objects are applied as they are; the server changes not one."""
    assert good.up()["failed"] == []  # a refused run before this left something to do
    before = runs.everything(good)
    for part in ("wave-01", "guard"):
        runs.state_of(good, part).unlink()
    (good.folder / "students.json").unlink()

    adopted = good.json("adopt", good.name, "--yes")

    assert adopted["rebuilt"] == [stack_of(good, "guard"), stack_of(good)]
    assert (adopted["students"], adopted["differ"], adopted["failed"]) == (2, [], [])
    claimed = f"Namespace /practicum-{good.name}"
    assert {k: v for k, v in runs.everything(good).items() if k != claimed} == {
        k: v for k, v in before.items() if k != claimed
    }
    assert runs.everything(good)[claimed][0] == before[claimed][0]
    assert runs.in_state(good, "guard") == {"guard"}
    runs.check_converged(good, IDS)


def test_damaged_records_are_kept_aside_and_rebuilt_from_the_labels(good):
    path = good.folder / "students.json"
    before = records.load(path)
    path.write_text('{"version": 1, "stud')

    refused = good.run("up", good.name, "--yes", code=3)
    assert "practicum adopt" in refused.stderr
    dry = good.run("adopt", good.name, "--dry-run")
    assert "Nothing was changed." in dry.stderr
    assert path.read_text() == '{"version": 1, "stud'
    adopted = good.json("adopt", good.name, "--yes")

    [aside] = adopted["aside"]
    assert aside.startswith(f"{path}.damaged-")
    assert records.load(path) == before
    assert adopted["rebuilt"] == []


def test_a_state_without_what_runs_is_no_reason_to_stop(good):
    """What a run leaves that was killed before it saved: `up` applies the same again."""
    runs.state_of(good).unlink()
    change(good)
    uids = {name: uid for name, (uid, _) in runs.everything(good).items()}

    done = good.up()

    assert (done["changed"], done["created"], done["failed"]) == (2, 0, [])
    assert {name: uid for name, (uid, _) in runs.everything(good).items()} == uids
    runs.check_converged(good, IDS)


def test_what_plain_pulumi_left_under_way_is_found_by_what_is_there(new_course):
    """REL-07: of three creates, one never came, one came, one met a stranger."""
    course = new_course(["1", "2", "4"])
    course.up()
    course.admin("create", "namespace", course.namespace("5"))
    course.roster(["1", "2", "3", "4", "5"])  # 4 is there, 3 is not, and 5 is a stranger's
    path = runs.state_of(course)
    document = json.loads(path.read_bytes())
    latest = document["checkpoint"]["latest"]
    kind = "kubernetes:core/v1:Namespace"
    templates = [one for one in latest["resources"] if one["type"] == kind]
    text = json.dumps(templates[0])
    number = templates[0]["urn"][-1]
    latest["pending_operations"] = [
        {"resource": json.loads(text.replace(f"--s{number}", f"--s{id}")
                                    .replace(f"s{number}/", f"s{id}/")), "type": "creating"}
        for id in ("3", "4", "5")
    ]  # fmt: skip
    gone = [one["urn"] for one in latest["resources"] if "::s4" in one["urn"]]
    latest["resources"] = [one for one in latest["resources"] if one["urn"] not in gone]
    path.write_text(json.dumps(document))
    stranger = course.admin("get", "namespace", course.namespace("5"), "-o", "json")

    done = course.up(code=6)

    assert [one["id"] for one in done["failed"]] == ["5"]
    assert "was made by kubectl-create" in done["failed"][0]["error"]
    assert runs.saved(course).pending == []
    assert course.admin("get", "namespace", course.namespace("5"), "-o", "json") == stranger
    course.roster(["1", "2", "3", "4"])
    course.up()
    runs.check_converged(course, ["1", "2", "3", "4"])


@pytest.fixture(scope="module")
def replaced(new_course):
    """Two cohorts, in each of which a student's namespace has gone, and a stranger's is there.

    Both at once: to end a namespace takes Kubernetes five seconds.
    """
    leaving, ending = new_course([*IDS, "8"]), new_course(IDS)
    for course in (leaving, ending):
        course.up()
    places = leaving.namespace("8"), ending.namespace("1")
    leaving.admin("delete", "namespace", *places)
    for place in places:
        leaving.admin("create", "namespace", place)
    return leaving, ending


def test_a_strangers_namespace_in_the_place_of_a_leavers_is_left_alone(replaced):
    """REL-16: the engine would delete by name what its state has and the program has not."""
    course, _ = replaced
    course.roster(IDS)

    assert course.up()["failed"] == []

    assert course.admin("get", "namespace", course.namespace("8"), "-o", "name")
    assert runs.in_state(course) == {"s1", "s2"}


def test_down_deletes_by_uid_alone_and_also_with_a_damaged_state(replaced):
    _, course = replaced
    runs.state_of(course, "guard").write_bytes(b"")
    runs.state_of(course, "guard").with_name(f"{course.name}.guard.json.bak").unlink(
        missing_ok=True
    )

    receipt = course.down()

    assert receipt["troubles"] == []
    assert course.admin("get", "namespace", course.namespace("1"), "-o", "name")
    assert not runs.state_of(course).exists()
    assert not runs.state_of(course, "guard").exists()


# Another cluster


@pytest.fixture(scope="module")
def shared(new_course, control_plane, tmp_path_factory):
    """A cohort on a cluster of one's own, by a kubeconfig that a test bends."""
    course = new_course()
    path = tmp_path_factory.mktemp("own") / "kubeconfig"
    chosen = {"cluster": {"kubeconfig": str(path), "context": "rehearsal"}}
    course.write(IDS, **chosen)
    course.give_key("1")
    return course, path, chosen


@pytest.fixture
def own(shared, control_plane):
    """The same, up and as it should be, whatever a test before did to it."""
    course, path, _ = shared
    path.write_text(control_plane.kubeconfig.read_text())
    assert course.up()["failed"] == []
    return shared


def test_another_cluster_behind_the_same_context_is_refused(own, control_plane):
    """REL-13: what is recorded is the UID of kube-system; here the record is what differs."""
    course, _, chosen = own
    file = course.folder / "students.json"
    document = json.loads(file.read_text())
    real = course.admin("get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}")
    assert document["cluster"] == real
    file.write_text(json.dumps(document | {"cluster": "00000000-another"}))
    change(course, **chosen)
    before = file.read_bytes()
    mark = control_plane.mark()

    for command in (["plan"], ["up", "--yes"], ["status"], ["handout"], ["down", "--yes", course.name],
                    ["revoke", "1"], ["rotate", "1"]):  # fmt: skip
        done = course.run(command[0], course.name, *command[1:], code=7)
        assert "leads to another cluster than the one that" in done.stderr
        assert "00000000-another" in done.stderr
        assert f"practicum adopt {course.name}" in done.stderr

    since = control_plane.since(mark)
    assert mutations(since) == []
    assert not [event for event in since if "practicum-claim" in event["requestURI"]]
    assert file.read_bytes() == before
    adopted = course.json("adopt", course.name, "--yes")
    assert adopted["cluster"] == real
    assert course.up()["changed"] == 2


def test_a_new_credential_and_address_replace_nothing(own, control_plane):
    """REL-13: the token, the names and the address in a kubeconfig are not the cluster."""
    course, path, chosen = own
    before = {name: uid for name, (uid, _) in runs.everything(course).items()}
    token = course.admin("create", "token", "rotated", "-n", rotated(course)).strip()
    config = yaml.safe_load(path.read_text())
    config["users"][0]["user"] = {"token": token}
    server = config["clusters"][0]["cluster"]["server"]
    config["clusters"][0]["cluster"]["server"] = server.replace("127.0.0.1", "localhost")
    for section in ("users", "clusters"):
        config[section][0]["name"] = "renamed"
    config["contexts"][0]["context"] = {"user": "renamed", "cluster": "renamed"}
    path.write_text(yaml.safe_dump(config))
    mark = control_plane.mark()

    assert set(course.actions().values()) == {"same"}
    change(course, **chosen)
    assert course.up()["changed"] == 2

    changed = mutations(control_plane.since(mark))
    assert {event["verb"] for event in changed} <= {"patch"}
    assert {name: uid for name, (uid, _) in runs.everything(course).items()} == before


def rotated(course):
    course.admin("create", "serviceaccount", "rotated", "-n", "default")
    course.admin("create", "clusterrolebinding", "rotated", "--clusterrole=cluster-admin",
                 "--serviceaccount=default:rotated")  # fmt: skip
    course.await_right("system:serviceaccount:default:rotated", "*", "*")
    return "default"


# Two operators


@pytest.fixture
def through(behind, far):
    """Make a cohort behind the proxy, of whose rules none stays."""
    far.reset()
    yield behind
    far.reset()


@pytest.fixture
def second(running, tmp_path):
    """Another operator: the same files from git, a home and a state of their own."""

    def make(course=running):
        stacks = tmp_path / "stacks"
        shutil.copytree(course.folder, stacks / course.name)
        home = tmp_path / "home"
        home.mkdir()
        (home / "rehearsal").mkdir()
        shutil.copy(course.kubeconfig, home / "rehearsal" / "kubeconfig")
        return replace(course, stacks=stacks, home=home)

    return make


def test_of_two_operators_at_once_exactly_one_proceeds(through, far, second):
    first = through(IDS)
    other = second(first)

    with runs.resting(first, far) as run:
        refused = other.run("up", first.name, "--yes", code=9)
        down = other.run("down", first.name, "--yes", first.name, code=9)

    _, errors = run.communicate(timeout=200)
    assert run.returncode == 0, errors
    for done in (refused, down):
        assert f"process {run.pid} on" in done.stderr
    runs.check_converged(first, IDS)


def test_a_second_operator_can_do_all_that_the_first_could(own, second, control_plane):
    first, _, chosen = own
    other = second(first)
    other.keys = first.keys
    mark = control_plane.mark()

    assert other.up()["processes"] == 0
    assert mutations(control_plane.since(mark)) == []
    adopted = other.json("adopt", first.name, "--yes")
    assert adopted["rebuilt"] == [stack_of(first, "guard"), stack_of(first)]
    assert [one["id"] for one in other.json("handout", first.name)["issued"]] == ["1"]
    other.write(["1", "3"], **chosen)
    other.give_key("1")
    done = other.up()
    assert (done["created"], done["removed"], done["failed"]) == (1, 1, [])
    runs.check_converged(other, ["1", "3"])
    file = other.folder / "students.json"
    assert "cluster" in json.loads(file.read_text())
    assert other.down()["proved"]
    assert "cluster" not in json.loads(file.read_text()), "the next term may be held elsewhere"


def test_a_claim_of_a_killed_operator_is_told_and_ends(good, second):
    """No manual step: it is over by itself; until then the holder is named."""
    course, other = good, second(good)
    theirs = {"run": "x", "host": "another-laptop", "pid": 77, "place": "elsewhere",
              "since": "2026-11-23T09:00:00+00:00"}  # fmt: skip
    namespace = f"practicum-{course.name}"
    change(course)
    change(other)

    for renewed, one in enumerate((course, other)):
        claim = json.dumps(theirs | {"renewed": renewed})  # each of the two within the minute
        course.admin("annotate", "namespace", namespace, "--field-manager=practicum-claim",
                     "--overwrite", f"run.practicum.dev/claim={claim}")  # fmt: skip
        done = one.run("up", course.name, "--yes", code=9)
        assert "process 77 on another-laptop" in done.stderr
        assert "60 seconds after its last sign of life" in done.stderr
    assert course.actions() == dict.fromkeys(IDS, "change")
    course.admin("annotate", "namespace", namespace, "run.practicum.dev/claim-")
    assert other.up()["changed"] == 2


# The journal


def test_status_says_what_a_killed_run_left_unknown(through, far):
    """The guard is through, and the wave is not."""
    course = through(["1", "2", "3"])
    with runs.resting(course, far) as run:
        assert "is under way since" in course.run("status", course.name).stdout
        runs.kill_all(course, run)
        run.communicate()

    told = course.run("status", course.name).stdout
    found = course.json("status", course.name)["unfinished"]

    assert "An `up` that began at" in told
    assert f"may be half done. Run it again: practicum up {course.name}" in told
    assert (found["command"], found["alive"], found["unknown"]) == ("up", False, ["wave 1"])
    course.up()
    assert course.json("status", course.name)["unfinished"] is None
    runs.check_converged(course, ["1", "2", "3"])
