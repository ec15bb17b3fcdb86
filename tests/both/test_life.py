"""The life of a course and of what a student does in it, by the same commands on both backends."""

from __future__ import annotations

import json

from . import work

CHANGES, INPUT = 10, 3


def test_a_course_is_made_worked_in_kept_right_and_taken_down_with_proof(new_life, tmp_path):
    life = new_life("1", "2")
    course = life.course
    course.give_key("1")

    planned = course.json("plan", course.name, "--detailed-exitcode", code=CHANGES)
    assert {one["id"]: one["action"] for one in planned["students"]} == dict.fromkeys(
        ("1", "2"), "create"
    )
    assert life.left() == []  # a plan makes nothing

    done = course.up()
    assert (done["created"], done["failed"]) == (2, [])
    first = {id: life.identity(id) for id in ("1", "2")}
    assert all(first.values())
    assert life.left() == [course.namespace("1"), course.namespace("2")]

    again = course.up()
    assert (again["same"], again["processes"]) == (2, 0)
    assert {id: life.identity(id) for id in first} == first

    status = course.json("status", course.name)
    assert [(one["id"], one["namespace"], one["phase"]) for one in status["students"]] == [
        ("1", course.namespace("1"), "ready"),
        ("2", course.namespace("2"), "ready"),
    ]
    assert status["unfinished"] is None

    theirs = work.handed_out(course, tmp_path)
    work.write_notes(theirs)
    suspend_and_resume(life, first, theirs)
    work.are_kept_and_come_back(course, theirs, tmp_path)
    mend_what_somebody_deleted(life, first)
    drop_one(life, first)
    take_down(life, theirs)


def suspend_and_resume(life, first, theirs):
    course = life.course

    course.json("suspend", course.name, "1", "--yes")
    assert (life.is_running("1"), life.is_running("2")) == (False, True)
    assert phases(course) == {"1": "suspended", "2": "ready"}
    work.until_shut(theirs)
    assert course.up()["same"] == 2  # it stays suspended
    assert not life.is_running("1")

    course.json("resume", course.name, "1", "--yes")
    assert life.is_running("1")
    assert phases(course) == {"1": "ready", "2": "ready"}
    assert {id: life.identity(id) for id in first} == first
    work.until_read(theirs, "1")  # with the kubeconfig of before


def mend_what_somebody_deleted(life, first):
    course = life.course
    life.destroy("2")
    assert course.actions() == {"1": "same", "2": "create"}

    done = course.up()

    assert (done["created"], done["same"], done["failed"]) == (1, 1, [])
    assert life.identity("2") not in ("", first["2"])
    assert life.identity("1") == first["1"]
    assert phases(course) == {"1": "ready", "2": "ready"}


def drop_one(life, first):
    course = life.course
    course.roster(["1"])

    assert phases(course) == {"1": "ready", "2": "leaving"}
    done = course.up("--no-archive")

    assert (done["removed"], done["same"], done["failed"]) == (1, 1, [])
    assert life.left() == [course.namespace("1")]
    assert life.identity("1") == first["1"]
    assert course.actions() == {"1": "same"}


def take_down(life, theirs):
    course = life.course
    course.roster([])

    refused = course.run("up", course.name, "--yes", "--allow-drop", "1", code=INPUT)
    assert "there is no student below the header" in refused.stderr
    assert phases(course).keys() == {"1"}  # who is there is known without the roster
    receipt = course.down()

    assert (receipt["proved"], receipt["remaining"]) == (True, [])
    assert receipt["removed"] >= 1
    assert receipt["searched"].keys() >= life.searched
    assert life.left() == []
    assert not list((course.home / "state").rglob(f"{course.name}.*.json"))
    [kept] = (course.home / "receipts").glob(f"{course.name}-*.json")
    assert json.loads(kept.read_text())["proved"]
    work.is_last(receipt)
    work.until_refused(theirs)

    again = course.down("--no-archive")
    assert (again["proved"], again["removed"]) == (True, 0)


def phases(course):
    return {one["id"]: one["phase"] for one in course.json("status", course.name)["students"]}
