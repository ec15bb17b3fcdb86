"""A student's own work, by the same commands on both backends: given, kept, and brought back."""

from __future__ import annotations

import time
from pathlib import Path

import pyrage

from ..cluster.course import as_student

PARTIAL = 6
ONE, TWO = "1", "2"


def test_what_a_student_is_given_works_rests_and_is_kept(new_life, tmp_path):
    life = new_life(ONE)
    course = life.course
    course.give_key(ONE)
    assert course.up()["failed"] == []

    theirs = handed_out(course, tmp_path)
    assert (
        as_student(theirs, "create", "configmap", "notes", "--from-literal=week=1").returncode == 0
    )

    course.json("suspend", course.name, ONE, "--yes")
    assert as_student(theirs, "get", "configmap", "notes", "--request-timeout=5s").returncode
    course.json("resume", course.name, ONE, "--yes")
    assert read_notes(theirs) == "1"  # with the kubeconfig of before

    kept = archived(course)
    assert as_student(theirs, "delete", "configmap", "notes").returncode == 0
    assert restored(course, kept, tmp_path) == {"restored"}
    assert read_notes(theirs) == "1"
    assert restored(course, kept, tmp_path) == {"same"}

    receipt = course.down()
    [last] = receipt["archives"]
    assert (last["id"], receipt["proved"], life.left()) == (ONE, True, [])
    assert Path(last["path"]).stat().st_mode & 0o777 == 0o600
    until_refused(theirs)


def handed_out(course, folder):
    """Hand out, as often as one likes; what lies there opens with the student's key alone."""
    [given] = course.json("handout", course.name)["issued"]
    assert given["id"] == ONE
    again = course.json("handout", course.name)
    assert (again["issued"], again["kept"]) == ([], [ONE])

    first = course.keys[ONE]
    course.give_key(ONE)  # somebody puts another key in place
    refused = course.json("handout", course.name, ONE, code=PARTIAL)
    assert "not the one" in refused["failed"][0]["error"]
    course.json("handout", course.name, ONE, "--replace-key")
    opened = course.open(ONE, folder)
    sealed = course.home / "handout" / course.name / f"{ONE}.kubeconfig.age"
    try:
        pyrage.decrypt(sealed.read_bytes(), [first])
    except pyrage.DecryptError:
        return opened
    raise AssertionError("the first key opens it still")


def until_refused(kubeconfig) -> None:
    """An API server remembers a token for up to ten seconds."""
    deadline = time.monotonic() + 30
    while as_student(kubeconfig, "auth", "whoami", "--request-timeout=5s").returncode == 0:
        assert time.monotonic() < deadline, "the kubeconfig still works"
        time.sleep(0.5)


def read_notes(kubeconfig) -> str:
    done = as_student(kubeconfig, "get", "configmap", "notes", "-o=jsonpath={.data.week}")
    assert done.returncode == 0, done.stderr
    return done.stdout


def archived(course):
    [made] = course.json("archive", "make", course.name)["archives"]
    assert made["id"] == ONE
    assert made["copy"]
    return made["path"]


def restored(course, path, folder) -> set[str]:
    """Bring an archive back; return what became of the notes."""
    key = folder / "course.agekey"
    key.write_text(str(course.course_key))
    key.chmod(0o600)
    told = course.json(
        "archive", "restore", course.name, ONE, str(path), "--identity", str(key), "--yes"
    )
    return {one["state"] for one in told["objects"] if one["name"].endswith("notes")}
