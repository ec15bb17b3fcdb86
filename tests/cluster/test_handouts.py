"""What students are handed opens what is theirs, until it is renewed or they leave."""

from __future__ import annotations

import stat

import pyrage
import pytest

from .audit import mutations
from .course import as_student

pytestmark = pytest.mark.cluster

KEYED = ("1", "2", "4")
"""The second is given another; the fourth leaves with three others, and returns."""


@pytest.fixture(scope="module")
def handed(new_course, control_plane, tmp_path_factory):
    """Seven students, of whom three have been handed something, and have used it.

    The server remembers for ten seconds what it let in: it is used before it matters.
    """
    course = new_course([str(number) for number in range(1, 8)])
    for id in KEYED:
        course.give_key(id)
    course.up()
    course.first = course.json("handout", course.name)
    folder = tmp_path_factory.mktemp("handed")
    course.old = {id: course.open(id, folder) for id in KEYED}
    for kubeconfig in course.old.values():
        assert as_student(kubeconfig, "get", "pods").returncode == 0
    return course


@pytest.fixture(scope="module")
def again(handed, control_plane):
    """Hand out once more: what was said, what was changed, and whether the file is another."""
    path = handed.home / "handout" / handed.name / "1.kubeconfig.age"
    before = path.read_bytes()
    mark = control_plane.mark()
    document = handed.json("handout", handed.name)
    return document, mutations(control_plane.since(mark)), path.read_bytes() == before


@pytest.fixture(scope="module")
def renewed(handed, again, tmp_path_factory):
    """What the second was handed in place of the first."""
    document = handed.json("handout", handed.name, "2", "--renew")
    return document, handed.open("2", tmp_path_factory.mktemp("renewed"))


@pytest.fixture(scope="module")
def thinned(handed, again, renewed):
    """Four of the seven leave; one of them had access."""
    course = handed
    course.roster(["1", "2", "3"])
    course.refused = course.run("up", course.name, "--yes", code=3)
    course.untouched = course.actions()
    course.run("up", course.name, "--yes", "--allow-drop", "3", code=3)
    course.dropped = course.up("--allow-drop", "4")
    return course


def test_a_handout_opens_the_own_namespace_and_no_other(handed):
    first = handed.old["1"]
    here = as_student(first, "create", "configmap", "work", "--from-literal=a=1")
    next_door = as_student(first, "get", "configmaps", "-n", handed.namespace("2"))

    assert {item["id"] for item in handed.first["issued"]} == set(KEYED)
    assert handed.first["unkeyed"] == ["3", "5", "6", "7"]
    assert here.returncode == 0, here.stderr
    assert 'cannot list resource "configmaps"' in next_door.stderr


def test_a_handout_is_private_and_given_once(handed, again):
    document, changed, is_same = again
    path = handed.home / "handout" / handed.name / "1.kubeconfig.age"

    assert document["issued"] == []
    assert set(document["kept"]) == set(KEYED)
    assert changed == []
    assert is_same
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_another_students_key_opens_nothing(handed):
    sealed = (handed.home / "handout" / handed.name / "1.kubeconfig.age").read_bytes()

    assert b"apiVersion" in pyrage.decrypt(sealed, [handed.keys["1"]])
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(sealed, [handed.keys["2"]])


def test_a_handout_is_renewed_for_who_is_named(renewed):
    document, new = renewed

    assert [item["id"] for item in document["issued"]] == ["2"]
    assert as_student(new, "get", "pods").returncode == 0


def test_status_tells_phase_key_and_credential(handed):
    found = {student["id"]: student for student in handed.json("status", handed.name)["students"]}

    assert {student["phase"] for student in found.values()} == {"ready"}
    assert found["1"]["key"] == "age"
    assert found["1"]["credential"]["state"] == "issued"
    assert found["3"]["key"] == "unkeyed"
    assert found["3"]["credential"]["state"] == "none"


def test_a_mass_drop_needs_its_exact_number(thinned):
    assert "--allow-drop 4" in thinned.refused.stderr
    assert len(thinned.untouched) == 7
    assert (thinned.dropped["removed"], thinned.dropped["same"]) == (4, 3)


def test_a_renewed_handout_ends_the_old_one(handed, renewed, wait_until):
    old, (_, new) = handed.old["2"], renewed

    wait_until(lambda: "logged in" in as_student(old, "get", "pods").stderr)
    assert as_student(new, "get", "pods").returncode == 0


def test_who_leaves_and_returns_finds_the_old_access_dead(thinned, tmp_path, wait_until):
    """CRD-03: a token carries the account's UID, so a new account revives nothing."""
    course, old = thinned, thinned.old["4"]
    wait_until(lambda: "logged in" in as_student(old, "get", "pods").stderr)
    course.roster(["1", "2", "3", "4"])

    back = course.up()

    assert (back["created"], back["same"]) == (1, 3)
    assert "logged in" in as_student(old, "get", "pods").stderr
    course.json("handout", course.name)
    new = course.open("4", tmp_path)
    assert as_student(new, "get", "pods").returncode == 0
