"""A course that has lab hosts beside its cluster: what the other commands make of them.

Here a host does not answer; that hosts are made right is shown in ``tests/hosts``.
"""

from __future__ import annotations

import json
from contextlib import contextmanager

import pytest

pytestmark = pytest.mark.cluster

HOSTS = [{"name": "lab1", "address": "127.0.0.1", "port": 1}]
PINNED = (
    "[127.0.0.1]:1 ssh-ed25519"
    " AAAAC3NzaC1lZDI1NTE5AAAAIJ1qzKX0gkY3Zn0qmCVWlHzZyk0aI8wMTJr6z5n0nJ7v\n"
)
IDS = ("20260001", "20260002")


@pytest.fixture(scope="module")
def course(new_course):
    course = new_course(IDS, hosts=HOSTS)
    for id in IDS:
        course.give_key(id)
    return course


def test_before_the_first_up_the_host_is_known_to_validate_and_doctor(course):
    assert course.json("validate", course.name)["hosts"] == {"lab1": 2}
    findings = course.json("doctor", course.name)["findings"]
    (hosts,) = [one for one in findings if one["about"] == "hosts"]
    assert hosts["verdict"] == "warning"
    assert "not pinned: lab1" in hosts["found"]


def test_a_host_that_fails_stops_no_student_on_the_cluster(course):
    (course.folder / "known_hosts").write_text(PINNED)

    done = course.up(code=6)

    assert (done["created"], done["failed"]) == (2, [])
    (host,) = done["hosts"]
    assert (host["name"], host["state"], host["students"]) == ("lab1", "unreachable", 2)
    assert host["why"] == "nothing answers at its SSH port"
    assert set(course.actions().values()) == {"same"}


def test_status_tells_how_the_last_run_went(course):
    (host,) = course.json("status", course.name)["hosts"]

    assert (host["name"], host["state"]) == ("lab1", "unreachable")
    assert "host lab1: unreachable" in course.run("status", course.name).stdout


def test_a_change_for_one_student_asks_no_host(course):
    done = course.json("up", course.name, IDS[0], "--yes")

    assert done["hosts"] == []


def test_who_is_suspended_is_told_to_follow_on_the_hosts(course):
    done = course.json("suspend", course.name, IDS[0], "--yes")

    assert f"Accounts on lab hosts follow with: practicum hosts up {course.name}" in done["notes"]


def test_down_does_not_prove_what_it_could_not_look_at(course):
    down = ("down", course.name, "--yes", course.name)
    refused = [course.run(*down, "--force-finalize", "nobody", code=3)]
    with claimed(course):
        refused.append(course.run(*down, code=9))
    assert not any("Removing accounts from hosts" in done.stderr for done in refused)
    assert "hosts down" not in journal(course)

    (course.folder / "hosts.json").unlink()  # as in another operator's clone: hosts know anyway
    document = course.down(code=8)

    assert not document["proved"]
    assert document["remaining"] == []
    (host,) = document["hosts"]["hosts"]
    assert host["remaining"] == ["not searched: nothing answers at its SSH port"]
    assert course.admin("get", "namespaces", "-o", "name").count(f"/{course.name}--") == 0
    assert "hosts down" in journal(course)
    [kept] = course.home.glob(f"receipts/{course.name}-hosts-*.json")
    assert json.loads(kept.read_text()) == document["hosts"]


@contextmanager
def claimed(course):
    """Another operator's run holds the cohort."""
    theirs = {"run": "x", "host": "laptop", "pid": 7, "place": "elsewhere", "since": "ten"}
    annotate = ("annotate", "namespace", f"practicum-{course.name}",
                "--field-manager=practicum-claim")  # fmt: skip
    course.admin(*annotate, f"run.practicum.dev/claim={json.dumps(theirs)}")
    yield
    course.admin(*annotate, "run.practicum.dev/claim-")


def journal(course):
    return (course.home / "journal" / f"{course.name}.jsonl").read_text()


def test_without_a_course_key_nothing_is_taken_down(new_course):
    course = new_course(IDS, hosts=HOSTS, course_key=None)
    course.up("--no-archive", code=6)

    done = course.run("down", course.name, "--yes", course.name, code=3)

    assert "no course_key" in done.stderr


def test_hosts_need_no_cluster(tmp_path, new_course):
    course = new_course(IDS, hosts=HOSTS)
    course.home = tmp_path / "nothing-runs-here"

    done = course.json("hosts", "up", course.name, "--yes", code=5)

    assert done["hosts"][0]["state"] == "never started"
    seats = json.loads((course.folder / "hosts.json").read_text())["students"]
    assert sorted(seats) == [f"s{id}" for id in IDS]
