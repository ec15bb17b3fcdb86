"""A change in mid-term: for the students concerned, and for nobody else.

One course goes through it all, as a term does: one test, for each step begins with what the one
before it has left.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from provisioner.cli import practicum

from ..waiting import until
from .audit import about, mutations
from .course import WORK, as_student
from .test_archive import key_file

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

LATER = datetime.now(UTC).date() + timedelta(days=120)


@pytest.fixture
def course(new_course):
    """Four students; the first two have keys and kubeconfigs."""
    made = new_course(["1", "2", "3", "4"], environment={"quota": {"cpu": "8"}})
    made.give_key("1")
    made.give_key("2")
    made.up()
    made.json("handout", made.name)
    return made


@pytest.fixture
def kubeconfigs(course, tmp_path):
    return {id: course.open(id, tmp_path) for id in ("1", "2")}


def test_a_change_in_mid_term_is_for_the_students_concerned_and_for_nobody_else(
    course, kubeconfigs, control_plane, wait_until
):
    adding_one_touches_nobody_else_also_where_others_differ(course, control_plane)
    up_for_some_mends_these_and_leaves_the_rest(course, control_plane)
    a_corrected_id_keeps_environment_and_credential(course, kubeconfigs, control_plane)
    a_correction_that_was_cut_off_is_finished_and_drops_nobody(course)
    who_is_suspended_is_denied_and_nothing_of_theirs_runs(course, kubeconfigs, wait_until)
    who_is_resumed_has_what_was_before_with_the_same_kubeconfig(course, kubeconfigs, wait_until)
    who_has_a_later_end_gets_a_later_credential(course)
    a_quota_of_ones_own_is_rebuilt_from_the_cluster(course)
    an_upgrade_is_told_and_rolls_out_in_steps(course, control_plane)
    what_cannot_be_is_refused_and_changes_nothing(course, control_plane)
    dropping_one_touches_nobody_else(course, control_plane)


def touched(control_plane, mark):
    """Every object that was changed, as ``namespace/name``; a Namespace is in itself."""
    return {
        f"{about(event, 'namespace') or about(event, 'name')}/{about(event, 'name')}"
        for event in mutations(control_plane.since(mark))
    }


def scope(course, id):
    """What belongs to one student and to nobody else."""
    return {f"{course.namespace(id)}/", f"practicum-{course.name}/s{id}"}


def is_within(places, course, id):
    return all(any(place.startswith(start) for start in scope(course, id)) for place in places)


def field(course, id, path, *what):
    return course.admin("get", *what, "-n", course.namespace(id), "-o", f"jsonpath={{{path}}}")


def uid(course, id):
    return course.admin("get", "ns", course.namespace(id), "-o", "jsonpath={.metadata.uid}")


def roster_ids(course):
    return [
        line.split(",")[0] for line in (course.folder / "roster.csv").read_text().splitlines()[1:]
    ]


def records(course):
    return json.loads((course.folder / "students.json").read_text())["students"]


def adding_one_touches_nobody_else_also_where_others_differ(course, control_plane):
    """REL-22: with drift, a changed guard and a leaver waiting, in the same wave."""
    course.admin("delete", "quota", "practicum", "-n", course.namespace("2"))
    course.admin("delete", "netpol", "practicum", "-n", course.namespace("3"))
    guard = f"practicum-{course.name}-assistant"
    course.admin("patch", "clusterrole", guard, "--type=merge", "-p", '{"rules": []}')
    course.roster(["1", "2", "3"])
    before = uid(course, "4")
    mark = control_plane.mark()

    done = course.json("add", course.name, "5", "--name", "Cy Twombly", "--section", "B", "--yes")

    assert (done["created"], done["changed"], done["removed"], done["failed"]) == (1, 0, 0, [])
    places = touched(control_plane, mark)
    assert is_within(places, course, "5"), places
    assert places, "else this shows nothing"
    assert course.actions() == {
        "1": "same", "2": "change", "3": "change", "4": "remove", "5": "same",
    }  # fmt: skip
    assert (uid(course, "4"), "dropped" in records(course)["4"]) == (before, False)
    last = (course.folder / "roster.csv").read_text().splitlines()
    assert last[-1] == "5,Cy Twombly,B"
    assert last[0] == "id,name,section"


def up_for_some_mends_these_and_leaves_the_rest(course, control_plane):
    mark = control_plane.mark()

    done = course.up("2")

    assert (done["changed"], done["removed"], done["same"]) == (1, 0, 0)
    assert is_within(touched(control_plane, mark), course, "2")
    rest = {id: action for id, action in course.actions().items() if action != "same"}
    assert rest == {"3": "change", "4": "remove"}, "although the engine looked at the whole wave"
    course.roster(["1", "2", "3", "4", "5"])
    assert course.up()["failed"] == []


def a_corrected_id_keeps_environment_and_credential(course, kubeconfigs, control_plane):
    """REL-23: never drop and add."""
    before = uid(course, "1")
    as_student(kubeconfigs["1"], "create", "configmap", "work", "--from-literal=a=1")
    mark = control_plane.mark()

    done = course.json("rename", course.name, "1", "9", "--name", "Ada King", "--yes")

    assert (done["changed"], done["created"], done["removed"]) == (1, 0, 0)
    assert is_within(touched(control_plane, mark), course, "1"), "the name in the cluster stays"
    assert uid(course, "1") == before
    assert as_student(kubeconfigs["1"], "get", "configmap", "work").returncode == 0
    assert course.actions() == dict.fromkeys(["2", "3", "4", "5", "9"], "same")
    assert sorted(path.name for path in (course.folder / "keys").iterdir()) == ["2", "9"]
    sampled = {
        one["id"]: one["known_hours"] for one in course.json("report", course.name)["students"]
    }
    assert sampled["9"]
    assert "1" not in sampled
    handout = course.json("handout", course.name, "9")
    assert (handout["kept"], handout["issued"]) == (["9"], [])
    assert "9,Ada King" in (course.folder / "roster.csv").read_text()
    assert told(course)[-1] | {"time": "", "operator": ""} == {
        "time": "", "event": "renamed", "id": "9", "fingerprint": "", "expires": None,
        "operator": "", "was": "1",
    }  # fmt: skip


def told(course):
    lines = (course.home / "audit" / f"{course.name}.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def a_correction_that_was_cut_off_is_finished_and_drops_nobody(course):
    """As after a kill between the roster and the rest; whatever runs first, nobody has left."""
    document = json.loads((course.folder / "students.json").read_text())
    document["students"]["3"]["becomes"] = "8"
    (course.folder / "students.json").write_text(json.dumps(document))
    roster = course.folder / "roster.csv"
    before = uid(course, "3")
    roster.write_text(roster.read_text().replace("\n3,", "\n8,"))

    assert course.actions()["8"] == "change"
    done = course.json("rename", course.name, "3", "8", "--yes")
    again = course.json("rename", course.name, "3", "8", "--yes")

    assert (done["changed"], again["same"], again["processes"]) == (1, 1, 0)
    assert uid(course, "3") == before
    assert set(course.actions().values()) == {"same"}
    assert {id: one["name"] for id, one in records(course).items()}["8"] == "s3"


def who_is_suspended_is_denied_and_nothing_of_theirs_runs(course, kubeconfigs, wait_until):
    me, where = kubeconfigs["1"], course.namespace("1")
    made = as_student(me, "apply", "-f", "-", stdin=WORK)
    assert made.returncode == 0, made.stderr
    wait_until(lambda: len(pods(course)) == 6)
    assert as_student(me, "get", "pods").returncode == 0

    shown = course.run("suspend", course.name, "9", "--dry-run").stderr
    done = course.json("suspend", course.name, "9", "--yes")

    assert "ENDS FOR GOOD" in shown
    assert "bare" in shown
    assert done["failed"] == []
    wait_until(lambda: "cannot list resource" in as_student(me, "get", "pods").stderr)
    wait_until(lambda: pods(course) == [])
    assert (
        'cannot patch resource "deployments"'
        in as_student(me, "patch", "deployment", "web", "-p", '{"spec": {"replicas": 5}}').stderr
        or 'cannot get resource "deployments"'
        in as_student(me, "scale", "deployment", "web", "--replicas=5").stderr
    )
    # What counts is what the quota controller has taken over from the new quota.
    wait_until(lambda: field(course, "1", ".status.hard.pods", "quota", "practicum") == "0")
    with pytest.raises(AssertionError, match="exceeded quota"):
        course.admin("run", "new", "--image=example.org/x", "-n", where)
    assert field(course, "1", ".status.phase", "pvc", "data-db-0"), "no volume goes with it"
    assert as_student(kubeconfigs["2"], "get", "pods").returncode == 0, "the twin"
    assert course.actions()["9"] == "same"
    phases = {s["id"]: s["phase"] for s in course.json("status", course.name)["students"]}
    assert phases == {"2": "ready", "4": "ready", "5": "ready", "8": "ready", "9": "suspended"}
    again = course.json("suspend", course.name, "9", "--yes")
    assert (again["same"], again["processes"], again["notes"]) == (1, 0, [])
    course.asleep = course.json("archive", course.name, "9")["archives"][0]["path"]


def pods(course):
    return course.admin("get", "pods", "-n", course.namespace("1"), "-o", "name").split()


def who_is_resumed_has_what_was_before_with_the_same_kubeconfig(course, kubeconfigs, wait_until):
    course.json("resume", course.name, "9", "--yes")

    wait_until(lambda: as_student(kubeconfigs["1"], "get", "pods").returncode == 0)
    wait_until(lambda: len(pods(course)) == 5)  # all but the one that nobody owned
    scaled = {name: field(course, "1", ".spec.replicas", name)
              for name in ("deployment/web", "replicaset/alone", "statefulset/db")}  # fmt: skip
    assert scaled == {"deployment/web": "2", "replicaset/alone": "1", "statefulset/db": "1"}
    for job in ("cronjob/nightly", "job/long"):
        assert field(course, "1", ".spec.suspend", job) in ("", "false")
    policy = ".spec.persistentVolumeClaimRetentionPolicy.whenScaled"
    assert field(course, "1", policy, "statefulset/db") == "Delete"
    everything = course.admin("get", "deploy,sts,cronjob,job", "-o", "yaml", "-n",
                              course.namespace("1"))  # fmt: skip
    assert "suspended.practicum.dev" not in everything
    what_was_archived_at_rest_comes_back_awake(course)
    assert course.actions()["9"] == "same"
    again = course.json("resume", course.name, "9", "--yes")
    assert (again["same"], again["processes"], again["notes"]) == (1, 0, [])


def what_was_archived_at_rest_comes_back_awake(course):
    """Nobody would wake it: `resume` was before."""
    course.admin("delete", "deployment", "web", "-n", course.namespace("1"))
    identity = ("-i", str(key_file(course, course.home)))
    course.json("archive", "restore", course.name, "9", course.asleep, *identity, "--yes")

    assert field(course, "1", ".spec.replicas", "deployment/web") == "2"


def who_has_a_later_end_gets_a_later_credential(course):
    done = course.json("extend", course.name, "2", "--until", f"{LATER}", "--yes")

    assert done["changed"] == 1
    assert f"practicum rotate {course.name} 2" in done["notes"][0]
    [new] = course.json("rotate", course.name, "2")["issued"]
    [twin] = course.json("rotate", course.name, "9")["issued"]
    assert new["expires"].startswith(f"{LATER}T23:59")
    assert twin["expires"] < new["expires"]
    status = {s["id"]: s for s in course.json("status", course.name)["students"]}
    assert (status["2"]["until"], status["9"]["until"]) == (f"{LATER}", None)
    assert told(course)[-3]["event"] == "extended"


def a_quota_of_ones_own_is_rebuilt_from_the_cluster(course):
    done = course.json("resize", course.name, "9", "--quota", "cpu=4", "--quota", "pods=3", "--yes")

    assert (done["changed"], done["failed"]) == (1, [])
    hard = json.loads(field(course, "1", ".spec.hard", "quota", "practicum"))
    assert (hard["requests.cpu"], hard["pods"], hard["services"]) == ("4", "3", "10")
    before = records(course)
    (course.folder / "students.json").unlink()  # a second operator has none
    assert set(course.actions().values()) == {"same"}
    course.up()
    assert records(course) == before
    until(lambda: field(course, "1", ".status.used.pods", "quota", "practicum") == "5")
    shown = course.run("resize", course.name, "9", "--quota", "pods=1", "--dry-run").stderr
    assert "uses 5 of pods now, more than 1" in shown


def an_upgrade_is_told_and_rolls_out_in_steps(course, control_plane):
    """As an earlier rendering would have left them; somebody's hand is on a third."""
    for id in ("1", "2"):
        where = course.namespace(id)
        course.admin("annotate", "ns", where, "--overwrite", "practicum.dev/rendering=0")
    course.admin("delete", "netpol", "practicum", "-n", course.namespace("4"))
    mark = control_plane.mark()

    plan = course.run("plan", course.name).stdout
    first = course.up("--at-most", "1")
    places = touched(control_plane, mark)

    assert "2 of these were made by another version of Practicum" in plan
    assert (first["changed"], first["left"], first["failed"]) == (1, 2, [])
    assert is_within(places, course, "4"), "what was changed by hand does not wait"
    assert sorted(course.actions().values()) == ["change", "change", *["same"] * 3]
    assert course.up()["changed"] == 2


BAD = {
    "add NAME 2 --name Bo": "ID: this id stands in line 3 already",
    "add NAME 007 --name Bo --email x": "--email: this is not one email address",
    "add NAME 7 --name Bo --key OTHER": "--key: this is the key of 9 too",
    "add NAME 7 --name Bo --key nowhere": "--key: this is no plain file",
    "drop NAME 77": "77: was never in this course",
    "drop NAME 2 4 5 8 9": "Nobody would be left",
    "drop NAME 2 4 5 8": "--allow-drop 4",
    "rename NAME 77 78": "77 is not in the roster",
    "rename NAME 2 4": "4: is in the roster too",
    "rename NAME 2 ../2": "ID: the id has other characters",
    "rename NAME 2 2": "Nothing would change",
    "suspend NAME 77": "77: is not in the roster",
    "resume NAME 77": "77: is not in the roster",
    "extend NAME 2 --until 2020-01-01": "--until 2020-01-01: is over",
    "extend NAME 2 --until soon": "--until: this is no day",
    "extend NAME 2": "Say either --until DATE or --reset",
    "resize NAME 2 --quota cpu=lots": "is no Kubernetes quantity",
    "resize NAME 2 --all --reset": "Say either who, by their ids, or --all",
    "resize NAME 2": "Say either --quota KEY=QUANTITY or --reset",
    "up NAME 77": "77: is not in the roster",
}


def what_cannot_be_is_refused_and_changes_nothing(course, control_plane):
    key = course.folder / "keys" / "9"
    before = {path: path.read_bytes() for path in course.folder.rglob("*") if path.is_file()}
    mark = control_plane.mark()

    for line, told in BAD.items():
        words = [{"NAME": course.name, "OTHER": str(key)}.get(w, w) for w in line.split()]
        result = CliRunner().invoke(practicum, [*course.command()[3:], *words, "--yes"])

        assert (result.exit_code, "Traceback" in result.output) == (3, False), result.output
        assert told in result.stderr, result.stderr

    assert mutations(control_plane.since(mark)) == []
    assert before == {p: p.read_bytes() for p in course.folder.rglob("*") if p.is_file()}


def dropping_one_touches_nobody_else(course, control_plane):
    course.admin("delete", "quota", "practicum", "-n", course.namespace("2"))
    mark = control_plane.mark()

    done = course.json("drop", course.name, "5", "--yes")

    assert (done["removed"], done["changed"], done["failed"]) == (1, 0, [])
    places = touched(control_plane, mark)
    assert is_within(places, course, "5"), places
    assert roster_ids(course) == ["9", "2", "8", "4"]
    assert course.actions() == {"2": "change", "4": "same", "8": "same", "9": "same"}
    again = course.json("drop", course.name, "5", "--yes")
    assert (again["removed"], again["processes"], again["failed"]) == (0, 0, [])
