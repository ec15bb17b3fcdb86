"""CRD-02, -03, -09, -21: access is given, swapped, taken back and given again, one by one."""

from __future__ import annotations

import json
import stat
import time
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyrage
import pytest
import yaml

from provisioner import credential
from provisioner.cluster import NotKnownError
from provisioner.lifecycle.access import terms
from provisioner.lifecycle.reading import read
from provisioner.settings import Settings

from .course import as_student

pytestmark = pytest.mark.cluster

ONE, TWO, THREE, FOUR, FIVE = (f"2026000{n}" for n in range(1, 6))
TRIALS = 20
REVOCATION_SECONDS = 15
"""The promise; the server's own memory of a good token is ten seconds."""


@pytest.fixture(scope="module")
def course(new_course):
    tabea = pyrage.x25519.Identity.generate()
    rita = pyrage.x25519.Identity.generate()
    assistants = [
        {"name": "Tabea Tutorin", "key": str(tabea.to_public())},
        {"name": "Rita Leserin", "key": str(rita.to_public()), "secrets": True},
    ]
    course = new_course([ONE, TWO, THREE, FOUR, FIVE], assistants=assistants)
    course.tabea, course.rita = tabea, rita
    for id in (ONE, TWO, THREE):
        course.give_key(id)
    course.up()
    course.json("handout", course.name)
    return course


@pytest.fixture(scope="module")
def doomed():
    """What was ended on the way; at the end it is seen that all of it is dead.

    Together, for a server keeps a good token in mind for ten seconds.
    """
    ended = []
    yield ended
    since = time.monotonic()
    await_end(ended, lambda one: one.is_dead, since)


@pytest.fixture(scope="module")
def access(course, tmp_path_factory):
    """Decrypt a student's present kubeconfig into a file of its own; say whether it works."""

    class Access:
        def __init__(self, id):
            folder = tmp_path_factory.mktemp("access")
            self.path = course.open(id, folder)
            assert self.works

        @property
        def works(self):
            done = as_student(self.path, "get", "pods")
            assert done.returncode == 0 or "logged in" in done.stderr, done.stderr
            return done.returncode == 0

        @property
        def is_dead(self):
            return not self.works

    return Access


def standing(course, id):
    found = course.json("status", course.name)["students"]
    return next(one["credential"] for one in found if one["id"] == id)


def events(course, id):
    lines = (course.home / "audit" / f"{course.name}.jsonl").read_text().splitlines()
    return [line["event"] for line in map(json.loads, lines) if line["id"] == id]


def test_a_revoked_student_gets_nothing_until_reinstated_and_every_operator_sees_it(
    course, access, doomed
):
    old, other = access(ONE), access(TWO)

    result = course.json("revoke", course.name, ONE)

    assert (result["revoked"], result["already"], result["failed"]) == ([ONE], [], [])
    assert other.works
    assert standing(course, ONE)["state"] == "revoked"
    assert standing(course, TWO)["state"] == "issued"
    assert course.actions()[ONE] == "same", "the mark is no drift"
    course.up()
    assert course.json("handout", course.name)["revoked"] == [ONE]
    named = course.json("handout", course.name, ONE, "--renew", code=6)
    assert named["issued"] == []
    assert f"practicum reinstate {course.name} {ONE}" in named["failed"][0]["error"]
    assert course.json("revoke", course.name, ONE)["already"] == [ONE]

    back = course.json("reinstate", course.name, ONE)

    assert [item["id"] for item in back["issued"]] == [ONE]
    assert access(ONE).works
    doomed.append(old)
    assert standing(course, ONE)["state"] == "issued"
    assert events(course, ONE)[-3:] == ["revoked", "reinstated", "issued"]


def test_a_revocation_outlives_leaving_and_coming_back(course):
    course.json("revoke", course.name, FIVE)
    course.roster([ONE, TWO, THREE, FOUR])
    assert course.up()["removed"] == 1
    course.roster([ONE, TWO, THREE, FOUR, FIVE])

    assert standing(course, FIVE)["state"] == "revoked"
    back = course.json("reinstate", course.name, FIVE)
    assert (back["unkeyed"], back["failed"]) == ([FIVE], [])
    assert standing(course, FIVE)["state"] == "none"


def test_a_rotated_credential_works_until_its_overlap_is_over(course, access, doomed):
    old = access(TWO)

    rotated = course.json("rotate", course.name, TWO)

    new = access(TWO)
    [ends] = standing(course, TWO)["older"]
    left = datetime.fromisoformat(ends) - datetime.now(UTC)
    assert [item["id"] for item in rotated["issued"]] == [TWO]
    assert rotated["overlap_seconds"] == 24 * 3600
    assert timedelta(hours=23) < left < timedelta(hours=25)
    assert old.works
    assert course.json("rotate", course.name, "--sweep")["swept"] == []

    pass_the_end(course, TWO)
    told = course.run("status", course.name).stderr

    assert "1 old credential(s) were past their end" in told
    doomed.append(old)
    assert new.works
    assert standing(course, TWO)["older"] == []
    assert events(course, TWO)[-2:] == ["renewed", "swept"]


def pass_the_end(course, id):
    """Let the overlap of a student's old credential be over, without waiting for it."""
    place = f"practicum-{course.name}"
    found = json.loads(
        course.admin("get", "secrets", "-n", place, "-l", f"practicum.dev/student=s{id}",
                     "-o", "json")
    )["items"]  # fmt: skip
    new = max(found, key=lambda one: one["metadata"]["annotations"][credential.ISSUED])
    past = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    course.admin("annotate", "secret", new["metadata"]["name"], "-n", place, "--overwrite",
                 f"practicum.dev/replaced-end={past}")  # fmt: skip


def test_now_leaves_no_overlap(course, access, doomed):
    old = access(TWO)

    course.json("rotate", course.name, TWO, "--now")

    assert access(TWO).works
    assert standing(course, TWO)["older"] == []
    doomed.append(old)


def test_a_file_that_cannot_be_written_leaves_the_old_one_its_access(course, access):
    before, theirs = standing(course, ONE), access(ONE)
    kept = theirs.path.with_name("kept")
    file = course.home / "handout" / course.name / f"{ONE}.kubeconfig.age"
    file.rename(kept)
    file.mkdir()  # in the way of whoever writes, root too
    try:
        for command in (["rotate", "--now"], ["handout", "--renew"]):
            refused = course.json(command[0], course.name, ONE, *command[1:], code=6)
            assert "cannot be written" in refused["failed"][0]["error"]
    finally:
        file.rmdir()
        kept.rename(file)

    assert course.json("rotate", course.name, "--sweep")["swept"] == []
    assert standing(course, ONE) == before
    assert theirs.works
    assert course.json("handout", course.name, ONE)["kept"] == [ONE]


def test_another_key_on_file_gets_nothing_until_it_is_said_to_be_theirs(course):
    """Who can write to the keys' folder must not get a student's access by that."""
    before = standing(course, THREE)
    course.give_key(THREE)

    for command in (["handout", "--renew"], ["rotate"]):
        refused = course.json(command[0], course.name, *command[1:], code=6)
        [failure] = refused["failed"]
        assert failure["id"] == THREE
        assert f"practicum handout {course.name} {THREE} --replace-key" in failure["error"]
    assert standing(course, THREE) == before
    everybody = course.run("handout", course.name, "--replace-key", code=3)
    assert "for students who are named" in everybody.stderr

    replaced = course.json("handout", course.name, THREE, "--replace-key")

    assert [item["id"] for item in replaced["issued"]] == [THREE]
    assert standing(course, THREE)["recipient"] not in (None, before["recipient"])
    assert events(course, THREE)[-2:] == ["key-replaced", "renewed"]
    assert course.json("handout", course.name, THREE)["kept"] == [THREE]


def test_a_second_operator_kills_nobodys_access(course, tmp_path, access):
    """What was given stands on the cluster; the files lie with whoever gave it."""
    theirs = access(ONE)
    second = type(course)(
        name=course.name, stacks=course.stacks, home=tmp_path / "second",
        kubeconfig=course.kubeconfig, kubectl=course.kubectl,
    )  # fmt: skip
    (second.home / "rehearsal").mkdir(parents=True)
    (second.home / "rehearsal" / "kubeconfig").write_bytes(course.kubeconfig.read_bytes())

    result = second.json("handout", course.name, ONE)

    assert (result["issued"], result["elsewhere"]) == ([], [ONE])
    assert standing(second, ONE) == standing(course, ONE)
    assert theirs.works


def test_the_first_command_of_every_textbook_ends_well(access):
    done = as_student(access(ONE).path, "get", "all")

    assert (done.returncode, done.stderr.split(" in ")[0]) == (0, "No resources found")


def test_the_audit_file_tells_who_got_what_and_neither_names_nor_secrets(course):
    path = course.home / "audit" / f"{course.name}.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert all(
        set(line) == {"time", "event", "id", "fingerprint", "expires", "operator"} for line in lines
    )
    assert {line["operator"] for line in lines} == {"rehearsal-admin"}
    issued = next(line for line in lines if line["event"] == "issued")
    assert issued["fingerprint"].startswith("SHA256:")
    assert datetime.fromisoformat(issued["expires"]) > datetime.now(UTC)
    assert "Student 2026" not in path.read_text()
    assert "eyJ" not in path.read_text(), "a token starts like that"


def test_nothing_is_done_where_the_audit_file_cannot_be_kept(course):
    path = course.home / "audit" / f"{course.name}.jsonl"
    path.chmod(0o644)
    try:
        refused = course.run("revoke", course.name, ONE, code=3)
    finally:
        path.chmod(0o600)

    assert f"chmod 600 {path}" in refused.stderr
    assert standing(course, ONE)["state"] == "issued"


def test_what_is_on_disk_is_held_against_the_roster_and_the_cluster(course):
    for id in (ONE, TWO, THREE):
        course.json("handout", course.name, id)
    folder = course.home / "handout" / course.name
    good = course.json("keys", "audit", course.name)
    assert [one["id"] for one in good["files"]] == [ONE, TWO, THREE]
    assert not good["differs"]

    kept = {file: file.read_bytes() for file in folder.iterdir()}
    (folder / f"{ONE}.recipient.json").unlink()
    (folder / f"{TWO}.kubeconfig.age").write_bytes(kept[folder / f"{THREE}.kubeconfig.age"])
    (folder / "stranger.kubeconfig.age").write_bytes(b"age-encryption.org/v1")
    bad = course.json("keys", "audit", course.name, code=8)
    for file, content in kept.items():
        file.write_bytes(content)
    (folder / "stranger.kubeconfig.age").unlink()

    found = {one["id"]: one["differences"] for one in bad["files"]}
    assert found.pop(THREE) == []
    assert found == {
        ONE: ["nothing was noted when it was written, so nobody knows who can open it"],
        TWO: ["was changed after it was written"],
        "stranger": ["is of nobody who is in the roster"],
    }
    mine = (course.folder / "keys" / THREE).read_text()
    course.give_key(THREE)
    changed = course.run("keys", "audit", course.name, code=8).stdout
    (course.folder / "keys" / THREE).write_text(mine)
    assert "was written to another key than the one on file" in changed


def test_a_submission_zip_comes_in_and_the_feedback_zip_goes_back(course, tmp_path):
    identity = pyrage.x25519.Identity.generate()
    course.keys[FOUR] = identity
    prefix = f"Student {FOUR}_77_assignsubmission_file_"
    with zipfile.ZipFile(tmp_path / "submissions.zip", "w") as out:
        out.writestr(f"{prefix}/course.pub", f"{identity.to_public()}\n")
        out.writestr("Student 99_78_assignsubmission_file_/course.pub", "nobody's")
    arguments = ("keys", "import", course.name, str(tmp_path / "submissions.zip"))

    assert course.json("keys", "missing", course.name)["missing"] == [FOUR, FIVE]
    nobody = course.run(*arguments, "--from", "moodle", code=3)
    assert "Say --yes" in nobody.stderr
    done = course.json(*arguments, "--from", "moodle", "--yes", code=6)
    assert (done["new"], done["written"], len(done["refused"])) == ([FOUR], True, 1)
    assert course.json("keys", "missing", course.name)["missing"] == [FIVE]

    result = course.json("handout", course.name, THREE, FOUR, "--bundle", "moodle")

    bundle = result["bundle"]
    assert (bundle["placed"], bundle["unplaced"]) == ([FOUR], [THREE])
    with zipfile.ZipFile(bundle["path"]) as archive:
        assert archive.namelist() == [
            f"{THREE}/{THREE}.kubeconfig.age", f"{prefix}/{FOUR}.kubeconfig.age"
        ]  # fmt: skip
        sealed = archive.read(f"{prefix}/{FOUR}.kubeconfig.age")
    assert b"current-context" in pyrage.decrypt(sealed, [identity])
    assert stat.S_IMODE((course.home / "platform" / f"{course.name}-moodle.json").stat().st_mode) == 0o600  # fmt: skip


def test_an_assistant_looks_for_some_hours_and_reads_no_secret(course, tmp_path, wait_until):
    who = ("access", "grant", course.name, "Tabea Tutorin")
    short = course.run(*who, "--for", "9m", code=3)
    assert "less than 10m" in short.stderr
    stranger = course.run("access", "grant", course.name, "Eve", "--for", "1h", code=3)
    assert "Nobody of that name is an assistant" in stranger.stderr

    given = course.json(*who, "--for", "2h")

    left = datetime.fromisoformat(given["expires"]) - datetime.now(UTC)
    assert timedelta(minutes=115) < left <= timedelta(minutes=120)
    path = tmp_path / "tabea.kubeconfig"
    path.write_bytes(pyrage.decrypt(Path(given["path"]).read_bytes(), [course.tabea]))
    path.chmod(0o600)
    for id in (ONE, TWO):
        place = ("-n", course.namespace(id))
        wait_until(lambda place=place: as_student(path, "get", "pods", *place).returncode == 0)
    secrets = as_student(path, "get", "secrets", "-n", course.namespace(ONE))
    assert 'cannot list resource "secrets"' in secrets.stderr
    changing = as_student(path, "create", "configmap", "x", "-n", course.namespace(ONE))
    assert 'cannot create resource "configmaps"' in changing.stderr
    listed = course.json("access", "list", course.name)["access"]
    assert [(one["assistant"], one["state"]) for one in listed] == [
        ("Tabea Tutorin", "issued"), ("Rita Leserin", "none"),
    ]  # fmt: skip
    assert set(course.actions()) == {ONE, TWO, THREE, FOUR, FIVE}

    assert course.json("access", "revoke", course.name, "Tabea Tutorin")["ended"]

    assert course.json("access", "list", course.name)["access"][0]["state"] == "none"
    assert not course.json("access", "revoke", course.name, "Tabea Tutorin")["ended"]
    account = listed[0]["account"]
    assert events(course, account) == ["access-granted", "access-revoked"]


def test_an_assistant_reads_secrets_where_the_cohort_file_says_so_and_no_more(
    course, tmp_path, wait_until
):
    course.admin("create", "secret", "generic", "work", "-n", course.namespace(ONE))
    before = course.actions()

    given = course.json("access", "grant", course.name, "Rita Leserin", "--for", "1h")

    path = tmp_path / "rita.kubeconfig"
    path.write_bytes(pyrage.decrypt(Path(given["path"]).read_bytes(), [course.rita]))
    path.chmod(0o600)
    place = ("-n", course.namespace(ONE))
    wait_until(lambda: "work" in as_student(path, "get", "secrets", *place).stdout)
    for attempt, told in (
        (("delete", "secret", "work", *place), "cannot delete resource"),
        (("get", "secrets", "-n", f"practicum-{course.name}"), "cannot list resource"),
        (("get", "secrets", "-A"), "cannot list resource"),
    ):
        assert told in as_student(path, *attempt).stderr
    assert course.actions() == before, "what lets them is no drift"
    assert course.json("access", "revoke", course.name, "Rita Leserin")["ended"]


def tokens_of(course, id):
    """Mint as many credentials for a student as there are trials, and use each once."""
    reading = read(Settings(stacks=course.stacks, home=course.home), course.name)
    found = []
    for _ in range(TRIALS):
        wanted = credential.Wanted(
            recipient=reading.students[id].key, address=terms.address_of(reading),
            expires=datetime.now(UTC) + timedelta(hours=1),
        )  # fmt: skip
        given, sealed = credential.issue(reading.client, course.name, reading.records[id], wanted)
        if len(found) % 2:  # half of them as a hand-out that was killed leaves them
            credential.settle(reading.client, given)
        config = yaml.safe_load(pyrage.decrypt(sealed, [course.keys[id]]))
        found.append(reading.client.bearing(config["users"][0]["user"]["token"]))
    for client in found:
        assert client.request("GET", "/version"), "from here on the server has it in mind"
    return found


def is_refused(client):
    try:
        client.request("GET", "/version")
    except NotKnownError:
        return True
    return False


def await_end(some, is_over, since):
    """Wait until all is over; what is asked for too late after a moment must not work."""
    left = list(some)
    while left:
        asked = time.monotonic()
        left = [one for one in left if not is_over(one)]
        assert not left or asked - since < REVOCATION_SECONDS, "what was ended still works"
        time.sleep(0.1 if left else 0)


def test_what_was_ended_is_dead_within_seconds(course, access, record_property):
    """In twenty of twenty trials, with tokens that the server has just seen."""
    last, many = access(FOUR), tokens_of(course, FOUR)

    course.json("revoke", course.name, FOUR)
    began = time.monotonic()
    await_end(many, is_refused, began)
    record_property("revocation_seconds", round(time.monotonic() - began, 1))

    assert last.is_dead
