"""The life of a course, by the same commands on both backends."""

from __future__ import annotations

import json

CHANGES = 10


def test_a_course_is_planned_made_kept_right_and_taken_down_with_proof(new_life):
    life = new_life("1", "2")
    course = life.course

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

    suspend_and_resume(life, first)
    drop_one(life, first)
    mend_what_somebody_deleted(life)
    take_down(life)


def suspend_and_resume(life, first):
    course = life.course

    course.json("suspend", course.name, "2", "--yes")
    assert (life.is_running("1"), life.is_running("2")) == (True, False)
    assert phases(course) == {"1": "ready", "2": "suspended"}
    assert course.up()["same"] == 2  # it stays suspended

    course.json("resume", course.name, "2", "--yes")
    assert life.is_running("2")
    assert phases(course) == {"1": "ready", "2": "ready"}
    assert {id: life.identity(id) for id in first} == first


def drop_one(life, first):
    course = life.course
    course.roster(["2"])

    assert phases(course) == {"1": "leaving", "2": "ready"}
    done = course.up("--no-archive")

    assert (done["removed"], done["same"], done["failed"]) == (1, 1, [])
    assert life.left() == [course.namespace("2")]
    assert life.identity("2") == first["2"]
    assert course.actions() == {"2": "same"}


def mend_what_somebody_deleted(life):
    course = life.course
    before = life.identity("2")
    life.destroy("2")
    assert course.actions() == {"2": "create"}

    done = course.up()

    assert (done["created"], done["failed"]) == (1, [])
    assert life.identity("2") not in ("", before)
    assert phases(course) == {"2": "ready"}


def take_down(life):
    course = life.course

    receipt = course.down("--no-archive")

    assert (receipt["proved"], receipt["remaining"]) == (True, [])
    assert receipt["removed"] >= 1
    assert sum(receipt["searched"].values()) >= 0
    assert life.left() == []
    assert not list((course.home / "state").rglob(f"{course.name}.*.json"))
    [kept] = (course.home / "receipts").glob(f"{course.name}-*.json")
    assert json.loads(kept.read_text())["proved"]

    again = course.down("--no-archive")
    assert (again["proved"], again["removed"]) == (True, 0)


def phases(course):
    return {one["id"]: one["phase"] for one in course.json("status", course.name)["students"]}
