"""A student's own work in a course on either backend: given, kept, and brought back."""

from __future__ import annotations

from pathlib import Path

import pyrage

from ..cluster.course import as_student
from ..waiting import until

PARTIAL = 6
ONE = "1"


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


def student(kubeconfig, *arguments: str, stdin: str | None = None) -> str:
    """Run kubectl with what a student was handed; it must succeed."""
    done = as_student(kubeconfig, *arguments, stdin=stdin)
    assert done.returncode == 0, done.stderr
    return done.stdout


def write_notes(kubeconfig) -> None:
    student(kubeconfig, "create", "configmap", "notes", "--from-literal=week=1")


def are_kept_and_come_back(course, kubeconfig, folder) -> None:
    """Archive them, lose them, and bring them back twice."""
    kept = archived(course)
    student(kubeconfig, "delete", "configmap", "notes")
    assert restored(course, kept, folder) == {"restored"}
    until_read(kubeconfig, "1")
    assert restored(course, kept, folder) == {"same"}


def archived(course):
    [made] = course.json("archive", "make", course.name, ONE)["archives"]
    assert made["id"] == ONE
    assert made["copy"]
    return made["path"]


def restored(course, path, folder) -> set[str]:
    """Bring an archive back; return what became of the notes."""
    return {state for _, name, state in restore(course, path, folder) if name.endswith("notes")}


def restore(course, path, folder, code: int = 0) -> set[tuple[str, str, str]]:
    """Bring an archive back; return the type, the name and what became of each object."""
    key = folder / "course.agekey"
    key.write_text(str(course.course_key))
    key.chmod(0o600)
    told = course.json(
        *("archive", "restore", course.name, ONE, str(path), "--identity", str(key), "--yes"),
        code=code,
    )
    return {(one["type"], one["name"], one["state"]) for one in told["objects"]}


def is_last(receipt) -> None:
    """See that a teardown kept the student's work, for nobody else to read."""
    [last] = receipt["archives"]
    assert last["id"] == ONE
    assert Path(last["path"]).stat().st_mode & 0o777 == 0o600


def until_read(kubeconfig, week: str) -> None:
    """An API server hears of a right that it gave a moment later."""
    until(lambda: _read(kubeconfig) == (0, week), "the notes can be read")


def until_refused(kubeconfig) -> None:
    """An API server remembers a token for up to ten seconds."""
    asked = ("auth", "whoami", "--request-timeout=5s")
    until(lambda: as_student(kubeconfig, *asked).returncode, "the kubeconfig opens nothing")


def until_shut(kubeconfig) -> None:
    """Wait until what is in the environment cannot be read."""
    until(lambda: _read(kubeconfig)[0], "the notes cannot be read")


def _read(kubeconfig) -> tuple[int, str]:
    path = ("-o=jsonpath={.data.week}", "--request-timeout=5s")
    done = as_student(kubeconfig, "get", "configmap", "notes", *path)
    return done.returncode, done.stdout
